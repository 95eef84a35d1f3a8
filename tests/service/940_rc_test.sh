#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The script for systems without a service manager: it starts and stops the
# service of its configuration, and no other.

. "${0%/*}/../lib/lib.sh"

# prepare: ./rc is the script for the configuration in conf, on a machine with a
# syslog daemon.
prepare()
{
	service_configure
	python3 -c 'import socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind("dev-log")'
	sed -e "s,^daemon=.*,daemon=$program," -e "s,^conf=.*,conf=$here/conf," \
	    -e "s,^pidfile=.*,pidfile=$here/conf.pid," \
	    -e "s,/dev/log,$here/dev-log," \
	    -e "s,^rundir=.*,rundir=$here/run," \
	    -e "s,^logfile=.*,logfile=$here/lines," \
	    -e 's,/etc/default/,/nonexistent/,' \
	    -e 's,/etc/conf.d/,/nonexistent/,' \
	    "$tests/../etc/pkgtorrentd.rc" >rc
	chmod +x rc
}

# start: by the script; $pid is its parent's number.
start()
{
	atf_check -o 'inline:starting pkgtorrentd\n' ./rc start
	pid=$(cat conf.pid)
	note_pid "$pid"
	same "$(ps -o args= -p "$pid")" "pkgtorrentd: parent" "the process"
	atf_check -o "inline:pkgtorrentd is running, parent $pid\n" ./rc status
}

root_case cycle "Started, reloaded, started again and stopped."
cycle_body()
{
	prepare
	atf_check -s exit:3 -o 'inline:pkgtorrentd is not running\n' ./rc status
	start
	want 404 /
	same "$(stat -c %a run)" 755 "the directory for pkgtorrentctl"
	atf_check -o 'inline:pkgtorrentd is running\n' ./rc start
	small a
	want 200 $service/single/yum/a
	echo 'deny /yum' >>conf
	atf_check ./rc reload
	wait_for 10 denied || fail "no reload"
	first=$pid
	atf_check -o match:starting ./rc restart
	pid=$(cat conf.pid)
	note_pid "$pid"
	differs "$pid" "$first" "the parent"
	is_gone "$first" || fail "the old one is still there"
	echo nonsense >>conf
	atf_check -s exit:1 -e match:nonsense ./rc restart
	atf_check -s exit:1 -e match:nonsense ./rc reload
	want 404 /
	atf_check -o 'inline:stopping pkgtorrentd\n' ./rc stop
	is_gone "$pid" || fail "it is still there"
	[ ! -e conf.pid ] || fail "its number is still there"
	atf_check -o 'inline:pkgtorrentd is not running\n' ./rc stop
	# A number that was left over by a crash, and is somebody else's now.
	sleep 60 &
	note_pid $!
	echo $! >conf.pid
	atf_check -s exit:3 -o match:'not running' ./rc status
	atf_check -o match:'not running' ./rc stop
	! is_gone $! || fail "another program was ended"
}

denied()
{
	ask $service/single/yum/a
	[ "$status" = 403 ]
}

# another NAME COMMAND ...: a service on other ports is run by that; $other is
# its parent's number.
another()
{
	mkdir -p "$1" && chmod 755 "$1"
	sed -e "s,^listen .*,listen $here/$1/socket," \
	    -e "s,^cache .*,cache $here/$1/cache," conf >"$1/conf"
	_log=$1/log
	mkdir "$1/cache"
	chown nobody "$1" "$1/cache"
	shift
	"$@" "$program" -d -f "${_log%/log}/conf" >"$_log" 2>&1 &
	other=$!
	note_pid $other
	wait_for 10 grep -q 'parent.*: ready: ' "$_log" ||
	    fail "no other service: $(cat "$_log")"
	same "$(ps -o args= -p $other)" "pkgtorrentd: parent" "the other"
}

# beside: the other service makes no difference to the script, which makes
# none to it.
beside()
{
	atf_check -s exit:3 -o match:'not running' ./rc status
	atf_check -o match:'not running' ./rc stop
	start
	differs "$pid" "$other" "the parent"
	atf_check -o match:starting ./rc restart
	pid=$(cat conf.pid)
	note_pid "$pid"
	atf_check -o match:stopping ./rc stop
	is_gone "$pid" || fail "it is still there"
	! is_gone "$other" || fail "the other service was stopped"
}

root_case of_a_user "A user's service is not taken for it." setpriv
of_a_user_body()
{
	prepare
	set -- setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups
	chmod a+x . && "$@" "$program" -V >/dev/null ||
	    atf_skip "that user cannot run the program"
	another users "$@"
	beside
	# Not even if its number is in the way.
	echo "$other" >conf.pid
	beside
}

root_case of_another_configuration "Nor is one of another configuration."
of_another_configuration_body()
{
	prepare
	another second env
	beside
}

# rotated NAME: after a reload the log goes on in a new file.
rotated()
{
	mv "$1" "$1.1"
	atf_check ./rc reload
	wait_for 10 grep -q '^20.*parent.*: reloaded' "$1" ||
	    fail "nothing in $1"
}

root_case no_syslog "Without a syslog daemon the log is a file."
no_syslog_body()
{
	prepare
	atf_check -o 'inline:starting pkgtorrentd\n' ./rc start
	note_pid "$(cat conf.pid)"
	atf_check -o match:stopping ./rc stop
	[ ! -e lines ] || fail "it is a file all the same"
	rm dev-log
	atf_check -o "inline:starting pkgtorrentd
there is no syslog daemon: the log is $here/lines\n" ./rc start
	note_pid "$(cat conf.pid)"
	want_log '^20.*parent.*: ready: ' lines
	rotated lines
	# As root's, who may read it.
	same "$(stat -c '%U %a' lines)" "root 640" "the file"
	atf_check -o match:stopping ./rc stop
	want_log ': stopped$' lines
	# A file of the administrator's.
	rm lines
	echo "log-file $here/named" >>conf
	atf_check -o 'inline:starting pkgtorrentd\n' ./rc start
	note_pid "$(cat conf.pid)"
	rotated named
	atf_check -o match:stopping ./rc stop
	[ ! -e lines ] || fail "a second log"
}
