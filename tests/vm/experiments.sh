# SPDX-License-Identifier: GPL-2.0-only
#
# The experiments in which system calls fail, against PostgreSQL, nginx, redis and Python's web server, each
# set up well (the run passes) and badly (it deviates, by the probe that should tell).
. tests/lib/host.sh
. tests/lib/experiments.sh
. tests/lib/postgres.sh

grep -qw bpf /sys/kernel/security/lsm || skip "BPF is not among this kernel's security modules"
[ -n "$postgres" ] || skip "PostgreSQL is not installed"

# nginx_in NAME PORT LINES: of http{}; the files of /other/ it always opens
nginx_in()
{
	local dir=$WORK/$1

	mkdir -p "$dir"/{log,site/other}
	echo hello | tee "$dir/site/hello" > "$dir/site/other/hello"
	cat > "$dir/nginx.conf" <<- END
		daemon off; user root; worker_processes 1; pid $dir/pid; error_log $dir/error.log; events {}
		http { $3 client_body_temp_path $dir/1; proxy_temp_path $dir/2; fastcgi_temp_path $dir/3;
		uwsgi_temp_path $dir/4; scgi_temp_path $dir/5; server { listen 127.0.0.1:$2; root $dir/site;
		location /other/ { open_file_cache off; } } }
	END
	start_in "$(make_cgroup "$1")" nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log"
}
nginx_in open-well 7801 "access_log off; open_file_cache max=100 inactive=600s; open_file_cache_valid 600s;"
nginx_in open-badly 7802 "access_log off;"
nginx_in log-well 7803 "access_log $WORK/log-well/log/access.log;"
# it logs to its standard error, and a line that fails is an exception in the request
mkdir -p "$WORK/log-badly/"{log,site}
echo hello > "$WORK/log-badly/site/hello"
start_in "$(make_cgroup log-badly)" sh -c 'exec /usr/bin/python3 -IS -m http.server -b 127.0.0.1 -d "$1/site" 7804 2>> "$1/log/access.log"' \
	_ "$WORK/log-badly"

# redis NAME PORT STOP: is due to save after a second in which something was written
redis()
{
	mkdir "$WORK/$1"
	start_in "$(make_cgroup "$1")" redis-server --port "$2" --bind 127.0.0.1 --save '1 1' --appendonly no \
		--stop-writes-on-bgsave-error "$3" --dir "$WORK/$1"
}
redis fork-well 7805 no
redis fork-badly 7806 yes
make_cluster wal-well
make_cluster wal-badly "restart_after_crash = off"
# as systemd does with Restart=always
start_cluster wal-well 7807 sh -c 'while :; do "$@"; sleep 2; done' _
start_cluster wal-badly 7808
echo "$SECONDS s: all is started"

for port in 7801 7802 7803 7804; do until_true 60 curl -sf "http://127.0.0.1:$port/hello"; done

# One run after the other: an emulated processor is slow at loading programs, and what is held up so either
# ends itself or has too few samples. Who is spared may see errors where the machine is too slow to answer; who
# is hit sees nothing else.
short="before=2s after=3s recovers=3s every=400ms for=4s errors=40%"

# opens HOW PORT
opens()
{
	try descriptor-exhaustion "$1" "server=$OURS/open-$1" "url=http://127.0.0.1:$2/hello" \
		"other=http://127.0.0.1:$2/other/hello" "files=$WORK/open-$1/site/**" $short
}
opens well 7801
ends descriptor-exhaustion-well 0
opens badly 7802
ends descriptor-exhaustion-badly 1 'probe("requests"; "during").failures >= 3' \
	'.faults[0].victims[] | select(.process == "nginx" and .path == "site/hello" and .injected >= 3)'
echo "$SECONDS s: no descriptors"

# logs HOW PORT
logs()
{
	try log-volume-fails "$1" "server=$OURS/log-$1" "url=http://127.0.0.1:$2/hello" \
		"logs=$WORK/log-$1/log/access.log" $short
}
logs well 7803
ends log-volume-fails-well 0
logs badly 7804
ends log-volume-fails-badly 1 'probe("requests"; "during").failures >= 3'
echo "$SECONDS s: the log fails"

# forks HOW PORT
forks()
{
	try fork-failure "$1" "server=$OURS/fork-$1" "address=127.0.0.1:$2" \
		before=2s for=4s after=10s recovers=10s every=400ms errors=40%
}
forks well 7805
ends fork-failure-well 0
forks badly 7806
ends fork-failure-badly 1 'probe("writes"; "during").failures >= 3' 'probe("writes"; "after").verdict == "met"'
echo "$SECONDS s: no forks"

# wal HOW PORT
wal()
{
	until_true 60 sql "wal-$1" "$2" \
		'create table squall_probe (at timestamptz); insert into squall_probe values (now())'
	try wal-disk-full "$1" "database=$OURS/wal-$1" "wal=$WORK/wal-$1/pg_wal/**" every=2s before=5s for=6s \
		after=12s back_within=12s "connect=host=$WORK/wal-$1 port=$2 user=postgres dbname=postgres"
}
wal well 7807
ends wal-disk-full-well 0 'probe("commits"; "during").failures >= 1'
wal badly 7808
ends wal-disk-full-badly 1 'probe("commits"; "after").verdict == "not met"'
for how in well badly; do
	grep -q 'PANIC.*No space left' "$WORK/wal-$how.log" || { cat "$WORK/wal-$how.log"; fail "PostgreSQL does not panic"; }
done
echo "$SECONDS s: no room for the WAL"
