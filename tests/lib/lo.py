#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Packets on lo, of kinds that few programs send, each with its name and when it was sent; who gets them, where."""
import socket
import struct
import sys
import threading
import time

PORT = 7100
MARK = b'on-lo'
FRAMES = 0x88b5  # an ethertype for experiments
GROUP = '239.7.7.7'
LINK_LOCAL = 'fe80::77'
FAR, FAR6 = '10.99.0.2', 'fd99::2'


def text(name):
    return b'%s %s %.6f' % (MARK, name.encode(), time.monotonic())


def tell(data, seen=set()):
    """Once for each name: its name, and how long ago it was sent, ms."""
    _, name, sent = data[data.index(MARK):].split(b'\0')[0].split()
    if name not in seen:
        seen.add(name)
        print(name.decode(), '%.3f' % ((time.monotonic() - float(sent)) * 1000), flush=True)


def listen(sock):
    while True:
        data, address = sock.recvfrom(2000)
        if MARK in data and (len(address) < 3 or address[2] != socket.PACKET_OUTGOING):
            tell(data)


def frames(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((device, 3))
    return sock


def come():
    """What comes in by lo, by sockets; frames that are not IP too."""
    v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                  socket.inet_aton(GROUP) + socket.inet_aton('127.0.0.1'))
    v4.bind(('', PORT))
    v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    v6.bind(('::', PORT))
    other = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(FRAMES))
    other.bind(('lo', FRAMES))
    for sock in v4, v6, other:
        threading.Thread(target=listen, args=(sock,), daemon=True).start()
    print('ready', file=sys.stderr, flush=True)
    time.sleep(60)


def watch(device):
    """What comes in by a device, whatever it is."""
    sock = frames(device)
    print('ready', file=sys.stderr, flush=True)
    listen(sock)


def udp4(destination, payload):
    udp = struct.pack('!HHHH', PORT, PORT, 8 + len(payload), 0) + payload
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                       socket.inet_aton('127.0.0.1'), socket.inet_aton(destination))
    total = sum(struct.unpack('!10H', head))
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack('!H', ~total & 0xffff) + head[12:] + udp


def udp6(destination, payload):
    udp = struct.pack('!HHHH', PORT, PORT, 8 + len(payload), 0xffff) + payload
    return struct.pack('!IHBB16s16s', 6 << 28, len(udp), 17, 64, socket.inet_pton(socket.AF_INET6, '::1'),
                       socket.inet_pton(socket.AF_INET6, destination)) + udp


def go():
    """Sends one of each kind."""
    v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v4.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    v4.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('127.0.0.1'))
    v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    v4.sendto(text('multicast'), (GROUP, PORT))
    v4.sendto(text('broadcast'), ('127.255.255.255', PORT))
    v4.sendto(text('own'), ('10.99.0.1', PORT))
    v6.sendto(text('own6'), ('fd99::1', PORT))
    v6.sendto(text('own-link-local'), (LINK_LOCAL, PORT, 0, socket.if_nametoindex('veth0')))
    lo = frames('lo')
    for ethertype, packet in ((FRAMES, udp4(FAR, text('frame'))), (0x0800, udp4(FAR, text('stray'))),
                              (0x86dd, udp6(FAR6, text('stray6')))):
        lo.send(bytes(12) + struct.pack('!H', ethertype) + packet)
    v4.sendto(text('away'), (FAR, PORT))


def ask(port):
    """How long an echo at the link-local address takes to connect to and to answer, ms."""
    begun = time.monotonic()
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect((LINK_LOCAL, int(port), 0, socket.if_nametoindex('veth0')))
        sock.send(b'x')
        sock.recv(1)
    print('%.3f' % ((time.monotonic() - begun) * 1000))


if __name__ == '__main__':
    {'come': come, 'watch': watch, 'go': go, 'ask': ask}[sys.argv[1]](*sys.argv[2:])
