#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What TCP makes of a link, by its own statistics, those that `ss -ti` shows.

tcpinfo.py CGROUP NEAR FAR SECONDS CONTROL CASE=ADDRESS...: for each case a connection with that congestion
control to that address in FAR, of a process of its own in the cgroup CASE below CGROUP and in the namespace
NEAR, since a socket is whose holds it; all send as much as they can at once, but those that lose nothing only
what an emulated machine can carry. Prints for each: case, control, segments sent, how many were retransmitted,
the medians of the smoothed round trip (ms) and of the congestion window, KiB that arrived, TCP's measure of
reordering.
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


def sink(ready, _):
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
        self.sock = socket.socket()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONTROL.encode())
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        if 'loss' not in self.name:
            self.sock.setsockopt(socket.SOL_SOCKET, 47, RATE)  # SO_MAX_PACING_RATE
        self.sock.connect((address, PORT))
        self.sock.setblocking(False)
        self.rtt, self.cwnd = [], []

    def send(self):
        data = bytes(65536)
        end = time.monotonic() + SECONDS
        look = time.monotonic() + 0.5
        while time.monotonic() < end:
            if select.select([], [self.sock], [], 0.05)[1]:
                self.sock.send(data)
            if time.monotonic() >= look:
                look = time.monotonic() + 0.05
                self.info()
        self.info()

    def info(self):
        data = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
        self.rtt.append(struct.unpack_from('=I', data, 68)[0] / 1000)
        self.cwnd.append(struct.unpack_from('=I', data, 80)[0])
        self.reordering, self.retrans = struct.unpack_from('=I', data, 88)[0], struct.unpack_from('=I', data, 100)[0]
        self.acked, self.segments = struct.unpack_from('=Q', data, 120)[0], struct.unpack_from('=I', data, 136)[0]

    def close(self):
        # what is left in its queue would be sent for long
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def text(self):
        return f'{self.name} {CONTROL} {self.segments} {self.retrans} {statistics.median(self.rtt):.1f} ' \
            f'{statistics.median_low(self.cwnd)} {self.acked >> 10} {self.reordering}'


def start(function, *arguments):
    """A child that runs it; its pid, what comes of it, and the end that lets it go on."""
    (ours, theirs), (wait, go) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        os.close(wait)
        return pid, ours, go
    os.close(ours)
    os.close(go)
    try:
        function(theirs, wait, *arguments)
    except OSError as error:
        print('tcpinfo:', error, *arguments, file=sys.stderr, flush=True)
    finally:
        os._exit(0)


def run(ready, go, case):
    """Connects, sends when all are there, and says what became of it."""
    join(case.split('=')[0])
    enter(NEAR)
    sender = Sender(case)
    os.write(ready, b'.')
    os.read(go, 1)
    sender.send()
    sender.close()
    os.write(ready, sender.text().encode())


sink_pid, said, _ = start(sink)
os.read(said, 1)
senders = [start(run, case) for case in CASES]
failed = [case for case, (_, said, _) in zip(CASES, senders) if not os.read(said, 1)]
for _, _, go in senders:
    os.write(go, b'.')
for case, (pid, said, _) in zip(CASES, senders):
    text = os.read(said, 200).decode()
    if text:
        print(text)
    elif case not in failed:
        failed.append(case)
    os.waitpid(pid, 0)
# whom a reset does not reach would wait for ever
os.kill(sink_pid, 9)
os.waitpid(sink_pid, 0)
if failed:
    sys.stdout.flush()
    sys.exit('no connection, or it broke: ' + ' '.join(failed))
