#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How long calls on sockets take, ms, by whom they are for: peers.py PORT [write]. Lines `near` are for
127.0.0.1 and PORT, those of `far` for another address or port, or for nobody. The calls of `write` too
are made on descriptors that may be anything."""
import os
import socket
import sys
import time

port = int(sys.argv[1])
ADDRESS = '127.0.0.1'


def took(whom, name, call, *arguments):
    begun = time.monotonic()
    try:
        call(*arguments)
    except OSError:
        pass
    print(whom, name, round((time.monotonic() - begun) * 1000), flush=True)


def tcp(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM)


def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


took('near', 'connect', tcp().connect, (ADDRESS, port))
took('far', 'connect-address', tcp().connect, ('127.0.0.2', port))
took('far', 'connect-port', tcp().connect, (ADDRESS, port + 1))
took('far', 'connect-ipv6', tcp(socket.AF_INET6).connect, ('::1', port))
took('near', 'connect-mapped', tcp(socket.AF_INET6).connect, ('::ffff:' + ADDRESS, port))
took('near', 'sendto', udp().sendto, b'x', (ADDRESS, port))
took('far', 'sendto', udp().sendto, b'x', ('127.0.0.2', port))
took('near', 'sendmsg', udp().sendmsg, [b'x'], [], 0, (ADDRESS, port))
took('far', 'sendmsg', udp().sendmsg, [b'x'], [], 0, (ADDRESS, port + 1))
near, far = udp(), udp()
near.connect((ADDRESS, port))
far.connect(('127.0.0.2', port))
took('near', 'send', near.send, b'x')
took('far', 'send', far.send, b'x')
if 'write' in sys.argv:
    took('near', 'write', os.write, near.fileno(), b'x')
    took('far', 'write', os.write, far.fileno(), b'x')
    took('far', 'write-file', os.write, os.open('/dev/null', os.O_WRONLY), b'x')
