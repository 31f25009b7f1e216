#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of stopping need: to feel faults, to sleep in calls, to end a sleeper."""
import argparse
import ctypes
import json
import os
import pty
import select
import signal
import socket
import struct
import threading
import time

SLOW_MS = 45  # for an answer that nobody delays
CALLS = {'getppid': 110, 'sched_get_priority_max': 146}  # x86_64


def feel(args):
    """Tries again and again what the tests' faults act on, and logs each attempt: its kind, when it
    began, how long it took (ms), and `hit`, `well`, or `busy` where the machine was: where this process had to
    wait, or where the echo at the fourth port, whom no fault is about, was late as well. `late` and `lost` ask
    the echo at the port and the one behind it, `refused` connects to the third, `naps` calls getppid()."""
    log = open(args.log, 'a', buffering=1)

    held_up = [0.0]  # when the machine last let this process wait for 30 ms or more

    def ask(port, timeout):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            sock.settimeout(timeout)
            sock.connect((args.host, port))
            control.connect((args.host, args.port + 3))
            try:
                begun = time.time()
                control.send(b'x')
                sock.send(b'x')
                control.settimeout(SLOW_MS / 1000)
                control.recv(8)
            except OSError:
                held_up[0] = max(held_up[0], begun)
            try:
                sock.recv(8)
                return False
            except OSError:
                return True

    def connect():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            try:
                sock.connect((args.host, args.port + 2))
                return False
            except OSError:
                return True

    kinds = {
        'late': (lambda: ask(args.port, 5), 90),
        'lost': (lambda: ask(args.port + 1, 0.15), 5000),
        'refused': (connect, 5000),
        'naps': (libc.getppid, 150),
    }

    def watch():
        while True:
            begun = time.monotonic()
            time.sleep(0.005)
            if time.monotonic() - begun >= 0.035:
                held_up[0] = time.time()

    threading.Thread(target=watch, daemon=True).start()

    def repeat(kind, act, slow_ms):
        while True:
            begun = time.time()
            failed = act() is True
            took = (time.time() - begun) * 1000
            result = 'hit' if failed or took >= slow_ms else 'well'
            # what is late because everything is tells nothing; a refusal always does
            if result == 'hit' and kind != 'refused':
                time.sleep(0.01)
                if held_up[0] >= begun:
                    result = 'busy'
            log.write('%s %.6f %.3f %s\n' % (kind, begun, took, result))
            time.sleep(0.01)

    for kind, (act, slow_ms) in kinds.items():
        threading.Thread(target=repeat, args=(kind, act, slow_ms), daemon=True).start()
    while True:
        time.sleep(60)


def sleepers(args):
    """`count` threads, half of them in processes of their own, make a call once; prints when each
    returned."""
    number = CALLS[args.call]

    def once():
        libc.syscall(number)
        os.write(1, b'%.6f\n' % time.time())

    for _ in range(args.count // 2):
        if not os.fork():
            once()
            os._exit(0)
    threads = [threading.Thread(target=once) for _ in range(args.count - args.count // 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(args.count // 2):
        os.wait()


def end(args):
    """Sends SIGKILL; prints how long it takes until the process is gone, ms."""
    pidfd = os.pidfd_open(args.pid)
    begun = time.monotonic()
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    ready, _, _ = select.select([pidfd], [], [], 10)
    print('%.3f' % ((time.monotonic() - begun) * 1000) if ready else 'never')


def trace(args):
    """Traces a process, as a debugger does that somebody has left alone: all of its threads stand still."""
    attach, wall = 16, 0x40000000  # PTRACE_ATTACH, __WALL
    for thread in os.listdir('/proc/%d/task' % args.pid):
        if libc.ptrace(attach, int(thread), None, None):
            raise OSError(ctypes.get_errno(), 'ptrace')
        os.waitpid(int(thread), wall)
    print('traced', flush=True)
    time.sleep(60)


def pageout(args):
    """Swaps out what a process has in its memory, as far as there is swap; prints how much it keeps."""
    process_madvise, madv_pageout = 440, 21
    pidfd = os.pidfd_open(args.pid)
    for line in open('/proc/%d/maps' % args.pid):
        begin, end = (int(n, 16) for n in line.split()[0].split('-'))
        if not line.rstrip().endswith(']') or '[heap]' in line or '[stack]' in line:
            vector = (ctypes.c_uint64 * 2)(begin, end - begin)
            libc.syscall(process_madvise, pidfd, vector, 1, madv_pageout, 0)
    print([line.split()[1] for line in open('/proc/%d/status' % args.pid) if line.startswith('VmRSS')][0], 'KiB stay')


def heart(_):
    """Wakes up every 50 ms for ever; prints by how many ms that was late, if it was 150 or more."""
    while True:
        begun = time.monotonic()
        time.sleep(0.05)
        late_ms = (time.monotonic() - begun - 0.05) * 1000
        if late_ms >= 150:
            print('%.0f' % late_ms, flush=True)


BY_ID = {'programs': 13, 'maps': 14, 'links': 30}  # BPF_{PROG,MAP,LINK}_GET_FD_BY_ID
NEXT_ID = {'programs': 11, 'maps': 12, 'links': 31}
INFO_BY_FD = 15
NAME_AT = {'programs': 64, 'maps': 24}  # in their struct bpf_{prog,map}_info
FDINFO = {'prog_id': 'programs', 'map_id': 'maps', 'link_id': 'links'}
ENOENT = 2
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, *words):
    """bpf(2), which is number 321 on x86_64, with 32 bit words: its result, and the words after it."""
    attributes = (ctypes.c_uint32 * 32)(*words)
    return libc.syscall(321, command, attributes, ctypes.sizeof(attributes)), attributes


def is_loaded(kind, number):
    """Is there a BPF object of that id?"""
    fd, _ = bpf(BY_ID[kind], number)
    if fd >= 0:
        os.close(fd)
    return fd >= 0 or ctypes.get_errno() != ENOENT


def hold(args):
    """Holds a BPF program, as a process of somebody else's may."""
    fd, _ = bpf(BY_ID['programs'], args.id)
    if fd < 0:
        raise OSError(ctypes.get_errno(), 'BPF_PROG_GET_FD_BY_ID')
    print('held', flush=True)
    time.sleep(60)


def ids(kind):
    """The ids of all objects of a kind."""
    number = 0
    while True:
        result, words = bpf(NEXT_ID[kind], number)
        if result:
            return
        number = words[1]
        yield number


def info(kind, number, size=256):
    """The kernel's struct bpf_{prog,map,link}_info of one, as bytes, and the ids of a program's maps; None
    where it is gone."""
    fd, _ = bpf(BY_ID[kind], number)
    if fd < 0:
        return None, []
    buffer, maps = ctypes.create_string_buffer(size), (ctypes.c_uint32 * 64)()
    if kind == 'programs':
        struct.pack_into('I', buffer, 52, len(maps))
        struct.pack_into('Q', buffer, 56, ctypes.addressof(maps))
    address = ctypes.addressof(buffer)
    result, _ = bpf(INFO_BY_FD, fd, size, address & 0xffffffff, address >> 32)
    os.close(fd)
    if result:
        return None, []
    return buffer.raw, maps[:struct.unpack_from('I', buffer, 52)[0]] if kind == 'programs' else []


def held():
    """(kind, id) of what any process holds, and of the maps of the programs that are held."""
    found = set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            for fd in os.listdir('/proc/%s/fd' % pid):
                if 'bpf' in os.readlink('/proc/%s/fd/%s' % (pid, fd)):
                    for line in open('/proc/%s/fdinfo/%s' % (pid, fd)):
                        key, _, value = line.partition(':')
                        if key in FDINFO:
                            found.add((FDINFO[key], int(value)))
        except OSError:
            pass
    for number in [number for kind, number in found if kind == 'programs']:
        found |= {('maps', m) for m in info('programs', number)[1]}
    return found


def name_of(kind, number):
    """Its name, '' where it has none or is gone."""
    raw, _ = info(kind, number)
    at = NAME_AT[kind]
    return raw[at:at + 16].split(b'\0')[0].decode() if raw else ''


def orphans():
    """(kind, id, name) of what is squall's by its name and held by nobody: something has pinned or
    attached it, or the kernel is about to free it."""
    there = {kind: [] for kind in NAME_AT}
    for kind in there:
        for number in ids(kind):
            name = name_of(kind, number)
            if name.startswith('sq_') and name != 'sq_switch':
                there[kind].append((number, name))
    holding = held()
    for kind, objects in there.items():
        for number, name in objects:
            if (kind, number) not in holding:
                yield kind, number, name


def loaded_by(run):
    """The ids of what a run has loaded, by its journal: {kind: [id]}. The kill switch's map is
    everybody's, and outlives it."""
    found = {}
    try:
        for line in open('/var/lib/squall/runs/%s/events.jsonl' % run):
            if '"loaded"' in line:
                event = json.loads(line)
                found = {kind: event.get(kind, []) for kind in BY_ID}
    except (OSError, ValueError):
        pass
    found['maps'] = [i for i in found.get('maps', []) if name_of('maps', i) != 'sq_switch']
    return found


def is_ours(pid):
    """Is it a process of this test's, where others run beside it? See host.sh."""
    mark = os.environ.get('SQUALL_TEST')
    return not mark or 'SQUALL_TEST=' + mark in open('/proc/%s/environ' % pid).read().split('\0')


def find_traces(squall, cgroups, loaded):
    """What of squall is on the host, a line each; of BPF what the runs have loaded, {RUN: {KIND: [ID]}}.
    Where other tests run beside this one, of the rest too what is the runs'."""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.path.samefile('/proc/%s/exe' % pid, squall) and is_ours(pid):
                yield 'process %s %s' % (pid, open('/proc/%s/comm' % pid).read().strip())
        except OSError:
            pass
    for objects in loaded.values():
        for kind, numbers in objects.items():
            for number in numbers:
                if is_loaded(kind, number):
                    yield 'BPF %s: %d' % (kind, number)
    for name in os.listdir('/sys/class/net'):
        if name.startswith('squall'):
            yield 'device ' + name
    for what, folder in ('cgroup', cgroups + '/squall'), ('entry', '/run/squall/runs'):
        for name in folders_in(folder):
            if name in loaded or 'SQUALL_TEST' not in os.environ:
                yield '%s %s' % (what, name)


def folders_in(path):
    """The names of the folders in one that may be gone at any moment."""
    try:
        return [entry.name for entry in os.scandir(path) if entry.is_dir()]
    except FileNotFoundError:
        return []


def traces(args):
    """Prints what of some runs is on the host, a line each."""
    for line in find_traces(args.squall, args.cgroups, {run: loaded_by(run) for run in args.runs}):
        print(line)


def gone(args):
    """Waits until nothing of squall is on the host; prints when that was, in s after `since`. After
    `within` s prints what is left, and fails."""
    loaded = {args.run: loaded_by(args.run)}
    while True:
        left = list(find_traces(args.squall, args.cgroups, loaded))
        after = time.time() - args.since
        if not left:
            print('%.3f' % after)
            return
        if after > args.within:
            print('\n'.join(left))
            raise SystemExit(1)
        time.sleep(0.005)


def terminal(args):
    """A terminal with a shell that has job control. What is shown goes to the file `screen`; keys are
    read from the pipe `keys`, a line each, with Python's escapes. The line `@close` hangs up."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ['PS1'] = '$ '
        os.execv('/bin/bash', ['bash', '--norc', '--noprofile', '-i'])
    screen = open(args.screen, 'wb', buffering=0)

    def show():
        while True:
            try:
                screen.write(os.read(master, 4096))
            except OSError:
                return

    threading.Thread(target=show, daemon=True).start()
    for line in open(args.keys):
        line = line.rstrip('\n')
        if line == '@close':
            break
        os.write(master, line.encode().decode('unicode_escape').encode())
    # the reader holds it too: the end of this process hangs up
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(required=True)
    p = sub.add_parser('feel')
    p.set_defaults(function=feel)
    p.add_argument('host')
    p.add_argument('port', type=int)
    p.add_argument('log')
    p = sub.add_parser('heart')
    p.set_defaults(function=heart)
    p = sub.add_parser('sleepers')
    p.set_defaults(function=sleepers)
    p.add_argument('count', type=int)
    p.add_argument('call', choices=CALLS)
    p = sub.add_parser('end')
    p.set_defaults(function=end)
    p.add_argument('pid', type=int)
    for name, function in ('trace', trace), ('pageout', pageout):
        p = sub.add_parser(name)
        p.set_defaults(function=function)
        p.add_argument('pid', type=int)
    p = sub.add_parser('hold')
    p.set_defaults(function=hold)
    p.add_argument('id', type=int)
    p = sub.add_parser('terminal')
    p.set_defaults(function=terminal)
    p.add_argument('screen')
    p.add_argument('keys')
    p = sub.add_parser('gone')
    p.set_defaults(function=gone)
    for name in ('squall', 'cgroups', 'run'):
        p.add_argument(name)
    for name in ('since', 'within'):
        p.add_argument(name, type=float)
    p = sub.add_parser('traces')
    p.set_defaults(function=traces)
    for name in ('squall', 'cgroups'):
        p.add_argument(name)
    p.add_argument('runs', nargs='*')
    args = parser.parse_args()
    args.function(args)


if __name__ == '__main__':
    main()
