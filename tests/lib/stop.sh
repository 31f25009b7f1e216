# SPDX-License-Identifier: GPL-2.0-only
# For tests that end a run in some way and look at what is left: source it after host.sh. The target
# has all kinds of faults on it at once, and a program beside squall that feels each of them.
# shellcheck shell=bash

RUNS=/var/lib/squall/runs

# Where a plain process that wakes up every 50 ms was held up for more than 150 ms, the machine is too
# busy to tell what the test asks, and squall has every right to let its lease lapse: then, and only
# then, a failure is tried again, once.
$STOP_TOOL heart > "$WORK/held" 2> /dev/null &
started+=($!)
victims=()

stop_end()
{
	local code=$?

	set +e
	if [ $code != 0 ] && [ -s "$WORK/held" ] && [ "${STOP_TRY:-1}" = 1 ]; then
		echo "the machine held everything up, for up to $(sort -n "$WORK/held" | tail -n 1) ms: once more"
		(
			(exit $code)
			end_test
		)
		STOP_TRY=2 exec "$0"
	fi
	(exit $code)
	end_test
}

trap stop_end EXIT

# A target with traffic: what it feels is written to $WORK/feel, a line for each attempt.
stop_target()
{
	target=$(make_cgroup target)
	stop_feel
}

# Whom the traffic asks.
stop_echo()
{
	local port

	start $TOOL echo 127.0.0.1 7100 --also 7101 7102 7103
	for port in 7100 7101 7102 7103; do
		until_true 5 $TOOL rtt 127.0.0.1 $port --count 1
	done
}

# The traffic of $target alone.
feel()
{
	start_in "$target" $STOP_TOOL feel 127.0.0.1 7100 "$WORK/feel"
	until_true 5 test -s "$WORK/feel"
}

# Both, for a target that is there.
stop_feel()
{
	stop_echo
	feel
}

# at_once NAME COMMAND...: does it in the background, with a target and a folder of its own, and with
# processes and runs that nobody else takes for his: several victims then wait at the same time.
at_once()
{
	local name=${#victims[@]}-$1

	shift
	mkdir "$WORK/$name"
	make_cgroup "$name/target" > /dev/null
	(
		export SQUALL_TEST=${SQUALL_TEST:-$$}-$name
		shared=1 started=() WORK=$WORK/$name OURS=$OURS/$name
		target=$OURS/target
		# shellcheck disable=SC2317 # those of this target
		own_runs() { grep -lsF "\"$OURS/" "$RUNS"/*/events.jsonl | awk -F / '{ print $(NF - 1) }' | sort; }
		trap end_at_once EXIT
		"$@"
	) > "$WORK/$name/told" 2>&1 &
	victims+=("$! $name")
}

end_at_once()
{
	local code=$? pid

	for pid in $(jobs -p); do
		{ kill -CONT "$pid"; kill -KILL "$pid"; } 2> /dev/null || true
	done
	exit $code
}

# Waits for all that was begun so; fails if one of them has.
all_at_once()
{
	local one failed=

	for one in "${victims[@]}"; do
		wait "${one% *}" || failed+=" ${one#* }"
		sed "s/^/${one#* }: /" "$WORK/${one#* }/told"
	done
	victims=()
	[ -z "$failed" ] || fail "what was done at once:$failed"
}

# stop_yaml FOR [NAP] [TARGET]: all kinds of faults; writes $WORK/stop.yaml
stop_yaml()
{
	cat > "$WORK/${4:-stop.yaml}" <<-EOF
	version: 1
	title: To be stopped
	targets: {t: {cgroup: "${3:-$target}"}}
	method:
	  - {name: late, fault: network.latency, target: t, to: "127.0.0.1:7100", delay: 100ms, for: $1}
	  - {name: lost, fault: network.loss, target: t, to: "127.0.0.1:7101", direction: ingress, probability: 50%, for: $1}
	  - {name: refused, fault: network.refuse, target: t, to: "127.0.0.1:7102", for: $1}
	  - {name: naps, fault: syscall.latency, target: t, calls: [getppid], delay: ${2:-200ms}, for: $1}
	EOF
}

# run_stop [ARGUMENT]...: starts the run; returns when it is armed. $run_pid, $run; $WORK/out
run_stop()
{
	start "$SQUALL" run --yes --report "json:$WORK/report.json" --report text "$@" "$WORK/stop.yaml"
	run_pid=$started_pid
	wait_armed_run
}

wait_armed_run()
{
	until_true 60 is_armed_or_over
	kill -0 "$run_pid" 2> /dev/null || { cat "$WORK/out"; fail "the run ended before it was armed"; }
	run=$(run_name)
	[ -n "$run" ] || fail "the run does not say its name"
}

is_armed_or_over()
{
	"$SQUALL" status --json | jq -e "[.runs[] | select(.pid == $run_pid) | .status.armed] == [true]" ||
		! kill -0 "$run_pid"
}

# felt KIND SINCE: how many attempts since then were hit by the fault
felt()
{
	awk -v kind="$1" -v since="$2" '$1 == kind && $2 >= since && $4 == "hit"' "$WORK/feel" | wc -l
}

# Waits until each fault has been felt: then all of them are at work.
wait_felt()
{
	local since kind

	since=$(date +%s.%N)
	for kind in late lost refused naps; do
		until_true 20 eval "[ \$(felt $kind $since) -gt 1 ]"
	done
}

# last_felt SINCE: seconds from then to the last attempt, of whatever kind, that was hit
last_felt()
{
	awk -v since="$1" '$2 >= since && $4 == "hit" && $2 > last { last = $2 }
		END { printf "%.3f\n", last ? last - since : 0 }' "$WORK/feel"
}

# still_feels SINCE: every kind has been tried since, so that silence means something
still_tried()
{
	local kind

	for kind in late lost refused naps; do
		until_true 8 eval "[ \$(awk -v s=$1 '\$1 == \"$kind\" && \$2 > s' '$WORK/feel' | wc -l) -gt 2 ]"
	done
}

# inert_within SECONDS SINCE WHAT: nothing was hit later than so many seconds after SINCE. Looks for
# half a second more, while all is tried again and again.
inert_within()
{
	local now

	now=$(date +%s.%N)
	sleep "$(awk "BEGIN { w = $2 + $1 + 0.5 - $now; print (w > 0 ? w : 0) }")"
	still_tried "$(awk "BEGIN { printf \"%.6f\", $2 + $1 }")"
	between "$(last_felt "$2")" 0 "$1" "$3: last hit, s after it"
}

# What of squall is on the host; of BPF only what the run in $WORK/out has loaded, as somebody else may
# be probing. Waits for so many seconds after SINCE, and fails if anything is left.
# traces SINCE SECONDS
traces()
{
	$STOP_TOOL gone "$SQUALL" "$CGROUPS" "$(run_name)" "$1" "$2"
}

has_no_traces()
{
	traces 0 0 > "$WORK/traces"
}

# gone_within SECONDS SINCE WHAT: all traces of squall are gone
gone_within()
{
	traces "$2" "$1" > "$WORK/traces" || { cat "$WORK/traces"; fail "$3: that is still there after $1 s"; }
	between "$(cat "$WORK/traces")" 0 "$1" "$3: all gone, s after it"
}

# ended CODE: waits for the run and looks at its exit code
ended()
{
	local code=0

	wait "$run_pid" || code=$?
	[ "$code" = "$1" ] || { cat "$WORK/out"; fail "the run's exit is $code, not $1"; }
}

# recorded EXPRESSION WANTED: of the run's journal.json
recorded()
{
	local got

	until_true 3 test -s "$RUNS/$run/journal.json"
	got=$(jq -r "$1" "$RUNS/$run/journal.json")
	[ "$got" = "$2" ] || fail "the journal's $1 is '$got', not '$2'"
}

# The journal of a run that was ended by somebody or something and that left nothing.
recorded_aborted()
{
	recorded .verdict aborted
	recorded .exit 4
	recorded .cleanup.clean true
	recorded '.cleanup.leftovers | length' 0
	recorded '[.abort.by, .abort.reason, .reason, .started, .ended] | map(. != null and . != "") | all' true
	recorded '.duration_s > 0' true
}

# helper_pid NAME: of the only run, or of this one of those at once; squall-guard, squall-nap, squall-napper, squall-line
helper_pid()
{
	squall_processes | sed -n "s/ $1\$//p"
}

# A terminal with a shell in it: what is written to descriptor 7 is typed, a line each with Python's
# escapes; what is shown is in $WORK/screen.
open_terminal()
{
	rm -f "$WORK/keys" "$WORK/screen"
	mkfifo "$WORK/keys"
	exec 7<> "$WORK/keys"
	start $STOP_TOOL terminal "$WORK/screen" "$WORK/keys"
	terminal_pid=$started_pid
	until_true 5 test -s "$WORK/screen"
}

# Hangs up.
close_terminal()
{
	echo '@close' >&7
	wait "$terminal_pid" || true
	exec 7>&-
}

newest_run()
{
	own_runs | tail -n 1
}
