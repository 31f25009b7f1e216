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
import subprocess
import threading
import time

CALLS = {'getppid': 110, 'sched_get_priority_max': 146}  # x86_64


def feel(args):
    """Tries again and again what the tests' faults act on, and logs each attempt: its kind, when it
    began, how long it took (ms), and `hit`, `well`, or `busy` where the machine was. `late` and
    `lost` ask the echo at the port and the one behind it, `refused` connects to the third, `naps`
    calls getppid()."""
    libc = ctypes.CDLL(None)
    log = open(args.log, 'w', buffering=1)

    def ask(port, timeout):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((args.host, port))
            try:
                sock.send(b'x')
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

    held_up = [0.0]  # when the machine last let this process wait for 30 ms or more

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
    libc = ctypes.CDLL(None)

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


def heart(_):
    """Wakes up every 50 ms for ever; prints by how many ms that was late, if it was 150 or more."""
    while True:
        begun = time.monotonic()
        time.sleep(0.05)
        late_ms = (time.monotonic() - begun - 0.05) * 1000
        if late_ms >= 150:
            print('%.0f' % late_ms, flush=True)


BY_ID = {'programs': 13, 'maps': 14, 'links': 30}  # BPF_{PROG,MAP,LINK}_GET_FD_BY_ID
ENOENT = 2


def is_loaded(kind, number):
    """Is there a BPF object of that id? It is asked by bpf(2), which is number 321 on x86_64."""
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = (ctypes.c_uint32 * 32)(number)
    fd = libc.syscall(321, BY_ID[kind], attributes, ctypes.sizeof(attributes))
    if fd >= 0:
        os.close(fd)
    return fd >= 0 or ctypes.get_errno() != ENOENT


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
    maps = subprocess.run(['bpftool', '-j', 'map'], check=True, capture_output=True).stdout
    shared = {m['id'] for m in json.loads(maps) if m.get('name') == 'sq_switch'}
    found['maps'] = [i for i in found.get('maps', []) if i not in shared]
    return found


def is_ours(pid):
    """Is it a process of this test's, where others run beside it? See host.sh."""
    mark = os.environ.get('SQUALL_TEST')
    return not mark or 'SQUALL_TEST=' + mark in open('/proc/%s/environ' % pid).read().split('\0')


def find_traces(squall, cgroups, run, loaded):
    """What of squall is on the host, a line each; of BPF what the run has loaded. Where other tests
    run beside this one, of the rest too what is the run's."""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.path.samefile('/proc/%s/exe' % pid, squall) and is_ours(pid):
                yield 'process %s %s' % (pid, open('/proc/%s/comm' % pid).read().strip())
        except OSError:
            pass
    for kind, numbers in loaded.items():
        for number in numbers:
            if is_loaded(kind, number):
                yield 'BPF %s: %d' % (kind, number)
    for name in os.listdir('/sys/class/net'):
        if name.startswith('squall'):
            yield 'device ' + name
    for what, folder in ('cgroup', cgroups + '/squall'), ('entry', '/run/squall/runs'):
        for name in folders_in(folder):
            if name == run or 'SQUALL_TEST' not in os.environ:
                yield '%s %s' % (what, name)


def folders_in(path):
    """The names of the folders in one that may be gone at any moment."""
    try:
        return [entry.name for entry in os.scandir(path) if entry.is_dir()]
    except FileNotFoundError:
        return []


def traces(args):
    """Prints what of a run is on the host, a line each."""
    loaded = loaded_by(args.run)
    for line in find_traces(args.squall, args.cgroups, args.run, loaded):
        print(line)


def gone(args):
    """Waits until nothing of squall is on the host; prints when that was, in s after `since`. After
    `within` s prints what is left, and fails."""
    loaded = loaded_by(args.run)
    while True:
        left = list(find_traces(args.squall, args.cgroups, args.run, loaded))
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
    for name in ('squall', 'cgroups', 'run'):
        p.add_argument(name)
    args = parser.parse_args()
    args.function(args)


main()
