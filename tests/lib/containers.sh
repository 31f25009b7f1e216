# SPDX-License-Identifier: GPL-2.0-only
# For tests of containers and pods: source it before host.sh. The test goes on in a mount namespace of its
# own, in which runtimes and a kubelet can have their files where squall looks for them.
# shellcheck shell=bash
set -euo pipefail

if [ -z "${SQUALL_TEST_MOUNTS:-}" ]; then
	SQUALL_TEST_MOUNTS=1 exec unshare --mount "$0" "$@"
fi
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# empty_folder FOLDER [NAME...]: an empty one in its place, in which these are as they were
empty_folder()
{
	local folder=$1 name fd fds=()

	shift
	for name in "$@"; do
		mkdir -p "$folder/$name"
		exec {fd}< "$folder/$name"
		fds+=("$fd")
	done
	mount -t tmpfs tmpfs "$folder"
	for name in "$@"; do
		mkdir -p "$folder/$name"
		# as it is called, and not where it leads: that is hidden now
		mount -c --rbind "/proc/self/fd/${fds[0]}" "$folder/$name"
		exec {fds[0]}<&-
		fds=("${fds[@]:1}")
	done
}

# empty_host: no runtime and no kubelet has a file here; what squall and the tests share stays
empty_host()
{
	empty_folder /run squall lock
	empty_folder /var/lib squall
	empty_folder /var/log
	mkdir -p /var/log/etc/upper /var/log/etc/work
	mount -t overlay -o lowerdir=/etc,upperdir=/var/log/etc/upper,workdir=/var/log/etc/work overlay /etc
	rm -rf /etc/kubernetes /etc/squall/kubeconfig
	# runtimes want the whole of it where they look for it
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# has_podman: is there a podman that can run on this host?
has_podman()
{
	command -v podman > /dev/null && command -v crun > /dev/null && [ -x /bin/busybox ]
}

# podman with its storage where it is by default
PODMAN=(podman --cgroup-manager cgroupfs --storage-driver vfs --runtime crun --events-backend none)

# run_container NAME [OPTION...] -- COMMAND...: of busybox, its cgroup in $OURS; prints its ID
run_container()
{
	local name=$1 options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	if [ ! -d "$WORK/rootfs" ]; then
		mkdir -p "$WORK"/rootfs/{bin,proc,sys,dev,etc,tmp,run}
		cp /bin/busybox "$WORK/rootfs/bin/busybox"
	fi
	# without what takes rights or controllers that a test's host may not have
	"${PODMAN[@]}" run -d --name "$name" --cgroup-parent "$OURS" --privileged --pids-limit 0 \
		--ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --security-opt label=disable \
		"${options[@]}" --rootfs "$WORK/rootfs" /bin/busybox "$@" 9>&-
}

# add_user NAME UID: in passwd, with a home and cgroups of her own: $uid, and her manager's cgroup $users
add_user()
{
	uid=$2 users=/user.slice/user-$2.slice/user@$2.service
	mkdir -p "$CGROUPS$users"/{session.scope,pods} "$WORK/$1" "/run/user/$uid" "$WORK/rootfs"
	chown -R "$uid:$uid" "$CGROUPS$users" "$WORK/$1" "/run/user/$uid"
	chmod 711 "$WORK"
	echo "$1:x:$uid:$uid::$WORK/$1:/bin/sh" >> /etc/passwd
	users_home=$WORK/$1
}

# as_user COMMAND...: in her session
as_user()
{
	(
		cd "$users_home"
		echo $BASHPID > "$CGROUPS$users/session.scope/cgroup.procs"
		exec env -i PATH="$PATH" HOME="$users_home" XDG_RUNTIME_DIR="/run/user/$uid" \
			setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
	)
}

# remove_user: what she has left running, and her cgroups
remove_user()
{
	echo 1 > "$CGROUPS$users/cgroup.kill"
	until_true 10 find "$CGROUPS/user.slice/user-$uid.slice" -depth -type d -exec rmdir {} +
	rmdir "$CGROUPS/user.slice" 2> /dev/null || true
	users=
}

# end_containers: all of them, before the test's own end
end_containers()
{
	local code=$?

	set +e
	"${PODMAN[@]}" rm -f -a -t 0 > /dev/null 2>&1
	[ -z "${users:-}" ] || remove_user
	(exit $code)
	end_test
}
