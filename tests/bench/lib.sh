# SPDX-License-Identifier: GPL-2.0-only
# For benches: source it after tests/lib/host.sh. A bench measures in pairs, without and with what it
# is about, one after the other, since a machine is not equally fast all the time; the runner makes
# the table.
# shellcheck shell=bash

# how many pairs
PAIRS=${BENCH_PAIRS:-5}

# pair NAME WITHOUT WITH: one pair of numbers of a measurement
pair()
{
	echo "$2 $3" >> "$WORK/pairs-$1"
}

# row NAME UNIT GOAL WHAT: the measurement becomes a line of the table. GOAL is a text, `-` for none.
row()
{
	[ -s "$WORK/pairs-$1" ] || fail "nothing was measured: $1"
	printf 'row\t%s\t%s\t%s\t%s\n' "$4" "$2" "$3" "$(tr '\n' ',' < "$WORK/pairs-$1")"
}

# note TEXT: a sentence below the table
note()
{
	printf 'note\t%s\n' "$*"
}

# build_empty: the program that does nothing, for with_empty
build_empty()
{
	gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Werror -o "$WORK/empty" "$ROOT/tests/bench/empty.c" -lbpf
}

# with_empty HOOK COMMAND...: runs it while an empty program is there, in the network namespace $EMPTY_NETNS if that
# is set: what a hook costs, whoever is attached
with_empty()
{
	local to from pid line

	# shellcheck disable=SC2086 # two words
	coproc EMPTY { exec ${EMPTY_NETNS:+nsenter --net=/run/netns/$EMPTY_NETNS} "$WORK/empty" $1; }
	pid=$EMPTY_PID to=${EMPTY[1]} from=${EMPTY[0]}
	read -r -t 20 line <&"$from"
	[ "$line" = ready ] || fail "no empty program at '$1': $line"
	shift
	"$@"
	echo >&"$to"
	wait "$pid"
}
