# SPDX-License-Identifier: GPL-2.0-only
# For the tests of stacked devices and of other programs on them, on the host and in a machine: source it
# after inject.sh and make_veth.
# shellcheck shell=bash

# stack NAME ADDRESS: the device of both namespaces gets 10.ADDRESS.0.1 and .2, and is a path
stack()
{
	printf 'addr add 10.%s.0.1/24 dev %s\nlink set %s up\n' "$2" "$1" "$1" | ip -n "$near" -batch -
	printf 'addr add 10.%s.0.2/24 dev %s\nlink set %s up\n' "$2" "$1" "$1" | ip -n "$far" -batch -
	paths+=("$1:10.$2.0")
}

# make_stacks: devices upon devices, as many as this kernel has: $paths holds DEVICE:10.N.0, and $lacking
# what it has not
make_stacks()
{
	local ns

	paths=("veth0:10.99.0") lacking=()
	ip -n "$near" link add veth1 type veth peer name veth1 netns "$far"
	for ns in $near $far; do
		printf '%s\n' "link add br0 type bridge" "link set veth1 master br0" "link set veth1 up" \
			"link add link veth0 name macvlan0 type macvlan mode bridge" | ip -n "$ns" -batch -
	done
	stack br0 97
	stack macvlan0 96
	if make_tunnel vxlan0 type vxlan id 7 dstport 4789; then stack vxlan0 95; else lacking+=(vxlan); fi
	if make_tunnel gre1 type gre; then stack gre1 94; else lacking+=(gre); fi
	if make_bond; then stack bond0.5 93; else lacking+=("a VLAN on a bond"); fi
}

# make_tunnel NAME OPTION...: over veth0
make_tunnel()
{
	ip -n "$near" link add "$@" local 10.99.0.1 remote 10.99.0.2 2> /dev/null || return 1
	ip -n "$far" link add "$@" local 10.99.0.2 remote 10.99.0.1
}

# VLAN 5 on a bond of one veth
make_bond()
{
	local ns

	ip -n "$near" link add bond0 type bond mode active-backup 2> /dev/null || return 1
	ip -n "$far" link add bond0 type bond mode active-backup
	ip -n "$near" link add veth2 type veth peer name veth2 netns "$far"
	for ns in $near $far; do
		printf '%s\n' "link set veth2 master bond0" "link set veth2 up" "link set bond0 up" \
			"link add link bond0 name bond0.5 type vlan id 5" | ip -n "$ns" -batch - || return 1
	done
}

# chain_ask COMMAND...: of lib/chain.py; prints its answer
chain_ask()
{
	: > "$WORK/chain"
	echo "$*" >&42
	until_true 20 grep -q '^$' "$WORK/chain"
	sed '/^$/d' "$WORK/chain"
}

# chain_start: somebody else's programs on veth0, and one that ends the chain on each other device
chain_start()
{
	local path

	mkfifo "$WORK/chain-in"
	/usr/bin/python3 -IS "$ROOT/tests/lib/chain.py" "/run/netns/$near" veth0 \
		< "$WORK/chain-in" >> "$WORK/chain" 2>&1 &
	started+=($!)
	exec 42> "$WORK/chain-in"
	until_true 20 grep -q ready "$WORK/chain"
	for path in "${paths[@]:1}"; do
		chain_ask pass "${path%%:*}"
	done
}

# round_trips COUNT: by each path so many datagrams and their answers, asked by the target and asked of it, all
# at once; prints the median of each, ms
round_trips()
{
	local tour="/usr/bin/python3 -IS $ROOT/tests/lib/tour.py --tries 1 --count $1" asking
	local hosts=("${paths[@]#*:}")

	# shellcheck disable=SC2086 # its words
	run_in "$target" nsenter --net="/run/netns/$near" $tour "${hosts[@]/%/.2,7102,udp}" > "$WORK/rtt-out" &
	asking=$!
	# shellcheck disable=SC2086
	in_netns "$far" $tour "${hosts[@]/%/.1,7100,udp}" > "$WORK/rtt-in" || fail "a datagram did not come back"
	wait $asking || fail "an answer did not come back"
	paste -d' ' <(printf '%s out\n' "${paths[@]%%:*}") <(cut -d' ' -f2 "$WORK/rtt-out")
	paste -d' ' <(printf '%s in\n' "${paths[@]%%:*}") <(cut -d' ' -f2 "$WORK/rtt-in")
}
