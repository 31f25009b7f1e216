# SPDX-License-Identifier: GPL-2.0-only
# For tests on the running kernel: source it first. It compares the host before and after the test,
# ends what the test started, and removes the cgroups and network namespaces that it made.
#
# Tests run beside others: each has a network namespace, a /run and a /var/lib/squall of its own, and so sees
# no runs but its own, as on a host of its own. What the host has once is the kernel: a test that aborts every
# run by the kill switch has a line "# exclusive: WHY", looks at the whole host and runs alone; so does one that
# loads the whole machine, with "# alone: WHY", beside whom nobody else is. In a VM every test does.
# shellcheck shell=bash
set -euo pipefail

if [ -n "${HOST_STATE:-}" ] || grep -q '^# exclusive: ' "$0"; then
	shared=
elif [ -z "${SQUALL_TEST:-}" ]; then
	# its processes, squall's among them, are known by it
	mkdir -p /var/lib/squall
	SQUALL_TEST=$(basename "$0" .test)-$$ exec unshare --net --mount "$0" "$@"
else
	shared=1
	# what a run mounts in a namespace within this one is seen here, as on a host
	mount -t tmpfs -o mode=755 run /run && mount --make-shared /run
	mount -t tmpfs -o mode=750 squall /var/lib/squall
	mkdir -m 750 /run/squall /var/lib/squall/runs
	ip link set lo up
	ip addr replace 192.0.2.2/32 dev lo
fi

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SQUALL=${SQUALL:-$ROOT/build/squall}
TOOL="/usr/bin/python3 $ROOT/tests/lib/tool.py"
CGROUPS=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
OURS=/squall-test-$$
WORK=$(mktemp -d /tmp/squall-test.XXXXXX)
STOP_TOOL="/usr/bin/python3 $ROOT/tests/lib/stop.py"
started=()
namespaces=()

fail()
{
	echo "FAILED: $*" >&2
	exit 1
}

skip()
{
	echo "$*"
	exit 77
}

# PID and name of each process of the squall under test, its helpers among them.
squall_processes()
{
	local exe pid

	for exe in /proc/[0-9]*/exe; do
		[ "$exe" -ef "$SQUALL" ] || continue
		pid=${exe#/proc/} pid=${pid%/exe}
		[ -z "$shared" ] || grep -qzxF "SQUALL_TEST=$SQUALL_TEST" "/proc/$pid/environ" 2> /dev/null || continue
		echo "$pid $(tr ' ' _ 2> /dev/null < "/proc/$pid/comm")"
	done
}

# The runs of this test, in the order of their start.
own_runs()
{
	ls /var/lib/squall/runs 2> /dev/null || true
}

# What squall could leave behind, and what it could change. Zombies that nobody reaps do not count.
host_state()
{
	local runs

	if [ -n "$shared" ]; then
		mapfile -t runs < <(own_runs)
		[ ${#runs[@]} = 0 ] || $STOP_TOOL traces "$SQUALL" "$CGROUPS" "${runs[@]}"
	else
		all_objects
	fi
	squall_processes | cut -d' ' -f2 | sed 's/^/process /'
	ip -o link | sed 's/^[0-9]*: //; s/@.*//; s/:.*//' | sed 's/^/link /'
	tc qdisc | sed 's/ refcnt.*//'
	grep -v -e ' /run/squall/bpf ' -e ' /run/netns ' /proc/self/mountinfo | cut -d' ' -f5- | sed 's/^/mount /'
	find /run /var/lib /var/tmp /dev/shm /etc -xdev -name '*squall*' -not -path '/run/squall*' \
		-not -path '/var/lib/squall*' -not -path '/run/netns/*' -not -path '/run/lock/*' \
		-not -path '/var/lib/dpkg/*' -not -path "$ROOT/*" 2> /dev/null | sed 's/^/file /'
	ls -l /dev/null /dev/stdout /dev/stderr | awk '{ print "device", $1, $NF }'
	grep -rs . /proc/sys/net/ipv[46]/conf /proc/sys/net/core/bpf* /proc/sys/kernel/perf_event* \
		/proc/sys/kernel/unprivileged_bpf_disabled /proc/sys/kernel/bpf_stats_enabled |
		grep -v -e /stable_secret: | sed 's/^/sysctl /'
	return 0
}

# The part of it that other runs on the host would change.
all_objects()
{
	local ns device

	bpftool -j prog | jq -r '.[] | select(.name // "" | startswith("sq_")) | "program " + .name'
	# the kill switch's map is there from the first run on, once
	bpftool -j map | jq -r '.[] | select(.name // "" | test("^(sq_|squall)")) | "map " + .name' |
		awk '$2 != "sq_switch" || seen++'
	bpftool -j link 2> /dev/null | jq -r '.[] | "link \(.type)"' | sort
	bpftool -j cgroup tree 2> /dev/null | jq -c '.[]?'
	for ns in $(ip netns list | cut -d' ' -f1); do
		ip -n "$ns" -o link | sed 's/^[0-9]*: //; s/@.*//; s/:.*//' | sed "s/^/$ns link /"
		tc -n "$ns" qdisc | sed "s/^/$ns /; s/ refcnt.*//"
	done
	for ns in '' $(ip netns list | cut -d' ' -f1); do
		for device in $(tc ${ns:+-n "$ns"} qdisc show clsact 2> /dev/null |
			sed -n 's/.* dev \([^ ]*\).*/\1/p'); do
			tc ${ns:+-n "$ns"} filter show dev "$device" egress | sed "s/^/$ns $device /"
		done
	done
	# those without a name too
	readlink /proc/[0-9]*/ns/net 2> /dev/null | sort -u | sed 's/^/netns /'
	find "$CGROUPS" -maxdepth 3 -path '*/squall*' -type d | sed 's/^/cgroup /'
	# a private view of what may be mounted nowhere: each FUSE connection is a folder
	unshare -m sh -c 'mount -t fusectl none /mnt && ls /mnt' 2> /dev/null | wc -l | sed 's/^/FUSE connections /'
	ls /run/squall/runs 2> /dev/null | sed 's/^/registered /'
	find /run/squall/clsact -type f 2> /dev/null
	find /var/lib/squall /run/squall -xdev -name '*.new' 2> /dev/null | sed 's/^/file /'
	return 0
}

# Compares with the state before; waits a moment for what the kernel frees late.
assert_clean()
{
	local tries=${1:-30}

	# somebody else's probing may have been under way before, and be over now
	while diff <(echo "$state_before") <(host_state) |
		grep -v -E '^< (program|map|link|netns|process) ' | grep '^[<>]' > "$WORK/diff"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { cat "$WORK/diff"; fail "the host is not as it was before"; }
		sleep 0.1
	done
}

end_test()
{
	local code=$? pid ns

	set +e
	for pid in "${started[@]}"; do
		kill -CONT "$pid" 2> /dev/null
		kill -KILL "$pid" 2> /dev/null
		wait "$pid" 2> /dev/null
	done
	if [ -d "$CGROUPS$OURS" ]; then
		find "$CGROUPS$OURS" -name cgroup.freeze -exec sh -c 'echo 0 > "$1"' _ {} \; 2> /dev/null
		echo 1 > "$CGROUPS$OURS/cgroup.kill"
		sleep 0.05
		find "$CGROUPS$OURS" -depth -type d -exec sh -c \
			'for i in 1 2 3 4 5 6 7 8 9; do rmdir "$1" 2> /dev/null && break; sleep 0.1; done' _ {} \;
	fi
	for ns in "${namespaces[@]}"; do
		ip netns del "$ns"
	done
	if [ -z "$shared" ] && [ -f /var/lib/squall/latch ]; then
		"$SQUALL" unlatch --reason "end of the test" > /dev/null
	fi
	# beside others nothing is to be left without it
	if [ -z "$shared" ] || [ $code != 0 ]; then
		"$SQUALL" recover > /dev/null 2>&1
	fi
	if [ $code = 0 ]; then
		(assert_clean) || code=1
	fi
	note_runs
	rm -rf "$WORK"
	exit $code
}

# Copies the journals of the runs that are named in the test's files, for tests/run to look at.
note_runs()
{
	local run

	[ -n "${SQUALL_TEST_RUNS:-}" ] || return
	for run in $(grep -rhoEa '[0-9]{8}-[0-9]{6}-[a-z]{4}' "$WORK" 2> /dev/null | sort -u); do
		cp "/var/lib/squall/runs/$run/journal.json" "$SQUALL_TEST_RUNS/$run.json" 2> /dev/null
	done
}

# make_cgroup NAME: makes $OURS/NAME and prints its path as squall wants it.
make_cgroup()
{
	mkdir -p "$CGROUPS$OURS/$1"
	echo "$OURS/$1"
}

# start_in CGROUP COMMAND...: starts a program in a cgroup; its pid is in $started_pid. A socket
# belongs to the cgroup that made it, so servers must be born in theirs.
start_in()
{
	local cgroup=$1

	shift
	bash -c 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"' _ "$CGROUPS$cgroup" "$@" \
		> "$WORK/$(basename "$cgroup").log" 2>&1 &
	started_pid=$!
	started+=("$started_pid")
	# in its cgroup, unless it has ended already
	until [[ $(cat "/proc/$started_pid/cgroup" 2> /dev/null || echo "$cgroup") == *"$cgroup"* ]]; do
		sleep 0.01
	done
}

# start COMMAND...: in the background, output in $WORK/out; its pid is in $started_pid.
start()
{
	"$@" > "$WORK/out" 2>&1 &
	started_pid=$!
	started+=("$started_pid")
}

# make_netns NAME: a network namespace with lo up; prints its name.
make_netns()
{
	ip netns add "$1"
	namespaces+=("$1")
	ip -n "$1" link set lo up
}

# in_netns NAME COMMAND...: unlike `ip netns exec` it leaves sysfs and the cgroups as they are.
in_netns()
{
	local name=$1

	shift
	nsenter --net="/run/netns/$name" "$@"
}

# until_true SECONDS COMMAND...: waits until the command succeeds.
until_true()
{
	local end=$((EPOCHSECONDS + $1))

	shift
	until "$@" > /dev/null 2>&1; do
		[ $EPOCHSECONDS -lt $end ] || fail "this did not become true: $*"
		sleep 0.05
	done
}

# run_name [FILE]: the name of the run that tells it there, or in $WORK/out.
run_name()
{
	sed -n 's/^squall: run \([^:]*\):.*/\1/p' "${1:-$WORK/out}"
}

# status_of RUN EXPRESSION: of jq, of what `squall status` says of a run; fails where it is false, null
# or not there
status_of()
{
	"$SQUALL" status --json | jq -e --arg run "$1" ".runs[] | select(.run == \$run) | $2"
}

# expect_exit CODE COMMAND...: runs it, output in $WORK/out.
expect_exit()
{
	local code=0 wanted=$1

	shift
	"$@" > "$WORK/out" 2>&1 < /dev/null || code=$?
	[ $code = "$wanted" ] || { cat "$WORK/out"; fail "exit $code instead of $wanted: $*"; }
}

# expect_text TEXT...: each is in $WORK/out.
expect_text()
{
	local text

	for text in "$@"; do
		grep -qF -- "$text" "$WORK/out" || { cat "$WORK/out"; fail "there is no '$text'"; }
	done
}

# fixed NUMBER: in millionths, to $fixed; false where the shell cannot count with it
fixed()
{
	local digits

	[[ $1 =~ ^(-?)([0-9]{1,12})(\.([0-9]+))?$ ]] || return 1
	digits=${BASH_REMATCH[4]}000000
	fixed=$((${BASH_REMATCH[1]}10#${BASH_REMATCH[2]}${digits:0:6}))
}

# between VALUE LOW HIGH WHAT: without a process where it can be, of which an emulated machine has few a second
between()
{
	local fixed value low ok=

	if fixed "$1" && value=$fixed && fixed "$2" && low=$fixed && fixed "$3"; then
		[ "$value" -lt "$low" ] || [ "$value" -gt "$fixed" ] || ok=1
	elif awk -v v="$1" -v l="$2" -v h="$3" 'BEGIN { exit !(v >= l && v <= h) }'; then
		ok=1
	fi
	[ -n "$ok" ] || fail "$4 is $1, not between $2 and $3"
	echo "$4: $1"
}

# wait_armed [FILE]: waits until the run that tells its name there, or in $WORK/out, has armed its faults.
wait_armed()
{
	until_true 60 eval "status_of \"\$(run_name $*)\" .status.armed"
}

# on an emulated machine, where each process takes a tenth of a second, one looks at less
[ -z "${HOST_STATE:-}" ] || . "$HOST_STATE"
state_before=$(host_state)
trap end_test EXIT
