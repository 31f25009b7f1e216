# SPDX-License-Identifier: GPL-2.0-only
# For tests with many sleepers: source it after stop.sh. A run lets a call of theirs, one that nothing
# else makes, take a minute.
# shellcheck shell=bash

SLEEP_CALL=sched_get_priority_max
SLEEP_NUMBER=146 # x86_64's

gcc -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Werror -pthread -o "$WORK/sleepers" "$ROOT/tests/lib/sleepers.c"

# sleepers_yaml: writes $WORK/stop.yaml
sleepers_yaml()
{
	cat > "$WORK/stop.yaml" <<-EOF
	version: 1
	title: Long naps
	targets: {t: {cgroup: "$target"}}
	method: [{name: naps, fault: syscall.latency, target: t, calls: [$SLEEP_CALL], delay: 60s, for: 2m}]
	EOF
}

# asleep N: so many threads of the target are in the middle of a nap
asleep()
{
	local tasks

	tasks=$(cat "$CGROUPS$target/cgroup.threads")
	# shellcheck disable=SC2046 # the paths are words
	[ "$(grep -ls request_wait_answer $(printf '/proc/%s/wchan ' $tasks) | wc -l)" -ge "$1" ]
}

# sleep_all N: starts the run and so many sleepers, and waits until they sleep
sleep_all()
{
	run_stop
	count=$1
	start_in "$target" "$WORK/sleepers" "$count" $SLEEP_NUMBER
	sleepers=$started_pid
	until_true 20 asleep "$count"
	[ "$(wc -l < "$WORK/target.log")" = 0 ] || fail "somebody woke up by himself"
}

all_awake()
{
	! kill -0 "$sleepers" 2> /dev/null
}

# awake_within SECONDS SINCE WHAT: all of them have returned from their call, and with its result
awake_within()
{
	until_true 10 all_awake
	[ "$(wc -l < "$WORK/target.log")" = "$count" ] ||
		fail "$3: $(wc -l < "$WORK/target.log") of $count woke up"
	[ "$(cut -d' ' -f2 "$WORK/target.log" | sort -u)" = 0 ] || fail "$3: a call's result is not its own"
	between "$(sort -n "$WORK/target.log" | awk -v since="$2" 'END { printf "%.3f", $1 - since }')" \
		0 "$1" "$3: the last of $count awake, s after it"
	[ -z "$(cat "$CGROUPS$target/cgroup.threads")" ] || fail "$3: a sleeper is left"
}

# woken_ms: from the start of the abort that has written $WORK/abort until the last sleeper went on, by the
# kernel side's clock
woken_ms()
{
	sed -n 's/.* who napped were awake \(.*\) after the .*/\1/p' "$WORK/abort" |
		awk '{ print $1 * ($2 == "us" ? 0.001 : $2 == "s" ? 1000 : 1) }'
}
