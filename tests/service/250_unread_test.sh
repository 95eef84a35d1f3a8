#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A log that nobody reads is in nobody's way.

. "${0%/*}/../lib/lib.sh"

# fill: as many lines as nobody keeps, of requests with long targets; each is
# answered all the same.
fill()
{
	run_python - <<-'END'
		from service import *
		with Connection() as c:
		    for n in range(1500):
		        a = c.ask("/%d-%s" % (n, 1800 * "x"))
		        assert a.status == 404, a
	END
}

is_another_cache()
{
	_now=$(children cache)
	[ -n "$_now" ] && [ "$_now" != "$cache" ]
}

# Children are started again, clients answered.
want_life()
{
	cache=$(children cache)
	kill -KILL $cache
	wait_for 5 is_another_cache || fail "no child is started again"
	want 404 /
	kill -HUP $pid
	# Its log cannot tell: another walker is there.
	wait_for 5 have_children 1 'walker /more' || fail "it does not reload"
}

# Lines come in order, each whole, and gaps are reported.
want_told()
{
	want_log 'lines were lost because nobody read the log' "$1"
	python want_told "$1"
}

service_case standard_error "Nobody reads standard error."
standard_error_body()
{
	mkfifo pipe
	mkdir more
	# Somebody has it open, and does not read.
	exec 9<>pipe
	service_configure "access-log yes"
	"$program" -d -f conf 2>pipe &
	pid=$!
	note_pid $pid
	want 404 / --retry 50 --retry-connrefused --retry-delay 0
	fill
	service_configure "access-log yes" "root $here/www" \
	    "root /more $here/more"
	want_life
	# An error at a start ends it, read or not.
	"$program" -d -f conf 2>pipe &
	second=$!
	note_pid $second
	wait_for 5 is_gone $second || fail "it waits to say why it ends"
	wait $second && fail "it should have failed"
	cat <pipe >log 9>&- &
	reader=$!
	note_pid $reader
	want_told log
	want 404 /more
	want_log '"GET /more '
	kill $reader
	wait $reader
	fill
	kill -TERM $pid
	wait_for 6 is_gone $pid || fail "it does not stop"
	wait $pid || fail "exit status $?"
}

# A syslog daemon of our own, that can be told to read.
start_syslog()
{
	python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("dev/log")
os.chmod("dev/log", 0o666)
while not os.path.exists("read"):
    time.sleep(0.05)
with open("syslog", "ab", buffering=0) as f:
    while True:
        f.write(s.recv(16384) + b"\n")' &
	note_pid $!
	wait_for 5 test -S dev/log || fail "no syslog"
}

root_case syslog "Nobody reads what goes to syslog." unshare mount
syslog_body()
{
	unshare -m true 2>/dev/null || atf_skip "no mount namespaces"
	mkdir dev more
	for device in null zero urandom full; do
		: >dev/$device
	done
	start_syslog
	service_configure "access-log yes"
	cat >start <<-END
		for device in null zero urandom full; do
			mount --bind /dev/\$device dev/\$device || exit 9
		done
		mount --rbind dev /dev || exit 9
		exec "$program" -f conf
	END
	listen_as_manager
	atf_check env NOTIFY_SOCKET="$here/notify.socket" \
	    unshare -m sh start
	wait_for 5 grep -q MAINPID notified || fail "it does not say its pid"
	pid=$(sed -n 's/^MAINPID=//p' notified)
	note_pid $pid
	fill
	service_configure "access-log yes" "root $here/www" \
	    "root /more $here/more"
	want_life
	: >read
	want_told syslog
	grep -q '^<30>[A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]* pkgtorrentd: parent' \
	    syslog || fail "other lines than syslog(3)'s"
	rm read
	want 404 /more
	want_log '"GET /more ' syslog
	kill -TERM $pid
	wait_for 6 is_gone $pid || fail "it does not stop"
}
