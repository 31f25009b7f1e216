#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What the network and the socket calls are like for processes in several cgroups, all in one program,
because on an emulated machine each start of Python takes seconds.

smoke.py CGROUP NEAR FAR: opens servers in cgroups below the folder CGROUP and in the network
namespaces at the paths NEAR and FAR, then measures once for each line on its input, and prints
"NAME VALUE" for each measurement and an empty line.
"""
import ctypes
import errno
import os
import select
import socket
import sys
import time

CGROUP, NEAR, FAR = sys.argv[1:]
LIBC = ctypes.CDLL(None, use_errno=True)
DATAGRAMS = 500
LO4, LO6, FAR4, FAR6 = '127.0.0.1', '::1', '10.99.0.2', 'fd99::2'
NEAR4, NEAR6 = '10.99.0.1', 'fd99::1'


def family(host):
    return socket.AF_INET6 if ':' in host else socket.AF_INET


def enter(cgroup, netns=None):
    with open(f'{CGROUP}/{cgroup}/cgroup.procs', 'w') as procs:
        procs.write(str(os.getpid()))
    if netns:
        with open(netns) as file:
            if LIBC.setns(file.fileno(), 0):
                raise OSError(ctypes.get_errno(), 'setns')


def fork(function, *arguments):
    """A child that runs the function, and the pipe on which it says what that returns."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return pid, ours
    try:
        os.write(theirs, str(function(*arguments)).encode())
    except BaseException as error:
        os.write(theirs, repr(error).replace(' ', '_').encode())
    os._exit(0)


def listen(cgroup, netns, addresses):
    """Echo servers, TCP and UDP, that are born in the cgroup; for ever."""
    def serve():
        enter(cgroup, netns)
        sockets = {}
        for address in addresses:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                sock = socket.socket(family(address[0]), kind)
                sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
                sock.bind(address)
                if kind == socket.SOCK_STREAM:
                    sock.listen(64)
                sockets[sock.fileno()] = sock
        os.write(ready, b'.')
        while True:
            for fd in select.select(list(sockets), [], [])[0]:
                sock = sockets[fd]
                if sock.type == socket.SOCK_DGRAM:
                    data, peer = sock.recvfrom(100)
                    sock.sendto(data, peer)
                elif sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    sock = sock.accept()[0]
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sockets[sock.fileno()] = sock
                else:
                    data = sock.recv(100)
                    if data:
                        sock.send(data)
                    else:
                        sockets.pop(fd).close()

    wait, ready = os.pipe()
    pid = fork(serve)[0]
    os.read(wait, 1)
    return pid


def idle(cgroup, netns):
    def sleep():
        enter(cgroup, netns)
        os.write(ready, b'.')
        time.sleep(3600)

    wait, ready = os.pipe()
    pid = fork(sleep)[0]
    os.read(wait, 1)
    return pid


def round_trip(kind, host, port):
    """The median of five round trips, ms."""
    sock = socket.socket(family(host), kind)
    sock.settimeout(5)
    sock.connect((host, port))
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken = []
    for _ in range(5):
        begun = time.monotonic()
        sock.send(b'x')
        sock.recv(100)
        taken.append((time.monotonic() - begun) * 1000)
    return '%.1f' % sorted(taken)[2]


def tcp(host, port):
    return round_trip(socket.SOCK_STREAM, host, port)


def udp(host, port):
    return round_trip(socket.SOCK_DGRAM, host, port)


def connects(host, port):
    sock = socket.socket(family(host))
    sock.settimeout(1)
    try:
        sock.connect((host, port))
        return 'ok'
    except socket.timeout:
        return 'hangs'
    except OSError as error:
        return errno.errorcode[error.errno]


def answers(host, port):
    """How many of three datagrams are answered."""
    sock = socket.socket(family(host), socket.SOCK_DGRAM)
    sock.settimeout(1)
    sock.connect((host, port))
    for _ in range(3):
        sock.send(b'x')
    n = 0
    try:
        while n < 3:
            sock.recv(100)
            n += 1
    except OSError:
        pass
    return n


def loses(host, port):
    """How many of many datagrams have no answer; an error of the sender is one of the test."""
    sock = socket.socket(family(host), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    # IP_RECVERR, IPV6_RECVERR
    sock.setsockopt(*((socket.IPPROTO_IPV6, 25) if ':' in host else (socket.SOL_IP, 11)), 1)
    sock.connect((host, port))
    for _ in range(DATAGRAMS):
        sock.send(b'x')
    n = 0
    while n < DATAGRAMS and select.select([sock], [], [], 1.5)[0]:
        sock.recv(100)
        n += 1
    return DATAGRAMS - n


def fails(call):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if call == 'bind':
            sock.bind((LO4, 0))
        elif call == 'getsockopt':
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        elif call == 'setsockopt':
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100000)
        elif call == 'sendto':
            sock.sendto(b'x', (LO4, 7100))
        return 'ok'
    except OSError as error:
        return errno.errorcode[error.errno]


def measure():
    wanted = [
        ('slow-tcp4', 'beside', None, tcp, LO4, 7101),
        ('slow-udp6', 'beside', None, udp, LO6, 7101),
        ('slow-far-tcp4', 'slow', NEAR, tcp, FAR4, 7100),
        ('slow-far-udp6', 'slow', NEAR, udp, FAR6, 7100),
        ('late-tcp4', 'beside', None, tcp, LO4, 7102),
        ('late-udp6', 'beside', None, udp, LO6, 7102),
        ('late-far-tcp4', 'beside', FAR, tcp, NEAR4, 7102),
        ('late-far-udp6', 'beside', FAR, udp, NEAR6, 7102),
        ('beside-tcp4', 'beside', None, tcp, LO4, 7100),
        ('beside-udp6', 'beside', None, udp, LO6, 7100),
        ('beside-far-tcp6', 'beside', NEAR, tcp, FAR6, 7100),
        ('lost-4', 'lossy', None, loses, LO4, 7100),
        ('lost-far-6', 'lossy', NEAR, loses, FAR6, 7100),
        ('lost-beside', 'beside', None, loses, LO4, 7100),
        ('cut-tcp4', 'cut', None, connects, LO4, 7100),
        ('cut-udp6', 'cut', None, answers, LO6, 7100),
        ('cut-far-tcp6', 'cut', NEAR, connects, FAR6, 7100),
        ('cut-far-udp4', 'cut', NEAR, answers, FAR4, 7100),
        ('refused-tcp4', 'refused', None, connects, LO4, 7100),
        ('refused-tcp6', 'refused', None, connects, LO6, 7100),
        ('refused-other-port', 'refused', None, connects, LO4, 7101),
        ('refused-udp4', 'refused', None, answers, LO4, 7100),
        ('refused-beside', 'beside', None, connects, LO4, 7100),
    ]
    for call in ('bind', 'getsockopt', 'setsockopt', 'sendto'):
        wanted.append((f'failing-{call}', 'failing', None, fails, call))
        wanted.append((f'beside-{call}', 'beside', None, fails, call))

    def one(cgroup, netns, function, *arguments):
        enter(cgroup, netns)
        return function(*arguments)

    # what waits does so together; what is a matter of time does not share the processor with the rest
    for kinds in ((tcp, udp), (connects, answers, fails), (loses,)):
        children = [(name, fork(one, *rest)) for name, *rest in wanted if rest[2] in kinds]
        for name, (pid, pipe) in children:
            os.waitpid(pid, 0)
            print(name, os.read(pipe, 200).decode())
            os.close(pipe)
    print(flush=True)


servers = [
    listen('beside', None, [(LO4, 7100), (LO6, 7100)]),
    listen('slow', None, [(LO4, 7101), (LO6, 7101)]),
    listen('late', None, [(LO4, 7102), (LO6, 7102)]),
    listen('late', NEAR, [(NEAR4, 7102), (NEAR6, 7102)]),
    listen('beside', FAR, [(FAR4, 7100), (FAR6, 7100)]),
    idle('slow', NEAR),
    idle('lossy', NEAR),
    idle('cut', NEAR),
]
for _ in sys.stdin:
    measure()
for server in servers:
    os.kill(server, 9)
