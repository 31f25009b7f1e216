#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Somebody else's programs in the chains of devices, as Cilium has them (tcx, Linux 6.6).

chain.py NETNS DEVICE: attaches in that namespace, at both ends of the device, a program `early` that ends
the chain with TCX_PASS, and says 'ready'. Then a command a line: `late` attaches another before all that is
there, which leaves the packets to those behind it; `pass DEVICE` attaches one that ends the chain to one
more device; `order` prints the names of the chain, egress and ingress; `counts` prints how many packets
each has seen.
"""
import ctypes
import os
import platform
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
BPF = {'x86_64': 321, 'aarch64': 280}[platform.machine()]
MAP_CREATE, MAP_LOOKUP, PROG_LOAD, PROG_BY_ID, INFO_BY_FD, PROG_QUERY, LINK_CREATE = 0, 1, 5, 13, 15, 16, 28
INGRESS, EGRESS = 46, 47
BEFORE, AFTER = 1 << 3, 1 << 4
TCX_NEXT, TCX_PASS = -1, 0
kept = []


def bpf(command, fmt, *values):
    attr = bytearray(struct.pack(fmt, *values).ljust(128, b'\0'))
    buffer = (ctypes.c_char * len(attr)).from_buffer(attr)
    result = LIBC.syscall(BPF, command, buffer, len(attr))
    if result < 0:
        raise OSError(ctypes.get_errno(), 'bpf command %d' % command)
    return result, attr


def address(data):
    kept.append(data)
    return ctypes.addressof(data)


def insn(code, dst=0, src=0, offset=0, value=0):
    return struct.pack('<BBhi', code, src << 4 | dst, offset, value)


def load(name, verdict):
    """A program that counts the packets; its descriptor and its counter's."""
    counter = bpf(MAP_CREATE, '=IIII', 2, 4, 8, 1)[0]
    text = b''.join([
        insn(0x18, 1, 1, 0, counter), insn(0),  # r1 = map
        insn(0x62, 10, 0, -4, 0),  # key 0
        insn(0xbf, 2, 10), insn(0x07, 2, 0, 0, -4),
        insn(0x85, 0, 0, 0, 1),  # bpf_map_lookup_elem
        insn(0x15, 0, 0, 2, 0),
        insn(0xb7, 1, 0, 0, 1), insn(0xdb, 0, 1, 0, 0),  # one more
        insn(0xb7, 0, 0, 0, verdict), insn(0x95)])
    code = ctypes.create_string_buffer(text)
    gpl = ctypes.create_string_buffer(b'GPL')
    program = bpf(PROG_LOAD, '=IIQQIIQII16s', 3, len(text) // 8, address(code), address(gpl), 0, 0, 0, 0, 0,
                  name.encode())[0]
    return program, counter


def attach(program, device, end, flags):
    with open(f'/sys/class/net/{device}/ifindex') as file:
        bpf(LINK_CREATE, '=IIII', program, int(file.read()), end, flags)


def names(device, end):
    ids = (ctypes.c_uint32 * 16)()
    with open(f'/sys/class/net/{device}/ifindex') as file:
        attr = bpf(PROG_QUERY, '=IIIIQI', int(file.read()), end, 0, 0, address(ids), 16)[1]
    for number in ids[:struct.unpack_from('=I', attr, 24)[0]]:
        program = bpf(PROG_BY_ID, '=I', number)[0]
        info = ctypes.create_string_buffer(256)
        bpf(INFO_BY_FD, '=IIQ', program, 128, address(info))
        os.close(program)
        yield info.raw[64:80].split(b'\0')[0].decode()


def count(counter):
    key, value = ctypes.c_uint32(0), ctypes.c_uint64()
    bpf(MAP_LOOKUP, '=IIQQ', counter, 0, address(key), address(value))
    return value.value


def main():
    netns, device = sys.argv[1:]
    with open(netns) as file:
        if LIBC.setns(file.fileno(), 0):
            sys.exit('cannot enter the network namespace')
    # the namespace's devices: a mount of sysfs shows those of who mounted it
    if LIBC.unshare(0x20000) or LIBC.mount(b'none', b'/', None, 0x44000, None) or \
            LIBC.mount(b'sysfs', b'/sys', b'sysfs', 0, None):
        sys.exit('cannot mount sysfs')
    seen = {}
    for end, where in (EGRESS, 'out'), (INGRESS, 'in'):
        program, seen['early ' + where] = load('early', TCX_PASS)
        attach(program, device, end, AFTER)
    print('ready', flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        if word == 'late':
            for end, where in (EGRESS, 'out'), (INGRESS, 'in'):
                program, seen['late ' + where] = load('late', TCX_NEXT)
                attach(program, device, end, BEFORE)
        elif word == 'pass':
            for end in EGRESS, INGRESS:
                attach(load('pass', TCX_PASS)[0], rest[0], end, AFTER)
        elif word == 'order':
            print(*names(device, EGRESS), '/', *names(device, INGRESS))
        else:
            print(*('%s %d' % (name, count(seen[name])) for name in sorted(seen)))
        print('', flush=True)


main()
