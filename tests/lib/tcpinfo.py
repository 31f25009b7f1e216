#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What TCP makes of a link, by its own statistics, those that `ss -ti` shows.

tcpinfo.py CGROUP NEAR FAR SECONDS CONTROL CASE=ADDRESS...: for each case a connection with that congestion
control from the cgroup CASE below CGROUP, in the namespace NEAR, to that address in FAR; all send as much as
they can at once, but those that lose nothing only what an emulated machine can carry. Prints for each: case,
control, segments sent, how many were retransmitted, the medians of the smoothed round trip (ms) and of the
congestion window, KiB that arrived, TCP's measure of reordering.
"""
import ctypes
import os
import select
import socket
import statistics
import struct
import sys
import time

CGROUP, NEAR, FAR = sys.argv[1:4]
SECONDS, CONTROL, CASES = float(sys.argv[4]), sys.argv[5], sys.argv[6:]
LIBC = ctypes.CDLL(None, use_errno=True)
PORT = 7600
ROOM = 48 << 10
RATE = 150000  # bytes a second


def enter(netns):
    with open(netns) as file:
        if LIBC.setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), 'setns')


def join(cgroup):
    with open(f'{CGROUP}/{cgroup}/cgroup.procs', 'w') as procs:
        procs.write(str(os.getpid()))


def sink():
    """Takes all that comes."""
    enter(FAR)
    listeners = {}
    for case in CASES:
        sock = socket.create_server((case.split('=')[1], PORT), backlog=16)
        listeners[sock.fileno()] = sock
    os.write(ready, b'.')
    conns = {}
    while True:
        for fd in select.select(list(listeners) + list(conns), [], [])[0]:
            if fd in listeners:
                sock = listeners[fd].accept()[0]
                conns[sock.fileno()] = sock
            else:
                try:
                    gone = not conns[fd].recv(1 << 20)
                except OSError:
                    gone = True
                if gone:
                    conns.pop(fd).close()


class Sender:
    def __init__(self, case):
        self.name, address = case.split('=')
        join(self.name)
        self.sock = socket.socket()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONTROL.encode())
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        if 'loss' not in self.name:
            self.sock.setsockopt(socket.SOL_SOCKET, 47, RATE)  # SO_MAX_PACING_RATE
        self.sock.connect((address, PORT))
        self.sock.setblocking(False)
        self.rtt, self.cwnd = [], []

    def info(self):
        data = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
        self.rtt.append(struct.unpack_from('=I', data, 68)[0] / 1000)
        self.cwnd.append(struct.unpack_from('=I', data, 80)[0])
        self.reordering, self.retrans = struct.unpack_from('=I', data, 88)[0], struct.unpack_from('=I', data, 100)[0]
        self.acked, self.segments = struct.unpack_from('=Q', data, 120)[0], struct.unpack_from('=I', data, 136)[0]

    def tell(self):
        print(self.name, CONTROL, self.segments, self.retrans, '%.1f' % statistics.median(self.rtt),
              statistics.median_low(self.cwnd), self.acked >> 10, self.reordering)


wait, ready = os.pipe()
child = os.fork()
if child == 0:
    sink()
os.read(wait, 1)
enter(NEAR)
senders = {s.sock.fileno(): s for s in map(Sender, CASES)}
data = bytes(65536)
end = time.monotonic() + SECONDS
look = time.monotonic() + 0.5
while time.monotonic() < end:
    for fd in select.select([], list(senders), [], 0.05)[1]:
        try:
            senders[fd].sock.send(data)
        except BlockingIOError:
            pass
    if time.monotonic() >= look:
        look = time.monotonic() + 0.05
        for sender in senders.values():
            sender.info()
for sender in senders.values():
    sender.info()
    sender.tell()
    # what is left in its queue would be sent for long
    sender.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sender.sock.close()
# whom a reset does not reach would wait for ever
os.kill(child, 9)
os.waitpid(child, 0)
