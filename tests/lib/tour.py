#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Round trips over many ways at a time: tour.py [--count N] [--tries N] HOST,PORT,tcp|udp...

A line for each way as it was given: it, and the median of its round trips, ms, the least of those of `tries`
connections. A question on each way in turn, SPACING apart, and answers as they come, so that long ways are
waited for together. Fails where an answer takes 5 s."""
import argparse
import selectors
import socket
import sys
import time

SPACING = 0.001


class Way:
    def __init__(self, text):
        self.text = text
        host, port, self.kind = text.rsplit(',', 2)
        self.address = (host, int(port))
        self.medians = []

    def open(self):
        tcp = self.kind == 'tcp'
        self.sock = socket.socket(socket.AF_INET6 if ':' in self.address[0] else socket.AF_INET,
                                  socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        if tcp:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex(self.address)
        self.taken = []

    def close(self):
        self.sock.close()
        self.medians.append(sorted(self.taken)[len(self.taken) // 2])


def wait(sel, pending, timeout):
    """Looks once who has answered; raises where somebody has not in 5 s."""
    for key, _ in sel.select(max(timeout, 0)):
        way = key.data
        data = way.sock.recv(64)
        if not data:
            raise ConnectionError(way.text + ' ended')
        way.taken.append((time.monotonic() - pending.pop(way)) * 1000)
    if pending and time.monotonic() - min(pending.values()) > 5:
        raise TimeoutError(' '.join(way.text for way in pending))


def go_round(sel, ways):
    pending = {}
    due = time.monotonic()
    for way in ways:
        while time.monotonic() < due:
            wait(sel, pending, due - time.monotonic())
        pending[way] = time.monotonic()
        way.sock.send(b'question')
        due += SPACING
    while pending:
        wait(sel, pending, 0.1)


def connect(ways):
    """Until all connections stand."""
    sel = selectors.DefaultSelector()
    for way in ways:
        way.open()
        sel.register(way.sock, selectors.EVENT_WRITE, way)
    end = time.monotonic() + 5
    while sel.get_map():
        for key, _ in sel.select(0.1):
            error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, key.data.text)
            sel.unregister(key.fileobj)
        if time.monotonic() > end:
            raise TimeoutError('no connection')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--count', type=int, default=3)
    parser.add_argument('--tries', type=int, default=3)
    parser.add_argument('way', nargs='+', type=Way)
    args = parser.parse_args()
    for _ in range(args.tries):
        connect(args.way)
        with selectors.DefaultSelector() as sel:
            for way in args.way:
                sel.register(way.sock, selectors.EVENT_READ, way)
            for _ in range(args.count):
                go_round(sel, args.way)
        for way in args.way:
            way.close()
    for way in args.way:
        print(way.text, '%.3f' % min(way.medians))


try:
    main()
except OSError as error:
    sys.exit('tour: %s' % error)
