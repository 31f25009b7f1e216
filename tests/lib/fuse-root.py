#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Mounts an empty FUSE file system and answers for it: fuse-root.py FOLDER. Prints "mounted" when it is; stopped
with SIGSTOP, it is a file system that does not answer."""
import ctypes
import errno
import os
import struct
import sys

GETATTR, FORGET, INIT, INTERRUPT, ACCESS, BATCH_FORGET = 3, 2, 26, 36, 34, 42
ROOT_ATTR = struct.pack('QQQQQQIIIIIIIIII', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    fuse = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC)
    options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other'
    if libc.mount(b'empty', sys.argv[1].encode(), b'fuse', 0, options.encode()):
        raise OSError(ctypes.get_errno(), 'mount')
    print('mounted', flush=True)
    while True:
        try:
            question = os.read(fuse, 1 << 17)
        except OSError as problem:
            if problem.errno == errno.ENODEV:
                return
            continue
        _, operation, unique = struct.unpack('IIQ', question[:16])
        error, body = errno.ENOENT, b''
        if operation in (FORGET, INTERRUPT, BATCH_FORGET):
            continue
        if operation == INIT:
            error, body = 0, struct.pack('IIIIHHII', 7, 31, 65536, 0, 10, 7, 65536, 1).ljust(64, b'\0')
        elif operation == GETATTR:
            error, body = 0, struct.pack('QII', 0, 0, 0) + ROOT_ATTR
        elif operation == ACCESS:
            error = errno.ENOSYS
        os.write(fuse, struct.pack('IiQ', 16 + len(body), -error, unique) + body)


main()
