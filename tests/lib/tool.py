#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Small programs for the host tests: servers, clients, and what they measure."""
import argparse
import os
import socket
import statistics
import sys
import time


def family(host):
    return socket.AF_INET6 if ':' in host else socket.AF_INET


def echo(args):
    """An echo server, TCP and UDP on the same port, for ever."""
    import selectors
    sel = selectors.DefaultSelector()
    tcp = socket.socket(family(args.host), socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((args.host, args.port))
    tcp.listen(64)
    udp = socket.socket(family(args.host), socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    udp.bind((args.host, args.port))
    sel.register(tcp, selectors.EVENT_READ)
    sel.register(udp, selectors.EVENT_READ)
    while True:
        for key, _ in sel.select():
            if key.fileobj is tcp:
                conn, _ = tcp.accept()
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sel.register(conn, selectors.EVENT_READ)
            elif key.fileobj is udp:
                data, peer = udp.recvfrom(65536)
                udp.sendto(data, peer)
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


def rtt(args):
    """The median round trip, ms, over one connection; fails on a timeout."""
    kind = socket.SOCK_DGRAM if args.udp else socket.SOCK_STREAM
    sock = socket.socket(family(args.host), kind)
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
        time.sleep(args.pause)
    print('%.3f' % statistics.median(taken))


def loss(args):
    """Sends `count` datagrams to an echo or sink; prints sent, errors of the sender."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_IP if ':' not in args.host else socket.IPPROTO_IPV6,
                    11 if ':' not in args.host else 25, 1)  # IP_RECVERR
    sock.connect((args.host, args.port))
    errors = 0
    for i in range(args.count):
        try:
            sock.send(b'%08d' % i)
        except OSError:
            errors += 1
        if i % 50 == 49:
            time.sleep(0.002)
    print(args.count, errors)


def sink(args):
    """Counts the datagrams that come in, until none has come for 2 s after the first."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.bind((args.host, args.port))
    print('ready', file=sys.stderr, flush=True)
    n = 0
    while True:
        sock.settimeout(2 if n else 30)
        try:
            sock.recv(64)
        except socket.timeout:
            break
        n += 1
    print(n)


def numbers(args):
    """Like sink, but prints the numbers of the datagrams in the order they came, on one line."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.bind((args.host, args.port))
    print('ready', file=sys.stderr, flush=True)
    came = []
    while True:
        sock.settimeout(2 if came else 30)
        try:
            came.append(int(sock.recv(64)))
        except socket.timeout:
            break
    print(*came)


def rtts(args):
    """Like rtt, but prints every round trip, ms, one a line; `-` where none came in 5 s."""
    kind = socket.SOCK_DGRAM if args.udp else socket.SOCK_STREAM
    sock = socket.socket(family(args.host), kind)
    sock.settimeout(5)
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
            except socket.timeout:
                results['hangs'] += 1
            except OSError as error:
                results[errno.errorcode[error.errno]] += 1
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
    """Sends `count` datagrams to an echo, one after the other; prints how many are answered."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sock.settimeout(0.3)
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
    print('%.3f' % statistics.median(taken))


def main():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(required=True)
    for function in (echo, rtt, rtts, loss, sink, numbers, send, receive, connects, keep, answers,
                     fsync):
        p = sub.add_parser(function.__name__)
        p.set_defaults(function=function)
        if function is fsync:
            p.add_argument('path')
        else:
            p.add_argument('host')
            p.add_argument('port', type=int)
        p.add_argument('--count', type=int, default=100)
        p.add_argument('--pause', type=float, default=0)
        p.add_argument('--udp', action='store_true')
        p.add_argument('--timeout', type=float, default=2)
    args = parser.parse_args()
    args.function(args)


main()
