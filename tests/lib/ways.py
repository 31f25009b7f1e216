#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What comes to the sockets of targets, and what leaves them, by one program, since on an emulated machine each
start of Python takes seconds. A socket is the target's as long as a process of the target holds it: each cgroup
has one that makes its sockets, keeps them and hands them over to the one that looks.

ways.py CGROUP NEAR FAR COUNT: makes sockets for the cgroups FAULT-in and FAULT-both below CGROUP in the
namespace NEAR, and their peers beside them (by lo) and in FAR. Says 'ready', then looks once for each
line on its input, 'off' or 'on' being what it should see, prints what it saw and an empty line. What is
not as it should be is a line that begins with FAILED.
"""
import ctypes
import errno
import json
import os
import select
import signal
import socket
import struct
import sys
import time

CGROUP, NEAR, FAR = sys.argv[1:4]
COUNT = int(sys.argv[4])
LIBC = ctypes.CDLL(None, use_errno=True)
LO, NEAR6, FAR6, NEAR4, FAR4 = '127.0.0.1', 'fd99::1', 'fd99::2', '10.99.0.1', '10.99.0.2'
SOURCE = struct.Struct('!I')


def join(cgroup):
    with open(f'{CGROUP}/{cgroup}/cgroup.procs', 'w') as procs:
        procs.write(str(os.getpid()))


def enter(netns):
    with open(netns) as file:
        if LIBC.setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), 'setns')


def bound(netns, kind, host, port):
    """A socket of the cgroup that this process is in."""
    enter(netns)
    sock = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == socket.SOCK_DGRAM:
        sock.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    sock.bind((host, port))
    return sock


class Home:
    """A process of a cgroup that makes its sockets and keeps them."""

    def __init__(self, cgroup):
        self.near, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork():
            there.close()
            return
        LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        join(cgroup)
        enter(NEAR)
        kept = {}
        while True:
            listener, *rest = json.loads(there.recv(1000))
            sock = kept[listener].accept()[0] if listener else bound(*rest)
            kept[sock.fileno()] = sock
            socket.send_fds(there, [b'%d' % sock.fileno()], [sock.fileno()])

    def ask(self, *question):
        """The number of the socket there, and the socket."""
        self.near.send(json.dumps(question).encode())
        number, fds, _, _ = socket.recv_fds(self.near, 20, 1)
        return int(number), socket.socket(fileno=fds[0])


homes, numbers = {}, {}  # of sockets: whose each is, and its number there


def make(cgroup, netns, kind, host, port=0):
    """A socket of that cgroup, bound there."""
    if cgroup == 'peer':
        sock = bound(netns, kind, host, port)
        if kind == socket.SOCK_STREAM:
            sock.settimeout(5)
    else:
        number, sock = homes[cgroup].ask(0, netns, kind, host, port)
        numbers[sock] = cgroup, number
    if kind == socket.SOCK_DGRAM:
        sock.setblocking(False)
    return sock


def accept(listener):
    """What somebody has connected to, by who has the listener."""
    cgroup, number = numbers[listener]
    sock = homes[cgroup].ask(number)[1]
    sock.settimeout(5)
    return sock


class Flow:
    """Datagrams from one socket to another."""

    def __init__(self, name, source, to):
        self.name, self.source, self.to = name, source, to
        self.address = to.getsockname()[:2]

    def clear(self):
        self.came, self.when = [], []

    def send(self, number, size=64):
        self.source.sendto(SOURCE.pack(number).ljust(size, b'x'), self.address)

    def take(self):
        while True:
            try:
                data = self.to.recv(2048)
            except BlockingIOError:
                return
            self.came.append(SOURCE.unpack_from(data)[0])
            self.when.append(time.monotonic())

    def late(self):
        most, late = -1, 0
        for number in self.came:
            late += number < most
            most = max(most, number)
        return late


def say(name, value, low, high):
    good = low <= value <= high
    print(f'{name} {value}' if good else f'FAILED {name}: {value} is not between {low} and {high}')


def between(flows, count, pause, size, quiet):
    """Sends on all flows at once, and takes what comes until nothing has for a while."""
    for flow in flows:
        flow.clear()
    for number in range(count):
        for flow in flows:
            flow.send(number, size)
        for flow in flows:
            flow.take()
        if pause:
            time.sleep(pause)
    sockets = [flow.to for flow in flows]
    while select.select(sockets, [], [], quiet)[0]:
        for flow in flows:
            flow.take()


FAULTS = ('corrupt', 'duplicate', 'reorder', 'rate', 'reset', 'dns', 'silent')
WAYS = ('in', 'both')


def make_flows(faults):
    flows = []
    for fault in faults:
        for way in WAYS:
            for path, peer_netns, ours, theirs in (('lo', NEAR, LO, LO), ('veth', FAR, NEAR6, FAR6)):
                target = make(f'{fault}-{way}', NEAR, socket.SOCK_DGRAM, ours)
                peer = make('peer', peer_netns, socket.SOCK_DGRAM, theirs)
                flows.append(Flow(f'{fault}-{way}-{path}-comes', peer, target))
                target = make(f'{fault}-{way}', NEAR, socket.SOCK_DGRAM, ours)
                peer = make('peer', peer_netns, socket.SOCK_DGRAM, theirs)
                flows.append(Flow(f'{fault}-{way}-{path}-leaves', target, peer))
    return flows


def look_at_packets(flows, on):
    between(flows, COUNT, 0.001, 64, 0.3)
    spread = 5 * (COUNT * 0.3 * 0.7) ** 0.5
    for flow in flows:
        fault, way, _, goes = flow.name.split('-')
        hit = on and (way == 'both' or goes == 'comes')
        came, once, late = len(flow.came), len(set(flow.came)), flow.late()
        if fault == 'corrupt':
            say(flow.name, came, *((COUNT * 0.7 - spread, COUNT * 0.7 + spread) if hit else (COUNT, COUNT)))
        elif fault == 'duplicate':
            say(flow.name + '-once', once, COUNT, COUNT)
            say(flow.name, came, *((COUNT * 1.3 - spread, COUNT * 1.3 + spread) if hit else (COUNT, COUNT)))
        else:
            say(flow.name + '-once', came, COUNT, COUNT)
            # the last ones may have nobody to overtake them
            say(flow.name, late, *((COUNT / 5 - 12, COUNT / 5) if hit else (0, 0)))


def look_at_rates(flows, on):
    """0.3 Mbit/s: 30 datagrams of 1000 bytes take 0.8 s."""
    for path in 'lo', 'veth':
        chosen = [flow for flow in flows if path in flow.name]
        between(chosen, 30, 0, 1000 - 28, 0.3)
        for flow in chosen:
            _, way, _, goes = flow.name.split('-')
            hit = on and (way == 'both' or goes == 'comes')
            took = flow.when[-1] - flow.when[0] if flow.when else 0
            say(flow.name + '-once', len(flow.came), 30, 30)
            # 29 waits of 27 ms; on a busy machine the first may be read late
            say(flow.name, round(took, 2), *((0.66, 4) if hit else (0, 0.65)))


def connect(way, path):
    peer_netns, ours, theirs = (NEAR, LO, LO) if path == 'lo' else (FAR, NEAR4, FAR4)
    listener = make(f'reset-{way}', NEAR, socket.SOCK_STREAM, ours)
    listener.listen(1)
    peer = make('peer', peer_netns, socket.SOCK_STREAM, theirs)
    peer.connect(listener.getsockname())
    return peer, accept(listener)


def reads(sock):
    try:
        return sock.recv(1).decode() or 'end'
    except OSError as error:
        return errno.errorcode.get(error.errno, 'silence')


def look_at_resets(connections, on):
    for name, (peer, target) in connections.items():
        peer.send(b'x')
        got = reads(target)
        if on:
            got += ' ' + reads(peer)
        wanted = 'ECONNRESET ECONNRESET' if on else 'x'
        print(f'{name} {got}' if got == wanted else f'FAILED {name}: {got} instead of {wanted}')
    if not on:
        return
    # a new one is made in peace, and hit with the first packet that goes the way named
    for way, wanted in ('in', 'x ECONNRESET'), ('both', 'ECONNRESET'):
        peer, target = connect(way, 'veth')
        target.send(b'x')
        got = reads(peer)
        if got == 'x':
            got += ' ' + reads(peer)
        name = f'reset-{way}-new'
        print(f'{name} {got}' if got == wanted else f'FAILED {name}: {got} instead of {wanted}')


def question(number, name):
    labels = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.'))
    return struct.pack('!HHHHHH', number, 0x100, 1, 0, 0, 0) + labels + b'\0\0\1\0\1'


def ask(target, server, number, name, padding=0):
    """What the server sees of a question, and what comes back."""
    target.sendto(question(number, name) + bytes(padding), server.getsockname()[:2])
    seen = 'unseen'
    if select.select([server], [], [], 0.3)[0]:
        query, peer = server.recvfrom(8192)
        query = query[:len(query) - padding]
        seen = 'seen'
        server.sendto(query[:2] + b'\x81\x80' + query[4:6] + b'\0\1' + query[8:] +
                      b'\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xc0\0\2\7', peer)
    if not select.select([target], [], [], 0.3)[0]:
        return seen + ' nothing'
    reply = target.recv(512)
    if reply[:2] != struct.pack('!H', number):
        return seen + ' another'
    return seen + {0: ' ' + '.'.join(map(str, reply[-4:])), 2: ' SERVFAIL'}[reply[3] & 15]


def look_at_names(targets, servers, on):
    number = 0
    for name, target in targets.items():
        fault, way, path = name.split('-')
        for asked in 'a.hit.test', 'a.other.test':
            number += 1
            got = ask(target, servers[path], number, asked)
            wanted = 'seen 192.0.2.7'
            if on and asked == 'a.hit.test':
                wanted = ('unseen ' if way == 'both' else 'seen ') + \
                    ('SERVFAIL' if fault == 'dns' else 'nothing')
            print(f'{name} {asked} {got}' if got == wanted else
                  f'FAILED {name}, {asked}: {got} instead of {wanted}')


def look_at_a_long_question(target, server, on):
    """In fragments: no answer can be made of the first, so it goes on, and the server's answer is hit."""
    got = ask(target, server, 999, 'a.hit.test', 3000)
    wanted = 'seen SERVFAIL' if on else 'seen 192.0.2.7'
    print(f'dns-both-long {got}' if got == wanted else f'FAILED dns-both-long: {got} instead of {wanted}')


def odd_packets(on):
    """Datagrams that are not plain ones; the target `odd` loses what it sends to port 7177."""
    for name, netns, host, options, size, port, expected in (
            ('options', FAR, FAR4, [(socket.SOL_IP, 4, b'\1\1\1\1')], 64, 7177, 0),
            ('options-beside', FAR, FAR4, [(socket.SOL_IP, 4, b'\1\1\1\1')], 64, 7178, 1),
            ('extension', FAR, FAR6, [(socket.IPPROTO_IPV6, 59, b'\0\0\1\4\0\0\0\0')], 64, 7177, 0),
            ('extension-beside', FAR, FAR6, [(socket.IPPROTO_IPV6, 59, b'\0\0\1\4\0\0\0\0')], 64, 7178, 1),
            ('fragments', FAR, FAR4, [], 4000, 7177, 0),
            ('fragments-beside', FAR, FAR6, [], 4000, 7178, 1)):
        receiver = make('peer', netns, socket.SOCK_DGRAM, host, port)
        sender = make('odd', NEAR, socket.SOCK_DGRAM, NEAR6 if ':' in host else NEAR4)
        for option in options:
            sender.setsockopt(*option)
        sender.sendto(bytes(size), (host, port))
        say('odd-' + name, len(select.select([receiver], [], [], 0.4)[0]), *[expected if on else 1] * 2)
        receiver.close()
    # IPv4 on a socket of IPv6, out and in
    receiver = make('peer', FAR, socket.SOCK_DGRAM, FAR4, 7177)
    sender = make('odd', NEAR, socket.SOCK_DGRAM, '::')
    sender.sendto(b'x', ('::ffff:' + FAR4, 7177))
    say('odd-mapped', len(select.select([receiver], [], [], 0.4)[0]), *[0 if on else 1] * 2)


def main():
    join('peer')
    # before there are sockets that they would hold, too
    for cgroup in [f'{fault}-{way}' for fault in FAULTS for way in WAYS] + ['odd']:
        homes[cgroup] = Home(cgroup)
    flows = make_flows(FAULTS[:3])
    rates = make_flows(['rate'])
    connections = {f'reset-{way}-{path}': connect(way, path) for way in WAYS for path in ('lo', 'veth')}
    servers = {'lo': make('peer', NEAR, socket.SOCK_DGRAM, LO, 53),
               'veth': make('peer', FAR, socket.SOCK_DGRAM, FAR6, 53)}
    names = {f'{fault}-{way}-{path}': make(f'{fault}-{way}', NEAR, socket.SOCK_DGRAM,
                                           LO if path == 'lo' else NEAR6)
             for fault in ('dns', 'silent') for way in WAYS for path in ('lo', 'veth')}
    print('ready', flush=True)
    for line in sys.stdin:
        on = line.strip() == 'on'
        look_at_packets(flows, on)
        look_at_rates(rates, on)
        look_at_resets(connections, on)
        look_at_names(names, servers, on)
        look_at_a_long_question(names['dns-both-veth'], servers['veth'], on)
        odd_packets(on)
        print(flush=True)
        if on:  # they are gone
            connections = {}


main()
