#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What GRO has put together and a fault takes apart again: merged.py CGROUP NEAR FAR KIB.

In NEAR a process in CGROUP takes KIB of TCP on port 7105 of 10.99.0.1, by a veth0 that merges what comes in;
FAR sends a wire packet at a time. Prints how many segments were sent, how many of them a second time, and how
many wire packets the largest one was that squall was shown.
"""
import ctypes
import fcntl
import os
import socket
import struct
import sys

CGROUP, NEAR, FAR, KIB = *sys.argv[1:4], int(sys.argv[4])
LIBC = ctypes.CDLL(None, use_errno=True)
SIOCETHTOOL, ETHTOOL_SGRO, ETHTOOL_STSO, ETHTOOL_SGSO = 0x8946, 0x2c, 0x1f, 0x24
ADDRESS, MSS = ('10.99.0.1', 7105), 1448


def enter(netns):
    with open(netns) as file:
        if LIBC.setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), 'setns')


def feature(command, value):
    """Of veth0 in this namespace."""
    data = ctypes.create_string_buffer(struct.pack('II', command, value))
    request = struct.pack('16sQ16x', b'veth0', ctypes.addressof(data))
    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, request)


def info(sock):
    """Segments that were sent, and again."""
    data = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return struct.unpack_from('=I', data, 136) + struct.unpack_from('=I', data, 100)


def take(ready):
    enter(NEAR)
    with open(f'{CGROUP}/cgroup.procs', 'w') as procs:
        procs.write('0')
    feature(ETHTOOL_SGRO, 1)
    # what a packet socket is shown comes just before it is decided
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    seen.bind(('veth0', 0))
    seen.setblocking(False)
    listener = socket.create_server(ADDRESS)
    os.write(ready, b'.')
    conn = listener.accept()[0]
    left, largest = KIB << 10, 0
    while left:
        left -= len(conn.recv(left))
        try:
            largest = max(largest, seen.recv_into(bytearray(1), 0, socket.MSG_TRUNC))
        except BlockingIOError:
            pass
    conn.send(b'.')
    os.write(ready, b'%d' % (largest // MSS))
    conn.recv(1)


def main():
    ours, theirs = os.pipe()
    if not os.fork():
        take(theirs)
        os._exit(0)
    os.close(theirs)
    os.read(ours, 1)
    enter(FAR)
    feature(ETHTOOL_STSO, 0)
    feature(ETHTOOL_SGSO, 0)
    with socket.create_connection(ADDRESS) as sock:
        sock.sendall(bytes(KIB << 10))
        sock.recv(1)
        print(*info(sock), int(os.read(ours, 20)))


main()
