#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Small programs for the host tests: servers, clients, and what they measure."""
import argparse
import os
import signal
import socket
import sys
import time


def family(host):
    return socket.AF_INET6 if ':' in host else socket.AF_INET


def echo(args):
    """An echo server, TCP and UDP on the same port, for ever; on `also`'s ports too."""
    import selectors
    sel = selectors.DefaultSelector()
    for port in [args.port] + args.also:
        tcp = socket.socket(family(args.host), socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((args.host, port))
        tcp.listen(64)
        udp = socket.socket(family(args.host), socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        udp.bind((args.host, port))
        sel.register(tcp, selectors.EVENT_READ, 'listener')
        sel.register(udp, selectors.EVENT_READ, 'datagrams')
    while True:
        for key, _ in sel.select():
            if key.data == 'listener':
                conn, _ = key.fileobj.accept()
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sel.register(conn, selectors.EVENT_READ)
            elif key.data == 'datagrams':
                data, peer = key.fileobj.recvfrom(65536)
                key.fileobj.sendto(data, peer)
            else:
                try:
                    data = key.fileobj.recv(65536)
                except ConnectionError:
                    data = b''
                if data:
                    key.fileobj.sendall(data)
                else:
                    sel.unregister(key.fileobj)
                    key.fileobj.close()


def silent(args):
    """Accepts connections and says nothing, for ever."""
    listener = socket.create_server((args.host, args.port), backlog=64)
    kept = []
    while True:
        kept.append(listener.accept())


def rtt(args):
    """The median round trip over one connection, ms: the least of those of `tries` connections, which is
    what squall adds without what else the machine does. Fails on a timeout."""
    medians = []
    for _ in range(args.tries):
        kind = socket.SOCK_DGRAM if args.udp else socket.SOCK_STREAM
        with socket.socket(family(args.host), kind) as sock:
            sock.settimeout(5)
            sock.connect((args.host, args.port))
            if not args.udp:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            taken = []
            for i in range(args.count):
                begun = time.monotonic()
                sock.send(b'%08d' % i)
                sock.recv(64)
                taken.append((time.monotonic() - begun) * 1000)
        medians.append(sorted(taken)[len(taken) // 2])
    print('%.3f' % min(medians))


def chatter(args):
    """Asks a UDP echo every 10 ms, for ever, whether it answers or not."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.settimeout(0.01)
    sock.connect((args.host, args.port))
    while True:
        try:
            sock.send(b'x')
            sock.recv(64)
        except OSError:
            pass
        time.sleep(0.01)


def loss(args):
    """Sends `count` datagrams to an echo or sink, every second of `pad` bytes; prints sent, errors of the sender."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_IP if ':' not in args.host else socket.IPPROTO_IPV6,
                    11 if ':' not in args.host else 25, 1)  # IP_RECVERR
    sock.connect((args.host, args.port))
    errors = 0
    for i in range(args.count):
        try:
            sock.send((b'%08d' % i).ljust(args.pad if i % 2 else 0))
        except OSError:
            errors += 1
        if i % 50 == 49:
            time.sleep(0.002)
    print(args.count, errors)


def prioritized(args):
    """Sends `count` datagrams, every second with the priority that is class 8:1."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    for i in range(args.count):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 0x80001 if i % 2 else 0)
        sock.sendto(b'%08d' % i, (args.host, args.port))


def sink(args):
    """Counts the datagrams that come in, until none has come for 1 s after the first."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.bind((args.host, args.port))
    print('ready', file=sys.stderr, flush=True)
    n = 0
    while True:
        sock.settimeout(1 if n else 30)
        try:
            sock.recv(64)
        except socket.timeout:
            break
        n += 1
    print(n)


def numbers(args):
    """Like sink, but prints the numbers of the datagrams in the order they came, on one line; may tell of the first."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
    sock.bind((args.host, args.port))
    print('ready', file=sys.stderr, flush=True)
    came = []
    while True:
        sock.settimeout(1 if came else 30)
        try:
            came.append(int(sock.recv(64)))
        except socket.timeout:
            break
        if args.tell and len(came) == 1:
            print('came', file=sys.stderr, flush=True)
    print(*came)


def flood(args):
    """Stops process `also`, sends up to `count` datagrams in 0.35 s, lets it go on; prints how many."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.connect((args.host, args.port))
    numbers = [b'%08d' % i for i in range(args.count)]
    os.kill(args.also[0], signal.SIGSTOP)
    try:
        end = time.monotonic() + 0.35
        sent = 0
        while sent < args.count and time.monotonic() < end:
            for number in numbers[sent:sent + 100]:
                sock.send(number)
                sent += 1
    finally:
        os.kill(args.also[0], signal.SIGCONT)
    print(sent)


def rtts(args):
    """Like rtt, but prints every round trip, ms, one a line; `-` where none came in 5 s."""
    kind = socket.SOCK_DGRAM if args.udp else socket.SOCK_STREAM
    sock = socket.socket(family(args.host), kind)
    sock.settimeout(5)
    if args.from_port:
        sock.bind(('', args.from_port))
    sock.connect((args.host, args.port))
    if not args.udp:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(args.count):
        begun = time.monotonic()
        sock.send(b'%08d' % i)
        try:
            sock.recv(64)
            print('%.3f' % ((time.monotonic() - begun) * 1000))
        except socket.timeout:
            print('-')
        time.sleep(args.pause)


def stream_data(kibibytes):
    import random
    block = random.Random(7).randbytes(65536)
    for i in range(kibibytes // 64):
        yield b'%08d' % i + block[8:]


def send(args):
    """Sends `count` KiB over TCP; prints their SHA-256."""
    import hashlib
    digest = hashlib.sha256()
    with socket.create_connection((args.host, args.port)) as sock:
        for block in stream_data(args.count):
            digest.update(block)
            sock.sendall(block)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
    print(digest.hexdigest())


def receive(args):
    """Takes one TCP connection to its end; prints the SHA-256 of what came."""
    import hashlib
    digest = hashlib.sha256()
    listener = socket.socket(family(args.host), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((args.host, args.port))
    listener.listen(1)
    conn, _ = listener.accept()
    while True:
        data = conn.recv(65536)
        if not data:
            break
        digest.update(data)
    print(digest.hexdigest(), flush=True)
    conn.close()


def connects(args):
    """Connects `count` times; prints how often each result came: `ok 3`, `ECONNREFUSED 5`."""
    import collections
    import errno
    results = collections.Counter()
    for _ in range(args.count):
        with socket.socket(family(args.host), socket.SOCK_STREAM) as sock:
            sock.settimeout(args.timeout)
            try:
                sock.connect((args.host, args.port))
                results['ok'] += 1
            except OSError as error:
                # our own patience has no errno; ETIMEDOUT of the kernel is a TimeoutError too
                results[errno.errorcode[error.errno] if error.errno else 'hangs'] += 1
        time.sleep(args.pause)
    for result in sorted(results):
        print(result, results[result])


def keep(args):
    """One TCP connection that asks an echo every 50 ms for ever; prints the error that ends it."""
    with socket.create_connection((args.host, args.port)) as sock:
        while True:
            sock.send(b'x')
            if not sock.recv(1):
                sys.exit('closed')
            print('.', end='', flush=True)
            time.sleep(0.05)


def answers(args):
    """Sends `count` datagrams to an echo, one after the other; prints how many are answered within
    `timeout`."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.settimeout(args.timeout)
    sock.connect((args.host, args.port))
    n = 0
    for i in range(args.count):
        sock.send(b'%08d' % i)
        try:
            n += sock.recv(64) == b'%08d' % i
        except socket.timeout:
            pass
    print(n)


def fsync(args):
    """The median time of fsync, ms, on a file in `path`."""
    fd = os.open(os.path.join(args.path, 'fsync'), os.O_RDWR | os.O_CREAT, 0o600)
    taken = []
    for i in range(args.count):
        os.write(fd, b'x')
        begun = time.monotonic()
        os.fsync(fd)
        taken.append((time.monotonic() - begun) * 1000)
    print('%.3f' % sorted(taken)[len(taken) // 2])


def enter(cgroup):
    with open(os.path.join(cgroup, 'cgroup.procs'), 'w') as procs:
        procs.write('0')


def nap(args):
    """Makes one getppid in the cgroup `path`; says before it 'ready' and after it the time, in s."""
    print('ready', flush=True)
    enter(args.path)
    os.getppid()
    print('%.6f' % time.time(), flush=True)


def killed(args):
    """How long a child in the cgroup `path` that naps in getppid lives after a SIGKILL, ms."""
    import signal
    taken = []
    for _ in range(args.count):
        pid = os.fork()
        if pid == 0:
            enter(args.path)
            os.getppid()
            os._exit(3)
        time.sleep(0.3)
        begun = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        taken.append((time.monotonic() - begun) * 1000)
        if not os.WIFSIGNALED(status):
            sys.exit('the child did not nap: exit code %d' % os.WEXITSTATUS(status))
    print('%.3f' % sorted(taken)[len(taken) // 2])


def reach(args):
    """Asks echoes at HOST,PORT pairs, all at once, over UDP and TCP; prints a line for what does not
    answer within `timeout`: the host, the port, the protocol."""
    import threading
    silent = []

    def ask(host, port, proto):
        kind = socket.SOCK_DGRAM if proto == 'udp' else socket.SOCK_STREAM
        with socket.socket(family(host), kind) as sock:
            sock.settimeout(args.timeout)
            try:
                sock.connect((host, int(port)))
                sock.send(b'x')
                answered = sock.recv(1) == b'x'
            except OSError:
                answered = False
        if not answered:
            silent.append((host, port, proto))

    threads = [threading.Thread(target=ask, args=(*peer.split(','), proto))
               for peer in args.peer for proto in ('udp', 'tcp')]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for line in sorted(silent):
        print(*line)


def sockets(args):
    """Socket calls towards an echo; prints a line a call: its name, what is special, the result.
    Connections are made first; then it waits for the file `path`."""
    import errno
    fam = family(args.host)
    peer = (args.host, args.port)
    tcp = socket.create_connection(peer)
    udp = socket.socket(fam, socket.SOCK_DGRAM)
    udp.connect(peer)
    print('ready', file=sys.stderr, flush=True)
    while not os.path.exists(args.path):
        time.sleep(0.02)

    def show(name, call):
        try:
            call()
            print(name, 'ok')
        except OSError as error:
            print(name, errno.errorcode[error.errno])

    def fresh(kind=socket.SOCK_DGRAM):
        return socket.socket(fam, kind)

    show('connect-tcp', lambda: fresh(socket.SOCK_STREAM).connect(peer))
    show('connect-udp', lambda: fresh().connect(peer))
    show('bind-tcp', lambda: fresh(socket.SOCK_STREAM).bind((args.host, 0)))
    show('bind-udp', lambda: fresh().bind((args.host, 0)))
    show('getsockopt', lambda: tcp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
    show('setsockopt', lambda: tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
    show('sendto-udp', lambda: fresh().sendto(b'x', peer))
    show('sendmsg-udp', lambda: fresh().sendmsg([b'x'], [], 0, peer))
    show('send-connected-udp', lambda: udp.send(b'x'))
    show('sendmsg-connected-udp', lambda: udp.sendmsg([b'x']))
    show('send-tcp', lambda: tcp.send(b'x'))
    show('sendmsg-tcp', lambda: tcp.sendmsg([b'x']))
    show('recv-connected-udp', lambda: udp.recv(1))
    show('recv-tcp', lambda: tcp.recv(1))
    show('write-tcp', lambda: os.write(tcp.fileno(), b'x'))
    show('read-tcp', lambda: os.read(tcp.fileno(), 1))


def getsockopts(args):
    """Calls getsockopt in the cgroup `path`, `count` times, every `pause` s; prints a line a call:
    when, in s of the real time clock, and the result."""
    import errno
    enter(args.path)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nxt = time.monotonic()
    lines = []
    for _ in range(args.count):
        at, result = time.time(), 'ok'
        try:
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        except OSError as error:
            result = errno.errorcode[error.errno]
        lines.append('%.6f %s' % (at, result))
        nxt += args.pause
        time.sleep(max(0, nxt - time.monotonic()))
    print('\n'.join(lines))


def main():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(required=True)
    for function in (echo, silent, chatter, rtt, rtts, loss, flood, sink, prioritized, numbers, send,
                     receive, connects, keep, answers, fsync, nap, killed, reach, sockets, getsockopts):
        p = sub.add_parser(function.__name__)
        p.set_defaults(function=function)
        if function in (fsync, nap, killed, sockets, getsockopts):
            p.add_argument('path')
        if function is reach:
            p.add_argument('peer', nargs='+')
        if function not in (fsync, nap, killed, getsockopts, reach):
            p.add_argument('host')
            p.add_argument('port', type=int)
        p.add_argument('--count', type=int, default=100)
        p.add_argument('--tries', type=int, default=1)
        p.add_argument('--pause', type=float, default=0)
        p.add_argument('--also', type=int, nargs='*', default=[])
        p.add_argument('--udp', action='store_true')
        p.add_argument('--tell', action='store_true')
        p.add_argument('--pad', type=int, default=0)
        p.add_argument('--from-port', type=int, default=0)
        p.add_argument('--timeout', type=float, default=0.3 if function is answers else 2)
    args = parser.parse_args()
    args.function(args)


main()
