#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The numbers of the service: for Prometheus, and for the service manager.

. "${0%/*}/../lib/lib.sh"

top=$(atf_get_srcdir)/../..

# start_metrics ['keyword argument' ...]: with a listener at $at.
start_metrics()
{
	service_prepare
	metrics=$(free_port)
	at=http://127.0.0.1:$metrics
	service_start "metrics 127.0.0.1:$metrics" "$@"
}

# number NAME{LABELS}: its value now.
number()
{
	curl -sS --max-time 20 "$at/metrics" >numbers ||
	    fail "no answer from $at"
	awk -v name="$1" '$1 == name { print $2 }' numbers
}

is_number()
{
	[ "$(number "pkgtorrentd_$1")" = "$2" ]
}

# want_number NAME{LABELS} VALUE: workers send theirs once a second.
want_number()
{
	wait_for 10 is_number "$1" "$2" ||
	    fail "pkgtorrentd_$1 is $(number "pkgtorrentd_$1"), not $2"
}

# want_other STATUS TARGET [curl option ...]: from the metrics' listener.
want_other()
{
	_url=$url
	url=$at
	want "$@"
	url=$_url
}

service_case numbers "All processes' numbers are there, and promtool has nothing to say about them." promtool
numbers_body()
{
	start_metrics
	random 3000000 www/yum/a.rpm
	settle www/yum/a.rpm
	want 200 $service/simple/yum/a.rpm
	want 200 $service/simple/yum/a.rpm
	want 404 $service/single/yum/none
	want 404 /yum/a.rpm
	want 200 $service/
	want_number 'http_requests_total{kind="simple"}' 2
	want_number 'http_requests_total{kind="single"}' 1
	want_number 'http_requests_total{kind="other"}' 1
	want_number 'http_requests_total{kind="page"}' 1
	want_number 'http_responses_total{code="200"}' 3
	want_number 'http_responses_total{code="404"}' 2
	want_number hot_hits_total 1
	want_number 'http_answer_duration_seconds_bucket{le="+Inf"}' 5
	want_number http_answer_duration_seconds_count 5
	want_number hashed_bytes_total 3000000
	want_number hashed_files_total 1
	want_number hash_read_bytes_total 3000000
	want_number hash_batch_duration_seconds_count 1
	want_number opened_files_total 1
	want_number cache_pieces_misses_total 1
	want_number connections_accepted_total 5
	want_number config_last_reload_successful 1
	curl -sSi "$at/metrics" >answer
	grep -q '^Content-Type: text/plain; version=0.0.4; charset=utf-8' \
	    answer || fail "$(head -n 5 answer)"
	number x >/dev/null
	promtool check metrics <numbers >complaints 2>&1 ||
	    fail "$(cat complaints)"
	[ ! -s complaints ] || fail "$(cat complaints)"
}

service_case restarts "Numbers outlive the processes that counted them."
restarts_body()
{
	start_metrics
	random 100000 www/yum/a.rpm www/yum/b.rpm
	settle www/yum/a.rpm www/yum/b.rpm
	want 200 $service/simple/yum/a.rpm
	want_number hash_read_bytes_total 100000
	kill -KILL "$(children hasher)"
	want_number 'process_restarts_total{role="hasher"}' 1
	want 200 $service/simple/yum/b.rpm
	want_number hash_read_bytes_total 200000
	# The roots change: the same processes get new channels.
	mirror_dir more
	echo "root /more $here/more" >>conf
	service_reload
	want 200 $service/simple/yum/a.rpm
	want_number opened_files_total 2
	want_number hash_read_bytes_total 200000
	# With the front everything begins anew, but for what the parent has.
	kill -KILL "$(children front)"
	wait_for 20 is_number 'process_restarts_total{role="front"}' 1 ||
	    fail "no restart of the front"
	want_number 'process_restarts_total{role="hasher"}' 1
	want_number hash_read_bytes_total 0
}

service_case nothing_else "The listener knows /metrics alone, and clients do not."
nothing_else_body()
{
	start_metrics
	random 1000 www/yum/a.rpm
	want 404 /metrics
	want_other 404 /
	want_other 404 $service/simple/yum/a.rpm
	want_other 404 $service/
	want_other 404 /metrics/
	want_other 404 '/metrics?x'
	want_other 404 //metrics
	want_other 200 /metrics -I
	[ "$(field Content-Length)" -gt 1000 ] || fail "of a HEAD"
	python head "$metrics"
	want_other 405 /metrics -d p=/yum/a.rpm
	want_field Allow 'GET, HEAD'
	want_other 405 /metrics -X OPTIONS
	want_other 400 /metrics -H 'Host: a b'
	want_other 431 /metrics -H "X: $(printf '%16400s' '' | tr ' ' x)"
	# None of these is a request of a client.
	want_number 'http_requests_total{kind="other"}' 1
	want_number 'http_responses_total{code="405"}' 0
}

service_case limit "Clients that fill max-connections leave the listener alone, and it has a limit of its own."
limit_body()
{
	start_metrics "max-connections 1"
	python limit "$metrics"
}

service_case reload "A reload opens the listener, moves it and closes it."
reload_body()
{
	service_start
	metrics=$(free_port)
	at=http://127.0.0.1:$metrics
	cp conf without
	echo "metrics 127.0.0.1:$metrics" >>conf
	service_reload
	want_number connections_limit 1024
	sed "s,^metrics .*,metrics $here/metrics.socket," conf >other
	cp other conf
	service_reload
	! curl -sS -o answer "$at/metrics" 2>errors || fail "it is still there"
	curl -sS --unix-socket metrics.socket http://mirror/metrics >answer ||
	    fail "no answer from the Unix socket"
	grep -q '^pkgtorrentd_connections ' answer || fail "$(cat answer)"
	same "$(stat -c %a metrics.socket)" 660 "the mode"
	cp without conf
	service_reload
	[ ! -e metrics.socket ] || fail "the socket is still there"
	# An address that another server has: the old configuration stays.
	echo "metrics 127.0.0.1:$port" >>conf
	kill -HUP $pid
	want_log "metrics 127.0.0.1:$port: Address already in use"
	want_log 'the old configuration stays'
	want 404 /
	service_stop
}

service_case prometheus "A real Prometheus scrapes it, with the alerts." prometheus
prometheus_body()
{
	start_metrics
	cp "$top/etc/pkgtorrentd.rules.yml" rules.yml
	web=$(free_port)
	cat >prometheus.yml <<-END
		global:
		  scrape_interval: 1s
		  evaluation_interval: 1s
		rule_files:
		  - rules.yml
		scrape_configs:
		  - job_name: pkgtorrentd
		    static_configs:
		      - targets: ["127.0.0.1:$metrics"]
	END
	prometheus --config.file=prometheus.yml --storage.tsdb.path=data \
	    --web.listen-address="127.0.0.1:$web" >prometheus.log 2>&1 &
	note_pid $!
	want 404 /
	wait_for 40 query_is 'pkgtorrentd_http_responses_total{code="404"}' 1 ||
	    fail "not scraped: $(cat query prometheus.log)"
	query_is 'up{job="pkgtorrentd"}' 1 || fail "$(cat query)"
	query_is 'count(ALERTS)' '' || fail "$(cat query)"
	curl -sS "http://127.0.0.1:$web/api/v1/targets/metadata?metric=pkgtorrentd_hash_batch_duration_seconds" |
	    grep -q '"type":"histogram"' || fail "no histogram"
	curl -sS "http://127.0.0.1:$web/api/v1/rules" |
	    grep -q PkgtorrentdDown || fail "no alerts"
}

# query_is EXPRESSION VALUE: Prometheus says so.
query_is()
{
	curl -sS -G --data-urlencode "query=$1" \
	    "http://127.0.0.1:$web/api/v1/query" >query 2>errors || return 1
	[ "$(sed -n 's/.*"value":\[[^"]*"\([^"]*\)"\].*/\1/p' query)" = "$2" ]
}

test_case rules "The alerts come when they should." promtool
rules_body()
{
	cp "$top/etc/pkgtorrentd.rules.yml" rules.yml
	cp "$top/tests/data/rules.test.yml" .
	atf_check -o ignore promtool check rules rules.yml
	atf_check -o ignore promtool test rules rules.test.yml
}

service_case manual "The manual lists the numbers, and no others."
manual_body()
{
	start_metrics
	number x >/dev/null
	awk '$2 == "HELP" { name = $3; sub(/^# HELP [^ ]* /, ""); help = $0 }
	    $2 == "TYPE" { print name " " $4 " " help }' numbers >sent
	awk '/^\.It Li pkgtorrentd_/ { name = $3; type = $5; next }
	    name != "" { print name " " type " " $0; name = "" }' \
	    "$top/man/pkgtorrentd.8" >listed
	atf_check -o file:listed cat sent
	for rule in $(grep -o 'pkgtorrentd_[a-z_]*' \
	    "$top/etc/pkgtorrentd.rules.yml" | sort -u); do
		grep -q "^$rule " sent || fail "$rule is counted nowhere"
	done
}

service_case manager "The service manager is told what is going on."
manager_body()
{
	service_prepare
	random 1000 www/yum/a.rpm
	settle www/yum/a.rpm
	listen_as_manager
	export NOTIFY_SOCKET="$here/notify.socket"
	service_start
	want 200 $service/simple/yum/a.rpm
	wait_for 10 grep -q \
	    '^STATUS=1 answers, 0 from memory; 0 torrents in the making$' \
	    notified || fail "$(tr '\n' ' ' <notified)"
	_lines=$(grep -c STATUS= notified)
	want 200 $service/simple/yum/a.rpm
	want 200 $service/simple/yum/a.rpm
	wait_for 10 grep -q '^STATUS=3 answers, 2 from memory' notified ||
	    fail "$(tr '\n' ' ' <notified)"
	[ "$(grep -c STATUS= notified)" -le $((_lines + 3)) ] ||
	    fail "$(tr '\n' ' ' <notified)"
	echo nonsense >>conf
	kill -HUP $pid
	wait_for 10 grep -q '; a reload was refused, see the log$' notified ||
	    fail "$(tr '\n' ' ' <notified)"
}
