# SPDX-License-Identifier: GPL-2.0-only
# For tests that inject a fault, measure beside it and read its report: source it after host.sh.
# shellcheck shell=bash
declare -A begun_runs

# inject ARGUMENT...: starts `squall inject` and waits until the fault is armed. What the target does
# while its namespaces are looked up comes before that.
inject()
{
	start "$SQUALL" inject "$@" --for 90s --yes --report "json:$WORK/report.json" --report text
	wait_injecting
}

# start_file: starts a run of $WORK/experiment.yaml and waits until its faults are armed; ended by
# `finish`, as by inject.
start_file()
{
	start "$SQUALL" run "$WORK/experiment.yaml" --yes --report "json:$WORK/report.json" --report text
	wait_injecting
}

wait_injecting()
{
	inject_pid=$started_pid
	until_true 60 inject_is_armed_or_over
	kill -0 "$inject_pid" 2> /dev/null || { cat "$WORK/out"; fail "it ended before it was armed"; }
}

# without another process than squall: in an emulated machine each takes a tenth of a second
inject_is_armed_or_over()
{
	local said ours

	kill -0 "$inject_pid" || return 0
	said=$("$SQUALL" status --json)
	ours=${said#*\"pid\": $inject_pid,}
	[ "$ours" != "$said" ] && [[ ${ours%%\"alive\":*} == *'"armed": true'* ]]
}

# Ends it; what it says is in $WORK/out, its journal in $WORK/report.json. What was measured under a run that
# a busy machine ended means nothing.
finish()
{
	local code=0

	"$SQUALL" abort "$(run_name)" > /dev/null || code=$?
	[ $code = 0 ] || echo "there was no run to abort any more: exit $code"
	code=0
	wait "$inject_pid" || code=$?
	! grep -q -e "the lease lapsed" -e "aborted by the heartbeat" "$WORK/out" ||
		{ cat "$WORK/out"; fail "the run did not last: squall was held up"; }
	[ $code = 4 ] || { cat "$WORK/out"; fail "exit $code instead of 4, aborted"; }
}

# journal EXPRESSION: of jq
journal()
{
	jq -r "$1" "$WORK/report.json"
}

injected()
{
	journal '.faults[0].counters.injected'
}

# run_in CGROUP COMMAND...: in the foreground
run_in()
{
	local cgroup=$1

	shift
	bash -c 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"' _ "$CGROUPS$cgroup" "$@"
}

# equal VALUE WANTED WHAT
equal()
{
	[ "$1" = "$2" ] || fail "$3 is '$1', not '$2'"
	echo "$3: $1"
}

# minus A B
minus()
{
	awk "BEGIN { printf \"%.3f\", $1 - $2 }"
}

# Two network namespaces, $near and $far, joined by a veth pair: 10.99.0.1 and fd99::1 on "near",
# .2 and ::2 on the other.
make_veth()
{
	near=squall-test-$$-near far=squall-test-$$-far
	make_netns $near
	make_netns $far
	ip -n $near -batch - <<- END
		link add veth0 type veth peer name veth0 netns $far
		addr add 10.99.0.1/24 dev veth0
		addr add fd99::1/64 dev veth0 nodad
		link set veth0 up
	END
	ip -n $far -batch - <<- END
		addr add 10.99.0.2/24 dev veth0
		addr add fd99::2/64 dev veth0 nodad
		link set veth0 up
	END
}

# at WAY COMMAND...: in the target for "out", else at its peer, in the namespaces of make_veth
at()
{
	if [ "$1" = out ]; then
		run_in "$target" nsenter --net="/run/netns/$near" "${@:2}"
	else
		nsenter --net="/run/netns/$far" "${@:2}"
	fi
}

# numbers out|in COMMAND...: 4000 datagrams from the target, or to it, and COMMAND when the first has come: all come,
# once, and in their order as long as the programs are there. Where squall takes a clsact off the kernel drops some
# (qdisc_graft()); behind a veth each processor has a queue of its own, and then they may overtake others there.
numbers()
{
	local other=out address=10.99.0.1 receiver sender missed seen

	missed=$(uname -r | awk -F. '{ print $1 * 1000 + $2 < 6006 ? 300 : 0 }')
	rm -f "$WORK/report.json"
	[ "$1" != out ] || { other=in address=10.99.0.2; }
	at $other $TOOL numbers $address 7110 --tell > "$WORK/came" 2> "$WORK/ready" &
	receiver=$!
	started+=($receiver)
	until_true 20 grep -q ready "$WORK/ready"
	at "$1" $TOOL loss $address 7110 --count 4000 > "$WORK/sent" &
	sender=$!
	until_true 20 grep -q came "$WORK/ready"
	"${@:2}"
	wait $sender
	wait $receiver
	equal "$(cat "$WORK/sent")" "4000 0" "datagrams sent, errors"
	tr ' ' '\n' < "$WORK/came" > "$WORK/numbers"
	between "$(sort -n -u "$WORK/numbers" | wc -l)" $((4000 - missed)) 4000 "$1: different ones that came"
	equal "$(wc -l < "$WORK/numbers")" "$(sort -n -u "$WORK/numbers" | wc -l)" "$1: came, each once"
	[ -e "$WORK/report.json" ] || return 0
	# not all that was seen need be of these
	seen=$(($(journal '.faults[0].counters.seen') - 50))
	between $seen 200 4000 "$1: of them seen, at the least"
	awk -v seen=$seen '$1 < seen' "$WORK/numbers" | sort -n -c || fail "$1: they changed their order"
}

# reordered: how many packets the near namespace's TCP has seen overtaken, ever
reordered()
{
	in_netns "$near" awk '/^TcpExt:/ && !n { n = split($0, name) }
		/^TcpExt:/ { for (i = 1; i <= n; i++) if (name[i] ~ /(SACK|TS)Reorder$/) sum += $i }
		END { print sum + 0 }' /proc/net/netstat
}

# build_calls [OPTION...]: tests/lib/calls.c to $WORK/calls, or with -static to $WORK/calls-static.
build_calls()
{
	gcc -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Werror -pthread "$@" -o "$WORK/calls${1:-}" \
		"$ROOT/tests/lib/calls.c"
}

# run_file CODE [OPTION...]: runs $WORK/experiment.yaml to its end, which must be exit CODE; what it
# says is in $WORK/out, its journal in $WORK/report.json.
run_file()
{
	local code=$1

	shift
	rm -f "$WORK/report.json"
	expect_exit "$code" "$SQUALL" run "$WORK/experiment.yaml" --yes \
		--report "json:$WORK/report.json" --report text "$@"
}

# begin NAME [OPTION...]: a run of $WORK/NAME.yaml in the background, beside others: most of it is to wait
begin()
{
	local name=$1

	shift
	"$SQUALL" run "$WORK/$name.yaml" --yes --report "json:$WORK/$name.json" --report text "$@" \
		> "$WORK/$name.out" 2>&1 < /dev/null &
	begun_runs[$name]=$!
	started+=("$!")
}

# over NAME CODE: waits for the end of what `begin` has started, which must be exit CODE; then as after run_file
over()
{
	local name=$1 code=0

	wait "${begun_runs[$name]}" || code=$?
	cp "$WORK/$name.out" "$WORK/out"
	cp "$WORK/$name.json" "$WORK/report.json" 2> /dev/null || rm -f "$WORK/report.json"
	[ $code = "$2" ] || { cat "$WORK/out"; fail "$name: exit $code instead of $2"; }
	echo "$name: exit $code"
}

# start_demo: the demo's store on port 7579 and its shop on 7580, in cgroups of their own; $front is
# the shop's.
start_demo()
{
	front=$(make_cgroup front)
	start_in "$(make_cgroup back)" "$SQUALL" demo back --port 7579
	start_in "$front" "$SQUALL" demo front --port 7580 --store 127.0.0.1:7579
	until_true 5 curl -sf http://127.0.0.1:7580/cart
}

# start_front NAME PORT: another shop of the same store, for a run beside another; $front is its cgroup
start_front()
{
	front=$(make_cgroup "$1")
	start_in "$front" "$SQUALL" demo front --port "$2" --store 127.0.0.1:7579
	until_true 5 curl -sf "http://127.0.0.1:$2/cart"
}

# least_of TRIES COMMAND...: the least of the numbers it prints: of medians, what squall adds without
# what else the machine does.
least_of()
{
	local tries=$1 i

	shift
	for ((i = 0; i < tries; i++)); do "$@"; done | sort -n | head -n 1
}
