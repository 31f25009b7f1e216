# SPDX-License-Identifier: GPL-2.0-only
# For tests that run squall's experiments against real programs: source it after host.sh. Each experiment
# runs twice at the same time: against a program that is set up well, and against one that is not.
# shellcheck shell=bash
declare -A runs commands

# try EXPERIMENT HOW [NAME=VALUE...]: starts experiments/EXPERIMENT.yaml with these settings; HOW (well,
# badly) is a name for it.
try()
{
	local name=$1-$2 experiment=$1 setting settings=()

	shift 2
	for setting in "$@"; do settings+=(--set "$setting"); done
	commands[$name]=$(printf '%q ' "$SQUALL" run --yes --seed 7 --report "json:$WORK/$name.json" \
		--report "text:$WORK/$name.text" "${settings[@]}" "$ROOT/experiments/$experiment.yaml")
	start_again "$name"
}

# start_again EXPERIMENT-HOW: as `try` has
start_again()
{
	: > "$WORK/$1.out"
	# in an emulated machine what squall tries to disturb would disturb it
	eval "exec ${HOST_STATE:+nice -n -10} ${commands[$1]}" > "$WORK/$1.out" 2>&1 < /dev/null &
	runs[$1]=$!
	started+=("$!")
}

# too_busy EXPERIMENT-HOW: was it held up, until it was no longer safe or had too few samples?
too_busy()
{
	grep -qE 'was held up|was stopped, or hangs|the lease lapsed' "$WORK/$1.json"
}

# ends EXPERIMENT-HOW CODE [EXPRESSION...]: waits for its end; the exit code is CODE, each fault had an
# effect, nothing is left, and each expression of jq holds on the report. In it `probe(NAME; PHASE)` is
# what the report says of that phase.
ends()
{
	local name=$1 wanted=$2 code=0 expression try

	shift 2
	wait "${runs[$name]}" || code=$?
	# on a machine that was too busy nothing was proven, nor disproven
	for try in 1 2 3; do
		[ "$code" != "$wanted" ] && too_busy "$name" || break
		echo "$name: exit $code at try $try: the machine was too busy"
		code=0
		start_again "$name"
		wait "${runs[$name]}" || code=$?
	done
	[ "$code" = "$wanted" ] || { cat "$WORK/$name".{out,text}; fail "$name: exit $code instead of $wanted"; }
	for expression in 'all(.faults[]; .counters.injected >= .min_effect)' \
		'.cleanup.clean' "$@"; do
		jq -e "def probe(name; phase): .probes[] | select(.name == name) | .[phase]; $expression" \
			"$WORK/$name.json" > /dev/null ||
			{ cat "$WORK/$name.text"; fail "$name: this is not so: $expression"; }
	done
	echo "$name: exit $code, $(jq -r '[.faults[] | "\(.name) \(.counters.injected) times"] | join(", ")' "$WORK/$name.json")"
}
