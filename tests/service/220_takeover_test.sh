#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A process works until the one that takes over has shown that it can.

. "${0%/*}/../lib/lib.sh"

# want_state STATE TARGET: how the torrent came to be, in the access log.
want_state()
{
	_before=$(wc -l <access)
	want 200 "$2"
	wait_for 5 has_lines access $((_before + 1)) || fail "no line in the log"
	same "$(tail -n 1 access | awk '{ print $(NF - 2) }')" "$1" \
	    "the state of $2"
}

service_case second_root "What a reload leaves alone works on as if nothing was."
second_root_body()
{
	mkdir -p www/yum www/more new
	mirror_dir more
	echo a >www/yum/a
	echo hidden >www/more/b
	echo b >more/b
	settle www more
	set -- "revalidate 1h" "access-log $here/access" "hashers 2"
	service_start "$@" "root /pub $here/www"
	all=$(children)
	want_state made $service/single/pub/yum/a
	want_state made $service/single/pub/more/b
	want_state hit $service/single/pub/yum/a
	# The first walker has another number now, and fewer files.
	service_reload "$@" "root /pub/more $here/more" "root /pub $here/www"
	still "$all"
	same "$(children | wc -l)" 7 "children"
	want_state checked $service/single/pub/yum/a
	want_state hit $service/single/pub/yum/a
	want_state made $service/single/pub/more/b
	want_torrent length --root more
	same "$torrent" 2 "the length of another root's file"
	want_post 200 /pub/yum/a /pub/more/b
	more=$(children 'walker /pub/more')
	service_reload "$@" "root /pub $here/www" "root /new $here/new" \
	    "root /pub/more $here/more"
	still "$all" "$more"
	same "$(children | wc -l)" 8 "children"
	want_state checked $service/single/pub/yum/a
	want_state checked $service/single/pub/more/b
	want_state checked $service/digest/$digest
	service_reload "$@" "root /pub $here/www"
	still "$all"
	wait_for 5 is_gone $more || fail "a walker without a root"
	want_state checked $service/single/pub/yum/a
	want 200 $service/single/pub/more/b
	torrent_has length 7 "the length of what it had hidden"
	want 200 $service/digest/$digest
	[ "$(service_count 'torrents in memory')" -gt 0 ] || fail "none"
	! grep 'a wrong\|ended' log || fail "somebody was ended"
	service_stop
}

service_case nested_root "Nobody is blamed for what changes under them."
nested_root_body()
{
	mkdir -p www/yum www/more more
	for n in $(seq 1 300); do
		echo $n >www/yum/$n
	done
	echo hidden >www/more/b
	echo b >more/b
	service_start "revalidate 0s" "root /pub $here/www"
	all=$(children)
	python nested_root $pid "$here"
	still "$all"
	! grep 'a wrong\|does not answer' log || fail "somebody was blamed"
	service_stop
}

# still PID ...: they are there.
still()
{
	for _pid in $*; do
		! is_gone "$_pid" || fail "$_pid is gone:" $(children)
	done
}

service_case hashers "Hashers come and go without those that stay."
hashers_body()
{
	truncate -s 400M www/yum/big1 www/yum/big2 www/yum/big3
	service_start "digest openssl" "hashers 2"
	others=$(children 'front|walker|cache|tracker')
	first=$(children 'hasher 1')
	second=$(children 'hasher 2')
	n=0
	for line in "hashers 4" "hashers 1" "hashers 2"; do
		n=$((n + 1))
		ask_later $service/single/yum/big$n
		wait_for 5 is_hashing || fail "no hashing"
		service_reload "digest openssl" "$line"
		still "$others" $first
		wait_for 5 have_children "${line#* }" hasher || fail "not ${line#* }"
		want_later 200
	done
	is_gone $second || fail "the second was not to stay"
	! grep 'a wrong' log || fail "somebody was blamed"
	service_reload "digest auto" "hashers 2"
	still "$others"
	wait_for 5 is_gone $first || fail "it works by another digest"
	service_stop
}

service_case another_cache "Another cache takes over from the first."
another_cache_body()
{
	mkdir -p www/yum second
	echo a >www/yum/a
	settle www
	[ "$(id -u)" != 0 ] || chown nobody second
	service_start
	cache=$(children cache)
	others=$(children 'front|walker|hasher')
	service_reload "cache $here/second"
	still "$others"
	wait_for 5 is_gone "$cache" || fail "the old cache"
	want_post 200 /yum/a
	wait_for 5 test -e second/info/$digest || fail "not in the new cache"
	cache=$(children cache)
	service_reload "cache $here/second" "piece-length 512K"
	service_reload "cache $here/second" "padding attr"
	want 200 $service/digest/$digest
	still "$others" "$cache"
	service_stop
}

# A directory that the user could write in is not for a walker.
root_case bad_root "A root that no walker can be in costs nothing."
bad_root_body()
{
	mkdir -p www/yum bad locked
	echo a >www/yum/a
	chown nobody bad
	chmod 700 locked
	settle www
	second=$(free_port)
	listen_as_manager
	export NOTIFY_SOCKET="$here/notify.socket"
	set -- "revalidate 1h" "access-log $here/access"
	service_start "$@"
	all=$(children)
	want_state made $service/single/yum/a
	n=0
	for line in "root $here/bad" "root /new $here/locked" \
	    "root /new $here/none" "root /new $here/conf"; do
		n=$((n + 1))
		: >notified
		service_configure "revalidate 1h" "root $here/www" "$line" \
		    "access-log $here/other" "listen 127.0.0.1:$second" \
		    "cache $here/cache$n" "hashers 3"
		[ $n -ne 1 ] || sed -i "\\|root $here/www|d" conf
		mkdir cache$n
		chown nobody cache$n
		kill -HUP $pid
		wait_for 10 is_refused $n || fail "no refusal of $line"
		want_log "${line##* }.*: "
		wait_for 5 grep -q '^READY=1' notified || fail "no READY"
		grep -q '^STATUS=.*refused' notified || fail "not in STATUS"
		wait_for 7 prints "$all" children || fail "others: $(children)"
		want_state hit $service/single/yum/a
	done
	! grep -q : other || fail "the new access log is in use"
	! ls -l /proc/$pid/fd /proc/$(children front)/fd | grep /other ||
	    fail "the new access log is open"
	atf_check -s exit:7 -e ignore curl -s "http://127.0.0.1:$second/"
	same "$(grep -c ': reloaded' log)" 0 "reloads"
	service_reload "$@"
	want_state hit $service/single/yum/a
	still "$all"
	service_stop
}

is_refused()
{
	[ "$(grep -c 'the old configuration stays in force' log)" -eq "$1" ]
}

# The same while it runs: by a mount over it, or by a link.
root_case root_turns_bad "A root that turns bad is served as it was."
root_turns_bad_body()
{
	mkdir -p first/yum second/yum bad
	echo one >first/yum/a
	echo twotwo >second/yum/a
	chown nobody bad
	rm -rf www
	ln -s first www
	settle first second
	service_start "revalidate 0s" "log-level debug"
	all=$(children)
	point_at bad
	want_log 'www is another directory now'
	want_log "no walker can be started .*www"
	# It is tried again, and that is not told again.
	wait_for 10 more_lines 2 'www: tried again: exit status' || fail "not tried again"
	want 200 $service/single/yum/a
	want_torrent length --root first
	same "$torrent" 4 "length of the first"
	same "$(grep -c 'may write to\|owns' log)" 1 "complaints"
	same "$(grep -c 'no walker can be started' log)" 1 "warnings"
	still "$all"
	# A reload is not in the way of that, nor is that in its way.
	service_reload "revalidate 0s" "log-level debug" "deny /none"
	still "$all"
	point_at second
	wait_for 40 is_the_second || fail "the second is not served"
	point_at bad
	wait_for 5 more_lines 1 'no walker can be started' || fail "no warning"
	point_at second
	wait_for 5 has_one_walker || fail "one more walker"
	want 200 $service/single/yum/a
	service_stop
}

point_at()
{
	ln -s "$1" next
	mv -T next www
}

has_one_walker()
{
	kill -USR1 $pid
	sleep 0.2
	[ "$(tac log | sed '/ status: up /q' | grep -c 'status.*walker')" = 1 ]
}

service_case front_gone "A front that ends puts a reload off, no more."
front_gone_body()
{
	mkdir -p www/yum more/yum
	echo a >www/yum/a
	echo b >more/yum/b
	service_start
	service_configure "root $here/www" "root /more $here/more"
	for n in 1 2 3 4 5; do
		front=$(children front)
		kill -HUP $pid
		kill -HUP $pid
		kill -KILL $front
		wait_for 5 is_gone $front || fail "it is not gone"
	done
	wait_for 10 is_served /more/yum/b || fail "the new root"
	wait_for 10 have_children 6 || fail "children: $(children)"
	want 200 $service/single/yum/a
	service_reload "root $here/www"
	want 404 $service/single/more/yum/b
	service_stop
}

is_served()
{
	_code=$(curl -s -o body -w '%{http_code}' "$url$service/single$1")
	[ "$_code" = 200 ]
}

service_case own_port "From all addresses to one, on the same port, and back."
own_port_body()
{
	service_prepare
	python3 -c 'import socket
s = socket.socket(socket.AF_INET6); s.bind(("::1", 0))' 2>/dev/null &&
	    six="[::1] [::]"
	url=http://localhost:$port
	service_start "listen 0.0.0.0:$port"
	for address in 127.0.0.1 0.0.0.0 $six 127.0.0.1; do
		service_reload "listen $address:$port"
		case $address in
		*.*) to=127.0.0.1 ;;
		*) to='[::1]' ;;
		esac
		url=http://$to:$port
		want 404 /
	done
	same "$(python3 -c '
import sys
print(sum(line.split()[1].endswith(":%04X" % int(sys.argv[1])) and
          line.split()[3] == "0A"
          for name in ("tcp", "tcp6") for line in open("/proc/net/" + name)))
' $port)" 1 "sockets that listen there"
	# Two of its own lines are told from another service.
	service_configure "listen 127.0.0.1:$port" "listen 0.0.0.0:$port"
	kill -HUP $pid
	want_log "listen 0.0.0.0:$port: .*another line of listen"
	is_refused 1 || fail "no refusal"
	# With a service that is not ours nothing is shared.
	python3 -c '
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
try:
    s.bind(("127.0.0.1", int(sys.argv[1])))
    s.listen()
except OSError:
    sys.exit(0)
sys.exit(1)' $port || fail "its port may be shared"
	service_stop
}
