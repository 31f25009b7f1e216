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


def main():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(required=True)
    for function in (send, come, distances, gaps):
        command = sub.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        if function in (send, come):
            command.add_argument('host')
            command.add_argument('port', type=int)
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
