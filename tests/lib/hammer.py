#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Connects to HOST:PORT from several processes, spread over the CPUs, for some seconds from the first ETIMEDOUT
on, and until then for 60 s at the most, now and then. Prints that it is ready, and one line for each result: its name, how often it
came, and when first and last, in s since boot."""
import argparse
import errno
import multiprocessing
import os
import socket
import time


PATIENCE_S, BEFORE_S = 60, 0.005


def hammer(args, number, begun, all_here, results):
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[number % len(cpus)]})
    seen = {}
    all_here.wait()
    end = time.clock_gettime(time.CLOCK_BOOTTIME) + PATIENCE_S
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            result = errno.errorcode.get(sock.connect_ex((args.host, args.port)), 'ok')
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        count, first, _ = seen.get(result, (0, now, now))
        seen[result] = (count + 1, first, now)
        if result == 'ETIMEDOUT' and not begun.value:
            begun.value = now
        if now > (begun.value + args.seconds if begun.value else end):
            break
        pause = args.pause if begun.value else BEFORE_S
        if pause:
            time.sleep(pause)
    results.put(seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('host')
    parser.add_argument('port', type=int)
    parser.add_argument('--seconds', type=float, default=2)
    parser.add_argument('--processes', type=int, default=4)
    parser.add_argument('--pause', type=float, default=0)
    args = parser.parse_args()
    results, begun = multiprocessing.Queue(), multiprocessing.Value('d', 0)
    all_here = multiprocessing.Barrier(args.processes + 1)
    workers = [multiprocessing.Process(target=hammer, args=(args, i, begun, all_here, results))
               for i in range(args.processes)]
    for worker in workers:
        worker.start()
    all_here.wait()
    print('ready', flush=True)
    total = {}
    for _ in workers:
        for result, (count, first, last) in results.get().items():
            other = total.get(result, (0, first, last))
            total[result] = (count + other[0], min(first, other[1]), max(last, other[2]))
    for worker in workers:
        worker.join()
    for result, (count, first, last) in sorted(total.items()):
        print('%s %d %.6f %.6f' % (result, count, first, last))


if __name__ == '__main__':
    main()
