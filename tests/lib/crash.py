#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Crashes runs of squall, several at a time, and looks after each at what it has left.

Each worker has a network namespace, a target with traffic and one run at a time of its own. After a run the
host must be as before as far as it is this worker's, nothing of squall's may be held by nobody, and nothing
may be felt any more. So other tests may run beside.
"""
import argparse
import calendar
import collections
import ctypes
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import stop

CLONE_NEWNET = 0x40000000
RUNS, ENTRIES = '/var/lib/squall/runs', '/run/squall/runs'
CONTROLLER = ('SIGKILL', 'SIGSTOP', 'SIGSEGV', 'OOM')
TOGETHER = ('both', 'all')
HELPERS = ('squall-guard', 'squall-nap', 'squall-napper', 'squall-line')
ERRORS = ('ENOMEM', 'ENOSPC', 'EMFILE', 'EINTR', 'EPERM')
# the program's own start, and what cannot fail so: brk() says where the end stays, and what close() fails to
# close is closed
SPARED = ('execve', 'exit', 'exit_group', 'rt_sigreturn', 'restart_syscall', 'brk', 'close')
# squall's own, the dynamic linker's, and where the C library can do nothing but abort
EXITS = (0, 4, 5, 6, 7, 70, 75, 127, -signal.SIGABRT)
FREED_LATE_S = 15  # by the kernel of a busy machine
HUNG_S = 60
MOST_GONE_S, MOST_FELT_S = 2, 1.2  # after a controller's death
YAML = '''version: 1
title: To be crashed
targets: {{t: {{cgroup: "{target}"}}}}
method:
  - {{name: late, fault: network.latency, target: t, to: "127.0.0.1:7100", delay: 100ms, for: 600ms}}
  - {{name: lost, fault: network.loss, target: t, to: "127.0.0.1:7101", direction: ingress, probability: 50%, for: 600ms}}
  - {{name: refused, fault: network.refuse, target: t, to: "127.0.0.1:7102", for: 600ms}}
'''
NAPS = '  - {{name: naps, fault: syscall.latency, target: t, calls: [getppid], delay: 200ms, for: 600ms}}\n'


def read(path):
    try:
        with open(path, errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def names_in(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


class Heart:
    """When the machine last let this process wait: then nobody can keep any time."""

    def __init__(self):
        self.held_at = 0
        threading.Thread(target=self.beat, daemon=True).start()

    def beat(self):
        while True:
            begun = time.monotonic()
            time.sleep(0.05)
            if time.monotonic() - begun > 0.2:
                self.held_at = time.time()


class Worker:
    def __init__(self, args, number):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'unshare')
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        self.args = args
        self.number = number
        self.mark = 'crash-%d-%d' % (os.getpid(), number)
        os.environ['SQUALL_TEST'] = self.mark
        self.group = '%s/crash-%d' % (args.group, number)
        self.cgroup = args.cgroups + self.group
        self.yaml = '%s/%d.yaml' % (args.work, number)
        self.log = '%s/%d.feel' % (args.work, number)
        self.out = '%s/%d.out' % (args.work, number)
        self.started = []
        self.heart = Heart()
        self.seen = set(names_in(RUNS))
        self.runs = []
        os.makedirs(self.cgroup)
        with open(self.yaml, 'w') as file:
            file.write((YAML + (NAPS if args.naps else '')).format(target=self.group))
        tool = [sys.executable, os.path.dirname(__file__) + '/tool.py']
        self.spawn(tool + ['echo', '127.0.0.1', '7100', '--also', '7101', '7102', '7103'])
        self.spawn([sys.executable, os.path.dirname(__file__) + '/stop.py', 'feel', '127.0.0.1', '7100', self.log],
                   self.cgroup)
        deadline = time.monotonic() + 20
        while not read(self.log) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.before = self.state()

    def spawn(self, command, cgroup=None):
        def enter():
            with open(cgroup + '/cgroup.procs', 'w') as file:
                file.write('0')

        self.started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                             preexec_fn=enter if cgroup else None))

    def end(self):
        for process in self.started:
            process.kill()
            process.wait()
        os.rmdir(self.cgroup)

    def find_runs(self):
        """Those of this worker that have a journal or an entry and are not known yet."""
        for name in set(names_in(RUNS)) - self.seen:
            with open('%s/%s/events.jsonl' % (RUNS, name), errors='replace') as file:
                begin = file.readline()
            if begin.endswith('\n') or name not in names_in(ENTRIES):
                self.seen.add(name)
            if '"%s"' % self.yaml in begin and name not in self.runs:
                self.runs.append(name)
        for name in names_in(ENTRIES):
            if '"%s"' % self.group in read('%s/%s/claim.json' % (ENTRIES, name)) and name not in self.runs:
                self.runs.append(name)

    def processes(self):
        """{pid: name} of this worker's squall."""
        found = {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                if os.path.samefile('/proc/%s/exe' % pid, self.args.squall) and stop.is_ours(pid):
                    found[int(pid)] = read('/proc/%s/comm' % pid).strip()
            except OSError:
                pass
        return found

    def of_squall(self):
        """What of this worker's runs is there, and what of any squall's is held by nobody."""
        try:
            self.find_runs()
        except FileNotFoundError:
            pass
        found = {'process %s (%d)' % (name, pid) for pid, name in self.processes().items()}
        for name in self.runs:
            for what, path in (('cgroup', self.args.cgroups + '/squall/'), ('entry', ENTRIES + '/')):
                if os.path.isdir(path + name):
                    found.add('%s %s' % (what, name))
            for kind, numbers in stop.loaded_by(name).items():
                found |= {'BPF %s: %d' % (kind, n) for n in numbers if stop.is_loaded(kind, n)}
        # but for what waits for somebody else's `recover`
        others = set()
        for name in set(names_in(ENTRIES)) - set(self.runs):
            others |= {(kind, n) for kind, numbers in stop.loaded_by(name).items() for n in numbers}
        return found | {'BPF %s that nobody holds: %d %s' % (kind, n, name)
                        for kind, n, name in stop.orphans() if (kind, n) not in others}

    def state(self):
        """What a run could change in this worker's part of the host."""
        found = {'device ' + name for _, name in socket.if_nameindex()}
        qdiscs = output_of('tc', 'qdisc')
        found |= {'qdisc ' + line.split(' refcnt')[0] for line in qdiscs.splitlines()}
        for device in (line.split(' dev ')[1].split()[0] for line in qdiscs.splitlines() if 'clsact' in line):
            for side in 'ingress', 'egress':
                found |= {'filter ' + line
                          for line in output_of('tc', 'filter', 'show', 'dev', device, side).splitlines()}
        for line in read('/proc/self/mountinfo').splitlines():
            if 'squall' in line and ' /run/squall/bpf ' not in line and '/squall-test.' not in line:
                found.add('mount ' + line.split(' ', 3)[3])
        for family in '4', '6':
            for folder, _, files in os.walk('/proc/sys/net/ipv%s/conf' % family):
                found |= {'setting %s/%s %s' % (folder, name, read(folder + '/' + name).strip())
                          for name in files if name != 'stable_secret'}
        for name in ('kernel/unprivileged_bpf_disabled', 'kernel/bpf_stats_enabled', 'kernel/perf_event_paranoid',
                     'net/core/bpf_jit_enable', 'net/core/bpf_jit_harden'):
            found.add('setting %s %s' % (name, read('/proc/sys/' + name).strip()))
        for path in '/dev/null', '/dev/stdout', '/dev/stderr':
            found.add('device file %s %o' % (path, os.lstat(path).st_mode))
        space = os.stat('/proc/self/ns/net').st_ino
        found |= {'mark ' + name for name in names_in('/run/squall/clsact') if name.startswith('%d-' % space)}
        for folder in '/run', '/run/netns', '/run/squall', '/tmp', '/var/tmp', '/dev/shm', '/etc', '/var/lib/squall':
            found |= {'file %s/%s' % (folder, name) for name in names_in(folder)
                      if any(run in name for run in self.runs)}
        return found

    def left(self):
        """What stays: at each look of those for FREED_LATE_S seconds."""
        until, stays = time.monotonic() + FREED_LATE_S, None
        while True:
            now = self.of_squall() | self.state().symmetric_difference(self.before)
            stays = now if stays is None else stays & now
            if not stays or time.monotonic() > until:
                return stays
            time.sleep(0.1)

    def hits(self, since):
        """The attempts from then on that the faults hit, as tests/lib/stop.py logs them."""
        lines = (line.split() for line in read(self.log).splitlines())
        return [line for line in lines if len(line) == 4 and line[3] == 'hit' and float(line[1]) >= since]

    def felt(self, since):
        """Seconds from then to the last of them."""
        return max((float(line[1]) - since for line in self.hits(since)), default=0)

    def journal_mistake(self, name, aborted_at, exit_code):
        """What the journal of a run does not say; one that was crashed at that time, or never."""
        if not os.path.exists('%s/%s' % (RUNS, name)):
            return None  # it died before
        try:
            journal = json.loads(read('%s/%s/journal.json' % (RUNS, name)))
        except ValueError:
            if exit_code == 70:
                return None  # it says that it cannot be written
            return 'the journal of %s has no end' % name
        if not journal['cleanup']['clean']:
            return 'the journal of %s tells of %s' % (name, journal['cleanup']['leftovers'])
        if aborted_at and journal['verdict'] != 'aborted':
            ended = time.strptime(journal['ended'].split('.')[0].rstrip('Z'), '%Y-%m-%dT%H:%M:%S')
            # one that had come to its end before has passed
            if calendar.timegm(ended) > aborted_at:
                return 'the journal of %s says %s' % (name, journal['verdict'])
        return None

    def settle(self, result, since, alone):
        """Waits for the run's own clean-up for 3 s, uses `recover` where that is needed, and looks at what is
        left. @alone: it was to be clean by itself."""
        until = time.time() + 3
        while self.of_squall() and time.time() < until:
            time.sleep(0.02)
        result['gone_s'] = time.time() - since
        if time.time() >= until:
            names = [name for name in self.runs if os.path.isdir('%s/%s' % (ENTRIES, name))]
            result['recovered'] = True
            result['dead'] = sorted(self.of_squall())
            for name in names:
                subprocess.run([self.args.squall, 'recover', name], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        left = self.left()
        result['left'] += sorted(left)
        result['left'] += filter(None, (self.journal_mistake(name, since if alone else 0, result['exit'])
                                        for name in self.runs))
        calm = time.time()
        time.sleep(0.15)
        if self.hits(calm):
            result['left'].append('a fault is still felt: ' + ', '.join(' '.join(h) for h in self.hits(calm)))
        result['felt_s'] = self.felt(since)
        if alone and not left and self.heart.held_at < since:
            if result['gone_s'] > MOST_GONE_S and not result['recovered']:
                result['left'].append('gone only after %.1f s' % result['gone_s'])
            if result['felt_s'] > MOST_FELT_S:
                result['left'].append('a fault was felt %.1f s later' % result['felt_s'])
        if left:
            self.before = self.state()
        if not result['left'] and self.args.forget:
            for name in self.runs:
                shutil.rmtree('%s/%s' % (RUNS, name), ignore_errors=True)
        self.runs = []
        open(self.log, 'r+').truncate(0)

    def begin(self):
        with open(self.out, 'w') as out:
            return subprocess.Popen([self.args.squall, 'run', '--yes', self.yaml], stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=out)

    def helper(self, name, process):
        """Waits for a helper of that name."""
        while process.poll() is None:
            for pid, comm in self.processes().items():
                if comm == name:
                    return pid
            time.sleep(0.01)
        return 0

    def kill(self, kind, process, at_s):
        """Does it; False where nothing was there to be killed."""
        if kind in HELPERS:
            pid = self.helper(kind, process)
            if not pid:
                return False
            time.sleep(random.random() * max(0, at_s - 0.3))
            if process.poll() is not None:
                return False
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
            return True
        time.sleep(at_s)
        if process.poll() is not None:
            return False
        if kind == 'SIGSTOP':
            process.send_signal(signal.SIGSTOP)
            time.sleep(random.random())
        elif kind == 'OOM':
            # what the OOM killer does: it lends memory, and sends SIGKILL to all that share it
            with open('/proc/%d/oom_score_adj' % process.pid, 'w') as file:
                file.write('1000')
        elif kind in TOGETHER:
            victims = {pid: name for pid, name in self.processes().items()
                       if kind == 'all' or name == 'squall-guard'}
            for pid in [process.pid, *victims]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        process.send_signal(signal.SIGSEGV if kind == 'SIGSEGV' else signal.SIGKILL)
        return True

    def crash(self, kind, share):
        """One run, crashed at that share of its time."""
        result, begun = new_result(kind), time.time()
        process = self.begin()
        result['hit'] = self.kill(kind, process, share * self.args.whole_s)
        since = time.time()
        try:
            result['exit'] = process.wait(HUNG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            result['left'].append('it hung')
        if kind in HELPERS:
            since = time.time()
        self.settle(result, since, result['hit'] and kind in CONTROLLER and kind != 'SIGSTOP')
        # a machine that stands still lets a lease lapse
        wanted = {0, 5, -signal.SIGKILL, -signal.SIGSEGV}
        if kind in HELPERS or self.heart.held_at > begun:
            wanted.add(4)
        if kind in HELPERS and 'did not start' in read(self.out):
            wanted.add(70)
        if result['exit'] not in wanted:
            result['left'].append('exit %d: %s' % (result['exit'], read(self.out)[-300:]))
        return result

    def fail(self, name, error, when):
        """One run, of which a system call fails: in each thread the one of that number."""
        result = new_result(error)
        result['what'] = '%s:%s:%d' % (name, error, when)
        log = self.out + '.calls'
        with open(self.out, 'w') as out:
            process = subprocess.Popen(
                ['strace', '-f', '-qq', '-o', log, '--seccomp-bpf', '-e', 'signal=none', '-e', 'trace=' + name, '-e',
                 'inject=%s:error=%s:when=%d' % (name, error, when), self.args.squall, 'run', '--yes', self.yaml],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            result['exit'] = process.wait(HUNG_S)
        except subprocess.TimeoutExpired:
            result['left'].append('it hung')
            process.kill()
            process.wait()
        result['hit'] = '(INJECTED)' in read(log)
        self.settle(result, time.time(), False)
        # the dynamic linker itself may fall, before squall begins
        if result['exit'] not in EXITS and (result['exit'] != -signal.SIGSEGV or os.path.getsize(self.out)):
            result['left'].append('an exit that no run has')
        if result['left'] or result['exit'] < 0:
            result['said'] = read(self.out)[-600:]
        return result

    def whole(self):
        """A run that is left alone, which must pass: how long it takes."""
        result = new_result('left alone')
        begun = time.time()
        result['exit'] = self.begin().wait()
        result['whole_s'] = time.time() - begun
        self.settle(result, time.time(), False)
        # 5: on a busy machine nobody tried meanwhile
        if result['exit'] not in (0, 5):
            result['left'].append('exit %d: %s' % (result['exit'], read(self.out)[-600:]))
        return result

    def count(self):
        """A run of which is counted what it calls, in the thread that does so most often."""
        result = new_result('counted')
        log, counts = self.out + '.calls', collections.Counter()
        result['exit'] = subprocess.run(
            ['strace', '-f', '-qq', '-o', log, '-e', 'signal=none', '-e', 'raw=all', self.args.squall, 'run', '--yes',
             self.yaml], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        for line in read(log).splitlines():
            thread, _, call = line.partition(' ')
            name, bracket, _ = call.strip().partition('(')
            if bracket and name.isidentifier() and name not in SPARED:
                counts[name, thread] += 1
        result['calls'] = {}
        for (name, _), count in counts.items():
            result['calls'][name] = max(count, result['calls'].get(name, 0))
        self.settle(result, time.time(), False)
        return result


def new_result(kind):
    return {'kind': kind, 'what': kind, 'hit': False, 'recovered': False, 'left': [], 'exit': 0, 'gone_s': 0,
            'felt_s': 0}


def work(args, number, tasks, results):
    """A worker: tasks until there is none, a whole run before and after them."""
    random.seed('%s %d' % (args.seed, number))
    worker = Worker(args, number)
    try:
        first = worker.whole()
        args.whole_s = first['whole_s']
        results.put(first)
        for method, *rest in iter(tasks.get, None):
            results.put(getattr(worker, method)(*rest))
        if args.kills or args.failures:
            results.put(worker.whole())
    finally:
        worker.end()
        results.put(None)


def run_all(args, tasks, workers, tell):
    """Does the tasks with so many workers; calls tell() with each result."""
    queue, results = multiprocessing.Queue(), multiprocessing.Queue()
    for task in tasks + [None] * workers:
        queue.put(task)
    processes = [multiprocessing.Process(target=work, args=(args, i, queue, results)) for i in range(workers)]
    for process in processes:
        process.start()
    while workers:
        result = results.get()
        if result:
            tell(result)
        else:
            workers -= 1
    for process in processes:
        process.join()
        if process.exitcode:
            sys.exit('a worker has failed')


def tasks_to_kill(n):
    """Controllers at moments that are spread evenly, with a part by chance; helpers at any."""
    kinds = CONTROLLER + HELPERS + TOGETHER
    rounds = (n + len(kinds) - 1) // len(kinds)
    tasks = [('crash', kind, (i + random.random()) / rounds) for i in range(rounds) for kind in kinds]
    return tasks[:n]


def tasks_to_fail(calls, n, part):
    """Each call with each error: its first in a thread, its last, and one between. @n of them, or 0: all of
    the part K/N."""
    first, _, parts = part.partition('/')
    tasks = [('fail', name, error, when) for name, count in sorted(calls.items()) for error in ERRORS
             for when in sorted({1, random.randint(1, count), count})][int(first) - 1::int(parts)]
    random.shuffle(tasks)
    return tasks[:n or len(tasks)]


def table(results, out):
    """A line for each kind; the number of those that left something."""
    kinds = collections.defaultdict(list)
    for result in results:
        kinds[result['kind']].append(result)
    print('%-14s %6s %6s %10s %6s %11s %11s' % ('crash', 'tried', 'hit', 'recovered', 'left', 'gone in, s',
                                                'felt for, s'), file=out)
    for kind, of_kind in kinds.items():
        clean = [r for r in of_kind if not r['recovered']]
        print('%-14s %6d %6d %10d %6d %11.2f %11.2f' % (
            kind, len(of_kind), sum(r['hit'] for r in of_kind), len(of_kind) - len(clean),
            sum(bool(r['left']) for r in of_kind), max([r['gone_s'] for r in clean], default=0),
            max(r['felt_s'] for r in of_kind)), file=out)
    ends = collections.Counter(r['exit'] for r in results if r['kind'] in ERRORS)
    if ends:
        print('the runs whose calls failed ended with', ', '.join(
            'exit %d: %d' % end if end[0] >= 0 else '%s: %d' % (signal.Signals(-end[0]).name, end[1])
            for end in sorted(ends.items())), file=out)
    return sum(bool(r['left']) for r in results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('squall')
    parser.add_argument('cgroups', help='where cgroup2 is mounted')
    parser.add_argument('group', help='a cgroup of the test\'s')
    parser.add_argument('work', help='a folder of the test\'s')
    parser.add_argument('--workers', type=int, default=4)
    parser.add_argument('--kills', type=int, default=0)
    parser.add_argument('--failures', type=int, default=0, help='how many calls fail; -1: all, one after another')
    parser.add_argument('--calls', default='', help='these calls only, with commas between')
    parser.add_argument('--part', default='1/1', help='K/N: of all calls that are to fail this part')
    parser.add_argument('--seed', default=str(os.getpid()))
    parser.add_argument('--naps', action='store_true', help='the kernel has syscall.latency')
    parser.add_argument('--forget', action='store_true', help='remove the journals of what left nothing')
    args = parser.parse_args()
    random.seed(args.seed)
    results, calls = [], {name: 3 for name in args.calls.split(',') if name}

    def tell(result):
        results.append(result)
        if 'calls' in result:
            calls.update(result['calls'])
        if result['left'] or args.forget and result['recovered'] and result['kind'] in ERRORS:
            print('%s, exit %d: %s' % (result['what'], result['exit'], '; '.join(
                result['left'] or ['recovered: '] + result['dead'])), result.get('said', ''), flush=True)

    if args.failures and not calls:
        run_all(args, [('count',)], 1, tell)
    tasks = tasks_to_kill(args.kills)
    failing = tasks_to_fail(calls, max(args.failures, 0), args.part) if args.failures else []
    print('seed %s; %d are killed, %d calls of %d fail' % (args.seed, len(tasks), len(failing), len(calls)),
          flush=True)
    tasks += failing
    random.shuffle(tasks)
    run_all(args, tasks, args.workers, tell)
    left = table(results, sys.stdout)
    sys.exit('%d left something' % left if left else 0)


if __name__ == '__main__':
    main()
