#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a wire makes of datagrams: sends them numbered and timed, and tells what came of them."""
import argparse
import math
import select
import socket
import struct
import sys
import time

FORMAT = struct.Struct('!QQ')  # the number, and when it was sent, ns


def family(host):
    return socket.AF_INET6 if ':' in host else socket.AF_INET


def send(args):
    """Sends `count` datagrams of `size` bytes, one every `pause` s; prints the sender's errors."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    option = (socket.IPPROTO_IPV6, 25) if ':' in args.host else (socket.SOL_IP, 11)
    sock.setsockopt(*option, 1)  # IP_RECVERR: a loss that the host makes would show
    sock.connect((args.host, args.port))
    padding = bytes(max(0, args.size - FORMAT.size))
    errors = 0
    start = time.monotonic()
    for i in range(args.count):
        wait = start + i * args.pause - time.monotonic()
        if wait > 0.0005:
            time.sleep(wait)
        try:
            sock.send(FORMAT.pack(i, time.time_ns()) + padding)
        except OSError:
            errors += 1
    print(errors)


def come(args):
    """Takes datagrams until none has come for 1 s; prints number, delay in us and when it came, us
    after the first, a line each."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
    sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    sock.bind((args.host, args.port))
    print('ready', file=sys.stderr, flush=True)
    came = []
    while select.select([sock], [], [], args.quiet if came else 30)[0]:
        data, control, _, _ = sock.recvmsg(65536, 64)
        seconds, nanoseconds = struct.unpack('qq', control[0][2])
        number, sent = FORMAT.unpack_from(data)
        came.append((number, sent, seconds * 10**9 + nanoseconds))
    first = came[0][2] if came else 0
    for number, sent, arrived in came:
        print(number, (arrived - sent) / 1000, (arrived - first) / 1000)


def distances(args):
    """Reads come's lines: Kolmogorov and Smirnov's distance of the delays, moved by their least
    overhead, from each distribution of mean `delay` and jitter `jitter` (ms), and the critical
    value for 0.01."""
    mean, jitter = args.delay * 1000, args.jitter * 1000
    sample = sorted(float(line.split()[1]) for line in sys.stdin)
    cdfs = {
        'uniform': lambda z: min(1, max(0, (z + 1) / 2)),
        'normal': lambda z: math.erfc(-z / math.sqrt(2)) / 2,
        'pareto': lambda z: max(0, 1 - max(1, z * math.sqrt(0.75) + 1.5) ** -3),
    }
    n = len(sample)
    for name, cdf in cdfs.items():
        most = 0
        for i, value in enumerate(sample):
            p = cdf((value - args.overhead - mean) / jitter)
            most = max(most, p - i / n, (i + 1) / n - p)
        print(name, '%.4f' % most)
    print('critical', '%.4f' % math.sqrt(math.log(200) / 2 / n))


def gaps(args):
    """Reads come's lines: of `count` datagrams, the share that did not come, and the mean length of
    a run of them."""
    came = {int(line.split()[0]) for line in sys.stdin}
    lost = [i not in came for i in range(args.count)]
    runs = sum(here and not before for before, here in zip([False] + lost, lost))
    print('%.2f %.2f' % (100 * sum(lost) / args.count, sum(lost) / max(1, runs)))


def order(args):
    """Reads come's lines: how many came, how many came a second time, how many came behind one with
    a greater number, and by how many places the farthest of these."""
    seen, late, far, most = set(), 0, 0, -1
    twice = 0
    numbers = [int(line.split()[0]) for line in sys.stdin]
    for number in numbers:
        twice += number in seen
        seen.add(number)
        if number < most:
            late += 1
            far = max(far, most - number)
        most = max(most, number)
    print(len(numbers), twice, late, far)


def held(args):
    """Connects to an echo and says 'ready'; at each line of standard input it sends a byte, and prints
    'ok' or the error that it gets within 3 s."""
    import errno
    sock = socket.create_connection((args.host, args.port))
    sock.settimeout(3)
    print('ready', flush=True)
    for _ in sys.stdin:
        try:
            sock.send(b'x')
            print('ok' if sock.recv(1) else 'closed', flush=True)
        except socket.timeout:
            print('silence', flush=True)
        except OSError as error:
            print(errno.errorcode[error.errno], flush=True)


def names(args):
    """A DNS server on UDP and TCP: every name has the address 192.0.2.7; prints what is asked for."""
    import selectors

    def answer(query):
        end = query.index(b'\0', 12) + 5
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        print('.'.join(name), flush=True)
        if query[end - 4:end] != b'\0\x01\0\x01':
            return query[:2] + b'\x81\x80\0\1\0\0\0\0\0\0' + query[12:end]
        return (query[:2] + b'\x81\x80\0\1\0\1\0\0\0\0' + query[12:end] +
                b'\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xc0\0\2\7')

    udp = socket.socket(family(args.host), socket.SOCK_DGRAM)
    udp.bind((args.host, args.port))
    tcp = socket.create_server((args.host, args.port), family=family(args.host))
    sel = selectors.DefaultSelector()
    sel.register(udp, selectors.EVENT_READ)
    sel.register(tcp, selectors.EVENT_READ)
    print('ready', flush=True)
    while True:
        for key, _ in sel.select():
            if key.fileobj is udp:
                query, peer = udp.recvfrom(4096)
                udp.sendto(answer(query), peer)
            else:
                conn = tcp.accept()[0]
                query = conn.recv(4096)[2:]
                reply = answer(query)
                conn.sendall(struct.pack('!H', len(reply)) + reply)
                conn.close()


def ask(args):
    """Asks the DNS server for the A record of each of the words; prints the name, and the address, the
    code of the error, or 'nothing' where none comes within 1 s."""
    for number, name in enumerate(args.word):
        labels = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.'))
        query = struct.pack('!HHHHHH', number + 1, 0x100, 1, 0, 0, 0) + labels + b'\0\0\1\0\1'
        kind = socket.SOCK_STREAM if args.tcp else socket.SOCK_DGRAM
        with socket.socket(family(args.host), kind) as sock:
            sock.settimeout(1)
            sock.connect((args.host, args.port))
            sock.send((struct.pack('!H', len(query)) if args.tcp else b'') + query)
            try:
                reply = sock.recv(4096)[2 if args.tcp else 0:]
            except socket.timeout:
                print(name, 'nothing')
                continue
        if reply[:2] != query[:2] or query[12:] not in reply:
            print(name, 'another answer')
        elif reply[3] & 15:
            print(name, {2: 'SERVFAIL', 3: 'NXDOMAIN'}.get(reply[3] & 15))
        else:
            print(name, '.'.join(map(str, reply[-4:])))


def main():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(required=True)
    for function in (send, come, distances, gaps, order, held, names, ask):
        command = sub.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        if function not in (distances, gaps, order):
            command.add_argument('host')
            command.add_argument('port', type=int)
        if function is ask:
            command.add_argument('word', nargs='+')
        command.add_argument('--tcp', action='store_true')
        command.add_argument('--count', type=int, default=100)
        command.add_argument('--size', type=int, default=16)
        command.add_argument('--pause', type=float, default=0)
        command.add_argument('--quiet', type=float, default=1)
        command.add_argument('--delay', type=float, default=0)
        command.add_argument('--jitter', type=float, default=1)
        command.add_argument('--overhead', type=float, default=0)
    args = parser.parse_args()
    args.function(args)


if __name__ == '__main__':
    main()
