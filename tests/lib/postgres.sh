# SPDX-License-Identifier: GPL-2.0-only
# For tests that want PostgreSQL: source it after host.sh. $postgres is the folder of its programs, or ""
# where it is not installed.
# shellcheck shell=bash

postgres=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -n 1)
# Debian's psql is a program that looks for this one first, which takes seconds in an emulated machine
[ -z "$postgres" ] || PATH=$postgres:$PATH
as_postgres="setpriv --reuid postgres --regid postgres --clear-groups"

# make_cluster NAME [LINE...]: a new cluster in $WORK/NAME, which everybody who reaches it may use, with these
# lines in its configuration. Debian's package has made one, which nobody uses here, and `make cluster` a
# file of it: to make another takes a second, and half a minute in an emulated machine.
make_cluster()
{
	local made=/var/lib/postgresql/$(basename "$(dirname "$postgres")")/main

	chmod 755 "$WORK"
	mkdir -m 700 "$WORK/$1"
	chown postgres "$WORK/$1"
	if [ -n "${HOST_STATE:-}" ] && [ -f "$ROOT/build/cluster.tar" ]; then
		tar -C "$WORK/$1" -xpf "$ROOT/build/cluster.tar"
	elif [ -f "$made/PG_VERSION" ] && [ ! -e "$made/postmaster.pid" ]; then
		cp -aT "$made" "$WORK/$1"
	else
		(cd / && $as_postgres "$postgres/initdb" -D "$WORK/$1" -A trust -N --no-instructions \
			--locale=C -E UTF8 > "$WORK/initdb" 2>&1) || { cat "$WORK/initdb"; fail "initdb"; }
	fi
	echo "local all all trust" > "$WORK/$1/pg_hba.conf"
	echo "host all all 127.0.0.1/32 trust" >> "$WORK/$1/pg_hba.conf"
	touch "$WORK/$1/pg_ident.conf"
	# as little as can be: what a test wants is a database, not a fast one
	cat > "$WORK/$1/postgresql.conf" <<- END
		unix_socket_directories = '$WORK/$1'
		listen_addresses = ''
		shared_buffers = 4MB
		max_connections = 8
		max_worker_processes = 0
		max_wal_senders = 0
		autovacuum = off
		lc_messages = C
	END
	printf '%s\n' "${@:2}" >> "$WORK/$1/postgresql.conf"
}

# start_cluster NAME PORT [PROGRAM...]: starts it in its own cgroup, by PROGRAM; its first output is
# $WORK/NAME.log
start_cluster()
{
	start_in "$(make_cgroup "$1")" "${@:3}" $as_postgres "$postgres/postgres" -D "$WORK/$1" -p "$2"
}

# sql NAME PORT STATEMENT: what it says is in $WORK/said
sql()
{
	timeout 60 psql -X -q -At -h "$WORK/$1" -p "$2" -U postgres -d postgres -c "$3" > "$WORK/said" 2>&1
}
