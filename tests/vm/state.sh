# SPDX-License-Identifier: GPL-2.0-only
# Instead of what tests/lib/host.sh looks at: as much as matters on other kernels, with as few
# processes as may be, for each takes a tenth of a second on an emulated machine.
# shellcheck shell=bash

TOOL="/usr/bin/python3 -IS $ROOT/tests/lib/tool.py"

host_state()
{
	local path ns

	{ bpftool -j prog; bpftool -j map; bpftool -j link; bpftool -j cgroup tree; } 2> /dev/null | jq -rs '
		(.[0][] | select(.name // "" | startswith("sq_")) | "program " + .name),
		(.[1][] | select(.name // "" | test("^(sq_|squall)")) | select(.name != "sq_switch") |
			"map " + .name),
		([.[2][]?.type?] | sort[] | "link \(.)"), (.[3:][][]? | tojson)'
	for path in '' /run/netns/*; do
		[ "$path" != '/run/netns/*' ] || continue
		ns=${path##*/}
		{ ip ${ns:+-n "$ns"} -o link; tc ${ns:+-n "$ns"} qdisc; } |
			sed "s/^[0-9]*: //; s/@.*//; s/: <.*//; s/ refcnt.*//; s/^/$ns /"
	done
	find "$CGROUPS" -maxdepth 3 -path '*/squall*' -type d -printf 'cgroup %p\n'
	sed -E '/ \/run\/(squall\/bpf|netns) /d; s/^([^ ]+ ){4}/mount /' /proc/self/mountinfo
	squall_processes | sed 's/^[0-9]*/process/'
	for path in /run/squall/runs/* /run/squall/clsact/*; do
		[ ! -e "$path" ] || echo "registered $path"
	done
}
