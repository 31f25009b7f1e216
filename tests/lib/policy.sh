# SPDX-License-Identifier: GPL-2.0-only
# For tests with a policy of the host, which nobody else sees: source it after host.sh.
# shellcheck shell=bash

# policy: reads the host's policy from standard input; from then on with_policy COMMAND... runs under it.
policy()
{
	[ -d "$WORK/etc" ] || cp -a /etc "$WORK/etc"
	mkdir -p "$WORK/etc/squall/experiments"
	cat > "$WORK/etc/squall/policy.yaml"
	chown -R 0:0 "$WORK/etc/squall"
	chmod -R go-w "$WORK/etc/squall"
}

with_policy()
{
	unshare -m --propagation unchanged sh -c \
		'mount --make-private / && mount --bind "$1" /etc && shift && exec "$@"' _ "$WORK/etc" "$@"
}
