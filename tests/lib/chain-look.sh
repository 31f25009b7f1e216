# SPDX-License-Identifier: GPL-2.0-only
# What net-chain.test looks at, on the host and in a machine.
# shellcheck shell=bash
COUNT=${COUNT:-15}
target=$(make_cgroup target)
start_in "$target" nsenter --net="/run/netns/$near" $TOOL echo :: 7100
start nsenter --net="/run/netns/$far" $TOOL echo :: 7102
until_true 20 in_netns $near $TOOL rtt 10.99.0.2 7102 --count 1
until_true 20 in_netns $far $TOOL rtt 10.99.0.1 7100 --count 1
tcx=false
! grep -q ' tcx_prog_attach$' /proc/kallsyms || tcx=true
[ "$tcx" = false ] || chain_start

# in an emulated machine, where each look takes half a minute, only what is counted is looked at
if [ -z "${ONLY_COUNTS:-}" ]; then
	round_trips 3 > /dev/null
	round_trips "$COUNT" > "$WORK/before"
fi
cat > "$WORK/experiment.yaml" <<- END
	version: 1
	title: Decided once
	targets: {it: {cgroup: $target}}
	method:
	  - {name: out, fault: network.latency, target: it, proto: udp, delay: 10ms, for: 5m}
	  - {name: in, fault: network.latency, target: it, proto: udp, direction: ingress, delay: 10ms, for: 5m}
END
qdiscs()
{
	tc -n $near -d qdisc show | grep -v -e squall -e clsact
	tc -n $far -d qdisc show
}
qdiscs > "$WORK/qdiscs"
start_file
if [ "$tcx" = true ]; then
	chain_ask late
	equal "$(chain_ask order)" "late sq_tc_egress early / late sq_tc_ingress early" "the chain"
	seen_before=$(chain_ask counts)
fi
qdiscs | diff "$WORK/qdiscs" - || fail "somebody's qdisc was touched"
round_trips "$COUNT" > "$WORK/during"
qdiscs | diff "$WORK/qdiscs" - || fail "somebody's qdisc was touched"
[ "$tcx" = false ] || seen=$(chain_ask counts)
finish

# once out and once in, whatever the way; nothing came twice, nothing was lost
for i in 0 1; do
	equal "$(journal ".faults[$i].counters | \"\(.seen) \(.injected)\"")" \
		"$((2 * ${#paths[@]} * COUNT)) $((2 * ${#paths[@]} * COUNT))" "$(journal ".faults[$i].name"): seen and hit"
done
if [ -z "${ONLY_COUNTS:-}" ]; then
	while read -r name way base _ _ got; do
		between "$(minus "$got" "$base")" 19 45 "by $name, $way: the round trip grows by, ms"
	done < <(paste -d' ' "$WORK/before" "$WORK/during")
fi

if [ "$tcx" = true ]; then
	# field NAME WHERE: how many packets it has seen in between
	field()
	{
		echo $(($(sed "s/.*$1 $2 \([0-9]*\).*/\1/" <<< "$seen") -
			$(sed "s/.*$1 $2 \([0-9]*\).*/\1/" <<< "$seen_before")))
	}
	# macvlan and tunnels go by veth0 too: each packet passes those behind squall's once
	over=$((2 * COUNT * $(printf '%s\n' "${paths[@]}" | grep -c -e veth0 -e vlan0 -e vxlan0 -e gre1)))
	# beside what the devices themselves say, such as ARP
	between "$(field early out)" "$over" $((over + 40)) "seen behind squall, out"
	between "$(field early in)" "$over" $((over + 40)) "seen behind squall, in"
	equal "$(chain_ask order)" "late early / late early" "the chain afterwards"
fi
