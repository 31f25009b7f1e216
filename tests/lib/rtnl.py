# SPDX-License-Identifier: GPL-2.0-only
"""
rtnl.py GO MS: holds the kernel's one lock for all network devices for so long. Says "ready" and waits until there is a
file GO; says "held" when it has the lock.

rtnl.py GO delete INDEX: removes this device then, and asks the kernel nothing before as ip(8) does, which would wait
for the lock twice.

TUNSETTXFILTER reads its argument with that lock held (drivers/net/tun.c), here from a page that is missing until
userfaultfd(2) is told to make it.
"""
import ctypes
import fcntl
import mmap
import os
import socket
import struct
import sys
import threading
import time

USERFAULTFD = 323  # x86-64
UFFDIO_API, UFFDIO_REGISTER, UFFDIO_ZEROPAGE = 0xC018AA3F, 0xC020AA00, 0xC020AA04
TUNSETIFF, TUNSETTXFILTER, TAP = 0x400454CA, 0x400454D1, 0x1002

RTM_DELLINK, REQUEST, ACK = 17, 1, 4


def wait():
    """Until it shall begin."""
    print("ready", flush=True)
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.01)


def delete(index):
    """One message, and its answer."""
    wait()
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    link.send(struct.pack("=IHHII" "BxHiII", 32, RTM_DELLINK, REQUEST | ACK, 1, 0, 0, 0, index, 0, 0))
    sys.exit(-struct.unpack_from("=i", link.recv(4096), 16)[0])


if sys.argv[2] == "delete":
    delete(int(sys.argv[3]))
libc = ctypes.CDLL(None, use_errno=True)
fault = libc.syscall(USERFAULTFD, os.O_CLOEXEC)
if fault < 0:
    sys.exit("rtnl.py: no userfaultfd: " + os.strerror(ctypes.get_errno()))
fcntl.ioctl(fault, UFFDIO_API, struct.pack("QQQ", 0xAA, 0, 0))
page = mmap.mmap(-1, mmap.PAGESIZE)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
fcntl.ioctl(fault, UFFDIO_REGISTER, struct.pack("QQQQ", address, mmap.PAGESIZE, 1, 0))
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"rtnl%d", TAP))
wait()
holder = threading.Thread(target=libc.ioctl, args=(tap, ctypes.c_ulong(TUNSETTXFILTER), ctypes.c_void_p(address)))
holder.start()
os.read(fault, 32)  # it has come to the page
print("held", flush=True)
time.sleep(int(sys.argv[2]) / 1000)
fcntl.ioctl(fault, UFFDIO_ZEROPAGE, struct.pack("QQQq", address, mmap.PAGESIZE, 0, 0))
holder.join()
