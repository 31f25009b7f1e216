#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a lease did, from the kernel's own memory:
lease.py watch RUN | hog SECONDS | traffic PORT PAUSE | unlimited RUN SECONDS

unlimited: takes back, again and again, what the rate of a run is held by.
watch: follows a run's lease in the page that it shares with the kernel, until it has ended; prints the
latest end that it ever had, and when the last fault was decided, both in ns of CLOCK_BOOTTIME.
"""
import ctypes
import json
import mmap
import os
import socket
import struct
import sys
import time

SYS_BPF = 321
LOOKUP, UPDATE, FD_BY_ID, INFO = 1, 2, 14, 15
WHOLE_RUN, NEXT = 64, 2
ENDED = 1
libc = ctypes.CDLL(None, use_errno=True)


def realtime(priority):
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError:
        pass


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    return libc.syscall(SYS_BPF, command, buffer, 128)


def name_of(fd):
    info = ctypes.create_string_buffer(256)
    bpf(INFO, struct.pack('IIQ', fd, 256, ctypes.addressof(info)))
    return info.raw[24:40].split(b'\0')[0].decode()


def maps_of(run):
    found = {}
    for line in open('/var/lib/squall/runs/%s/events.jsonl' % run):
        if '"loaded"' in line:
            for number in json.loads(line)['maps']:
                fd = bpf(FD_BY_ID, struct.pack('III', number, 0, 0))
                if fd >= 0:
                    found[name_of(fd)] = fd
    return found


def last_fault(fd):
    key, value = ctypes.c_uint32(WHOLE_RUN), (ctypes.c_uint64 * 4)()
    bpf(LOOKUP, struct.pack('IIQQQ', fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))
    return value[3]


def watch(run):
    realtime(90)
    maps = maps_of(run)
    page = mmap.mmap(maps['sq_control'], mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    latest, print_until = 0, time.monotonic() + 60
    print('watching', flush=True)
    while time.monotonic() < print_until:
        until = struct.unpack_from('Q', page)[0]
        if until == ENDED:
            time.sleep(0.02)
            print(json.dumps({'end_ns': latest, 'last_ns': last_fault(maps['sq_budget'])}), flush=True)
            return
        latest = max(latest, until)
        time.sleep(0.001)
    sys.exit('the lease has not ended')


def unlimited(run, seconds):
    maps = maps_of(run)
    page = mmap.mmap(maps['sq_control'], mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    budget = maps['sq_budget']
    key, value = ctypes.c_uint32(WHOLE_RUN), (ctypes.c_uint64 * 4)()
    where = struct.pack('IIQQQ', budget, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
    until = time.monotonic() + seconds
    while time.monotonic() < until and struct.unpack_from('Q', page)[0] != ENDED:
        bpf(LOOKUP, where)
        value[NEXT] = 0
        bpf(UPDATE, where)
        time.sleep(0.001)


def hog(seconds):
    realtime(50)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def traffic(port, pause):
    realtime(60)
    while True:
        with socket.socket() as s:
            s.connect_ex(('127.0.0.1', port))
        time.sleep(pause)


if sys.argv[1] == 'watch':
    watch(sys.argv[2])
elif sys.argv[1] == 'unlimited':
    unlimited(sys.argv[2], float(sys.argv[3]))
elif sys.argv[1] == 'hog':
    hog(float(sys.argv[2]))
else:
    traffic(int(sys.argv[2]), float(sys.argv[3]))
