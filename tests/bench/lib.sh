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
