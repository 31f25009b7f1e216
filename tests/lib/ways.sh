# SPDX-License-Identifier: GPL-2.0-only
# For the tests of `direction`, on the host and in a machine: source it after inject.sh and make_veth.
# shellcheck shell=bash

# ways_start COUNT: makes the targets and their sockets (lib/ways.py), and writes the experiment
ways_start()
{
	local fault way

	make_cgroup peer > /dev/null
	make_cgroup odd > /dev/null
	# those whose processes show squall the network namespace
	start_in "$OURS/odd" nsenter --net="/run/netns/$near" sleep 600
	{
		echo "version: 1"
		echo "title: Every fault, on what comes in and on both ways"
		echo "seed: 11"
		echo "targets:"
		echo "  odd: {cgroup: $OURS/odd}"
		for fault in corrupt duplicate reorder rate reset dns silent; do
			for way in in both; do
				make_cgroup $fault-$way > /dev/null
				echo "  $fault-$way: {cgroup: $OURS/$fault-$way}"
			done
		done
		echo "method:"
		for way in in both; do
			direction=${way/in/ingress}
			cat <<- EOF2
				  - {name: corrupt-$way, fault: network.corrupt, target: corrupt-$way, probability: 30%, direction: $direction, for: 5m}
				  - {name: duplicate-$way, fault: network.duplicate, target: duplicate-$way, probability: 30%, direction: $direction, for: 5m}
				  - {name: reorder-$way, fault: network.reorder, target: reorder-$way, gap: 5, delay: 30ms, direction: $direction, for: 5m}
				  - {name: rate-$way, fault: network.rate, target: rate-$way, rate: 300kbit, direction: $direction, for: 5m}
				  - {name: reset-$way, fault: network.reset, target: reset-$way, direction: $direction, for: 5m}
				  - {name: dns-$way, fault: network.dns, target: dns-$way, names: "*.hit.test", direction: $direction, for: 5m}
				  - {name: silent-$way, fault: network.dns, target: silent-$way, names: "*.hit.test", answer: nothing, direction: $direction, for: 5m}
			EOF2
		done
		echo "  - {name: odd, fault: network.loss, target: odd, probability: 100%, to: [\"10.99.0.2:7177\", \"[fd99::2]:7177\"], for: 5m}"
	} > "$WORK/experiment.yaml"
	mkfifo "$WORK/ways-in"
	/usr/bin/python3 -IS "$ROOT/tests/lib/ways.py" "$CGROUPS$OURS" "/run/netns/$near" \
		"/run/netns/$far" "$1" < "$WORK/ways-in" >> "$WORK/ways" 2>&1 &
	ways_pid=$!
	started+=("$ways_pid")
	exec 41> "$WORK/ways-in"
	until_true 60 grep -q ready "$WORK/ways"
}

# ways_look WHAT SECONDS: one look, which should see `off` or `on`
ways_look()
{
	: > "$WORK/ways"
	echo "$1" >&41
	until_true "$2" grep -q '^$' "$WORK/ways" ||
		{ cat "$WORK/ways"; fail "the look at the ways does not end"; }
	sed "s/^/$1: /; /^$1: $/d" "$WORK/ways"
	! grep -q FAILED "$WORK/ways" || fail "not as it should be"
}
