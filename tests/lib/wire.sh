# SPDX-License-Identifier: GPL-2.0-only
# For tests that look at what a fault makes of a stream of datagrams: source it after inject.sh.
# shellcheck shell=bash
WIRE="/usr/bin/python3 $ROOT/tests/lib/wire.py"

# datagrams NAME HOST PORT ARGUMENT...: sends from the cgroup NAME; what came is in $WORK/NAME. Several
# may run at once.
datagrams()
{
	local name=$1 host=$2 port=$3 receiver

	shift 3
	$WIRE come "$host" "$port" --quiet 2 > "$WORK/$name" 2> "$WORK/$name.log" &
	receiver=$!
	started+=("$receiver")
	until_true 10 grep -q ready "$WORK/$name.log"
	equal "$(run_in "$OURS/$name" $WIRE send "$host" "$port" "$@")" 0 "$name: errors of the sender"
	wait "$receiver" || fail "$name: $(cat "$WORK/$name.log")"
}
