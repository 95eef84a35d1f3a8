#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The command, and the life of its processes: started, stopped, killed.

. "${0%/*}/../lib/lib.sh"

# want_refusal PATTERN COMMAND ...: the same, and no process is left.
want_refusal()
{
	want_complaint "$@"
	session_is_gone || fail "a process is left"
}

service_case wrong_start "What is wrong is said in one line, with status 1." \
    setsid
wrong_start_body()
{
	service_configure
	mkdir -p locked
	chmod 555 locked
	set -- "$program" -d -f conf
	want_refusal 'none.*No such file' "$@" -o "root $here/none"
	want_refusal 'trackers.*Not a directory' "$@" -o "root $here/trackers"
	want_refusal 'locked.*Permission denied' "$@" -o "cache $here/locked"
	want_refusal 'none/cache' "$@" -o "cache $here/none/cache"
	want_refusal 'colour.*unknown' "$@" -o 'colour blue'
	want_refusal 'hashers.*many' "$@" -o 'hashers many'
	want_refusal 'access-log' "$@" -o "access-log $here/none/access"
	want_refusal 'nonesuch.*No such file' "$program" -d -f nonesuch
	service_run
	want_refusal "127.0.0.1:$port: Address already in use" "$@"
	want_refusal "127.0.0.1:$port: Address already in use" "$program" \
	    -f conf
	want 404 /
}

service_case all_that_is_wrong "All errors are named, with file and line."
all_that_is_wrong_body()
{
	service_configure "colour blue" "hashers 0" "hash-wait 5 s"
	lines=$(wc -l <conf)
	for option in -n -nv -d; do
		atf_check -s exit:1 -o empty -e save:err \
		    "$program" $option -f conf
		for n in 2 1 0; do
			grep -q "conf:$((lines - n)): " err ||
			    fail "line $((lines - n)) is not named"
		done
		same "$(wc -l <err)" 3 "complaints"
	done
}

service_case usage "Wrong options end with status 2."
usage_body()
{
	service_configure
	for option in -x 'more -n' -f -o '-- more'; do
		# -n, in case one of them is taken for right.
		atf_check -s exit:2 -o empty -e match:'^usage: ' \
		    "$program" $option
	done
	atf_check -o match:'^pkgtorrentd [0-9]' "$program" -V
}

service_case check_only "-n is silent, -nv prints what parses again."
check_only_body()
{
	service_configure "deny /a b/*" "deny /c" "host h" "base-url http://b/p" \
	    "proxy 192.0.2.0/24 ::1" "access-log $here/access file" \
	    "root /p $here/cache" "root $here/www"
	sed -i -e 's|/a b/.*|"&"|' -e 's|[^ ]*access file|"&"|' conf
	atf_check "$program" -n -f conf
	atf_check -o save:one "$program" -n -v -f conf
	atf_check -o file:one "$program" -nv -f one
	[ ! -e "access file" ] || fail "a check has made a file"

	atf_check -o save:two "$program" -nv -f conf -o 'deny /d' \
	    -o 'hash-wait 7s'
	same "$(grep -e ^deny -e ^hash-wait two | sort)" "deny /d
hash-wait 7s" "what -o says"
	sed -e '/^hash-wait/d' -e '/^deny/d' one >one_less
	sed -e '/^hash-wait/d' -e '/^deny/d' two | atf_check cmp one_less -
	atf_check "$program" -n -f "$tests/../etc/pkgtorrentd.conf" \
	    -o "root $here/www" -o "cache $here/cache" \
	    -o "user $(id -un | sed 's/^root$/nobody/')"
}

service_case daemon "Without -d it is ready when the command returns."
daemon_body()
{
	service_configure
	listen_as_manager
	atf_check env NOTIFY_SOCKET="$here/notify.socket" \
	    "$program" -f conf
	want 404 /
	wait_for 5 grep -q MAINPID notified
	pid=$(sed -n 's/^MAINPID=//p' notified)
	note_pid $pid
	same "$(ps -o args= -p "$pid")" "pkgtorrentd: parent" "MAINPID"
	grep -q '^READY=1' notified || fail "READY was not notified"
	same "$(ps -o tty= -p "$pid")" '?' "its terminal"
	all=$(children)
	kill -HUP "$pid"
	wait_for 5 grep -q '^RELOADING=1' notified || fail "no RELOADING"
	kill -TERM "$pid"
	wait_for 7 is_gone "$pid" $all || fail "it does not stop"
	grep -q '^STOPPING=1' notified || fail "STOPPING was not notified"
}

service_case titles "ps shows who is who."
titles_body()
{
	service_start "hashers 2"
	same "$(ps -o args= -p $pid)" "pkgtorrentd: parent" "the parent"
	same "$(ps --ppid $pid -o args= | sort)" "pkgtorrentd: cache
pkgtorrentd: front
pkgtorrentd: hasher 1
pkgtorrentd: hasher 2
pkgtorrentd: tracker
pkgtorrentd: walker" "the children"
	for child in $(children) $pid; do
		same "$(tr '\0' '\n' </proc/$child/cmdline | sed '/^$/d')" \
		    "$(ps -o args= -p $child)" "ps and /proc"
	done
}

is_served()
{
	ask "$1"
	[ "$status" = 200 ]
}

service_case log_file "In the background the log may be a file."
log_file_body()
{
	service_configure "log-file $here/none/lines"
	want_complaint 'log-file ".*/none/lines": No such file or directory; set' \
	    "$program" -f conf
	service_configure "log-file $here/lines" "pid-file $here/pid" \
	    "access-log yes"
	atf_check "$program" -n -f conf
	[ ! -e lines ] || fail "a check has made it"
	echo 'an older line' >lines
	atf_check "$program" -f conf
	pid=$(cat pid)
	note_pid $pid
	want 404 /first
	want_log 'front.*GET /first ' lines
	want_log 'parent.*: ready: ' lines
	same "$(head -n 1 lines)" 'an older line' "its first line"
	lines='20[0-9-]{8}T[0-9:]{8}[+-][0-9]{4} [a-z]+\[[0-9]+\]: '
	same "$(grep -v -E "^$lines" lines)" 'an older line' "other lines"
	# It is rotated.
	mv lines lines.1
	kill -HUP $pid
	want_log ': reloaded' lines
	want 404 /second
	want_log 'GET /second ' lines
	! grep '/second' lines.1 || fail "it goes on into the old one"
	# By a configuration that is refused, too.
	rm lines
	echo nonsense >>conf
	kill -HUP $pid
	want_log 'the old configuration stays' lines
	sed -i /nonsense/d conf
	small a
	sed -i 's/^log-file.*/serve-files yes/' conf
	kill -HUP $pid
	wait_for 10 is_served /yum/a || fail "no reload"
	want 404 /third
	echo "log-file $here/more" >>conf
	kill -HUP $pid
	wait_for 10 grep -q ': reloaded' more || fail "no reload to a file"
	! grep '/third' lines || fail "it goes on without the keyword"
	kill -TERM $pid
	wait_for 10 is_gone $pid || fail "it does not stop"
	same "$(sed 's/.*: //' more | tail -n 1)" stopped "the last words"
	# With -d it is standard error.
	rm more
	service_run
	[ ! -e more ] || fail "it is made in the foreground"
}

service_case pid_file "The parent's number is in the file for it."
pid_file_body()
{
	service_configure "pid-file $here/none/pid"
	want_complaint 'pid-file ".*/none/pid": No such file or directory; set' \
	    "$program" -n -f conf
	service_configure "pid-file $here/pid"
	atf_check "$program" -n -f conf
	[ ! -e pid ] || fail "a check has made it"
	# A longer one that a crash has left.
	echo 123456789012 >pid
	service_run
	same "$(cat pid)" "$pid" "the file"
	same "$(stat -c %a pid)" 644 "its mode"
	kill -HUP $pid
	want_log ': reloaded'
	service_reload "pid-file $here/other"
	want_log 'pid-file: a change needs a restart, the old one stays'
	[ ! -e other ] || fail "there is another"
	service_stop
	[ ! -e pid ] || fail "it is still there"
	# One that is somebody else's by now stays.
	service_start "pid-file $here/pid"
	rm pid
	echo 1 >pid
	service_stop
	same "$(cat pid)" 1 "the file"
}

# A descriptor count says nothing to users that may not look.
descriptors()
{
	for _pid in $pid $(children); do
		ls /proc/$_pid/fd 2>/dev/null | wc -l
	done
}

serves()
{
	[ "$(children | wc -l)" = 5 ] && is_gone "$killed" &&
	    curl -sf --max-time 1 -o body "$url$service/single/yum/$1"
}

service_case killed_children "A child that dies is replaced at once."
killed_children_body()
{
	small front walker hasher cache tracker
	echo first >www/yum/first
	service_start
	want 200 $service/single/yum/first
	before=$(descriptors)
	for role in front walker hasher cache tracker; do
		killed=$(children $role)
		kill -KILL $killed
		# A file that nobody knows yet, so that all have to work.
		wait_for 2 serves $role || fail "not back after 2 s: $role"
		want_torrent
		want_log "parent.*$role $killed ended: signal 9"
	done
	same "$(ps --ppid $pid -o args= | sort)" "pkgtorrentd: cache
pkgtorrentd: front
pkgtorrentd: hasher 1
pkgtorrentd: tracker
pkgtorrentd: walker" "the children"
	wait_for 2 no_more_descriptors || fail "descriptors: $(descriptors)," \
	    "not $before"
	want 404 /
}

no_more_descriptors()
{
	same_count=$(descriptors)
	[ "$same_count" = "$before" ]
}

service_case work_of_the_dead "What a dead child had to do is done anyway."
work_of_the_dead_body()
{
	truncate -s 400M www/yum/big1 www/yum/big2 www/yum/big3
	# The slowest way, so that there is time to kill somebody.
	service_start "digest openssl"
	n=0
	for role in hasher walker cache; do
		n=$((n + 1))
		ask_later $service/single/yum/big$n
		wait_for 5 is_hashing || fail "no hashing"
		kill -KILL $(children $role)
		want_later 200
		torrent_has pieces 400 "pieces"
	done
}

service_case killed_parent "Without their parent the children go."
killed_parent_body()
{
	service_start
	all=$(children)
	kill -KILL $pid
	wait_for 2 is_gone $all || fail "still there after 2 s: $(ps -o \
	    pid,args -p "$(echo $all | tr ' ' ,)")"
	atf_check -s exit:7 -e ignore curl -s "$url/"
	service_run
	want 404 /
}

service_case answers_are_finished "SIGTERM lets answers under way finish."
answers_are_finished_body()
{
	truncate -s 16M www/yum/a
	service_start "serve-files yes"
	all=$(children)
	python answers_are_finished $pid
	wait_for 2 is_gone $pid $all || fail "it stays for nobody"
	wait $pid || fail "exit status $?"
}

service_case last_requests "SIGTERM lets new connections have an answer."
last_requests_body()
{
	service_start
	all=$(children)
	python last $pid $(children front)
	wait_for 4 is_gone $pid $all || fail "it stays for nobody"
	wait $pid || fail "exit status $?"
}

service_case interrupt "SIGINT stops it, and five seconds are enough."
interrupt_body()
{
	truncate -s 16M www/yum/a
	service_start "serve-files yes"
	all=$(children)
	python interrupt $pid $all
	wait_for 2 is_gone $pid $all || fail "still there"
	wait $pid || fail "exit status $?"
}

service_case status "SIGUSR1 says how it is."
status_body()
{
	head -c 1000000 /dev/urandom >www/yum/a
	service_start
	same "$(service_count 'bytes hashed')" 0 "bytes hashed at first"
	want 200 $service/single/yum/a
	same "$(service_count 'bytes hashed')" 1000000 "bytes hashed"
	for role in front walker 'hasher 1' cache tracker; do
		want_log "parent.*status: pkgtorrentd: $role, pid [0-9]*: up"
	done
	# Each number has a word.
	for _ in 1 2 3 4 5 6; do
		want 403 $service/nullfile/99999999
	done
	want 404 /none
	want 412 $service/digest/$(paths_digest /none)
	same "$(service_count 'with 403')" 6 "answers with 403"
	same "$(service_count 'with another 4xx')" 1 "other errors"
	same "$(service_count 'with 5xx')" 0 "errors of the service"
	same "$(service_count 'refused over max-connections')" 0 \
	    "connections refused"
	for role in walker hasher cache tracker; do
		want_log "^$role\[$(children $role)\]: .*[0-9]"
	done
}

service_case socket_activation "Sockets that systemd opened are taken." \
    systemd-socket-activate
socket_activation_body()
{
	service_prepare
	service_configure "listen 127.0.0.1:$(free_port)"
	systemd-socket-activate -l 127.0.0.1:$port "$program" -d -f conf \
	    >>log 2>&1 &
	pid=$!
	note_pid $pid
	want 404 / --retry 50 --retry-connrefused --retry-delay 0
	want_log 'ready: 1 listening'
	other=$(sed -n 's/^listen //p' conf)
	atf_check -s exit:7 -e ignore curl -s "http://$other/"
	service_reload
	want 404 /
	service_stop
}

service_case unix_socket "A stale socket file is no obstacle, a live one is."
unix_socket_body()
{
	service_prepare
	service_start "listen $here/socket" "listen 127.0.0.1:$port"
	want 404 / --unix-socket socket
	atf_check -s exit:1 -e match:'socket: Address already in use' \
	    "$program" -d -f conf -o "listen $here/socket"
	want 404 / --unix-socket socket
	all=$(children)
	kill -KILL $pid
	wait_for 2 is_gone $all
	[ -S socket ] || fail "the socket's file went by itself"
	service_run
	want 404 / --unix-socket socket
	service_stop
	[ ! -e socket ] || fail "the socket's file is left"
	echo precious >file
	atf_check -s exit:1 -e match:'file: ' \
	    "$program" -d -f conf -o "listen $here/file"
	atf_check -o inline:'precious\n' cat file
}
