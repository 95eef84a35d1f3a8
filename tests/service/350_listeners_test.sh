#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Parent and front have the same listening sockets.  A front that was broken
# into connects nowhere, and whatever it does to them ends with it.

. "${0%/*}/../lib/lib.sh"

service_timeout=120

# The service with a child that breaks the rules, once it finds the file.
rogue_start()
{
	service_prepare
	small a
	cp "$(atf_get_srcdir)/rogue_child" . ||
	    atf_skip "rogue_child is not built"
	program=$here/rogue_child
	service_start "$@"
}

# rogue PLAN: of the next front, which has carried it out, or ended.
rogue()
{
	echo "$1" >front.rogue
	_before=$(grep -c "$2" log)
	kill -KILL "$(children front)"
	wait_for 10 more_lines "$_before" "$2" || fail "$1: not in the log: $2"
}

# A server that is no business of the front: each connection is a line in
# the file "reached".
start_goal()
{
	goal=$(free_port)
	: >reached
	python3 -c '
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
while True:
    c, address = s.accept()
    print(address, flush=True)' $goal >reached &
	note_pid $!
	wait_for 10 answers_at $goal || fail "no server"
	wait_for 10 has_lines reached 1 || fail "it counts nothing"
	: >reached
}

answers_at()
{
	python3 -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$1" 2>/dev/null
}

# The same parent, at the same place.
serves()
{
	wait_for 10 have_children 5 || fail "not all children are there"
	want 200 $service/single/yum/a "$@"
	! is_gone $pid || fail "the service has ended"
}

service_case stopped "What a front can do with a listening socket."
stopped_body()
{
	start_goal
	rogue_start
	# Each plan, and what becomes of the front.
	while read -r plan outcome; do
		rogue "$(echo "$plan" | tr _ ' ')" "$outcome"
		serves
	done <<-END
		shutdown was stopped at system call [0-9]* (shutdown)
		connect_$goal was stopped at system call [0-9]* (shutdown)
	END
	! grep 'did not listen any more' log || fail "it could shut it down"
	[ ! -s reached ] || fail "it could connect"
}

service_case revived "What a front does to a socket ends with that front."
revived_body()
{
	start_goal
	service_prepare
	rogue_start "listen 127.0.0.1:$port" "listen $here/socket"
	# No filter stops these: TCP sockets listen again, a Unix socket is
	# made again, since it cannot.
	for plan in "open shutdown" "open connect $goal"; do
		stat -c '%i %z' socket >before
		rogue "$plan" 'the listening sockets are ruined'
		! answers_at $port || fail "it listens in spite of that"
		kill -KILL "$(children front)"
		for text in "127.0.0.1:$port" "$here/socket"; do
			want_log "$text did not listen any more: the front"
		done
		serves
		serves --unix-socket socket
		stat -c '%i %z' socket >after
		! cmp -s before after || fail "the same Unix socket"
	done
	# So the attack is one, where the kernel knows it.
	[ $(($(cat /proc/sys/net/ipv4/tcp_fastopen) & 1)) = 0 ] ||
	    wait_for 5 has_lines reached 1 || fail "it did not connect"
	service_stop
	[ ! -e socket ] || fail "the socket's file is left"
}

service_case reload "A reload ends the front that did it."
reload_body()
{
	rogue_start
	rogue "open shutdown" 'the listening sockets are ruined'
	! answers_at $port || fail "it listens in spite of that"
	front=$(children front)
	service_reload "deny /yum/b"
	want_log "127.0.0.1:$port did not listen any more: the front"
	wait_for 10 is_gone $front || fail "that front goes on"
	wait_for 10 have_children 5 || fail "not all children are there"
	want 200 $service/single/yum/a
	want 403 $service/single/yum/b
	service_stop
}

# held FAMILY ADDRESS: the service with a socket that is handed over, and that
# another process still has, which shuts it down for each line in "ruin".
held()
{
	mkfifo ruin
	cat >held <<-END
		#!$(command -v python3)
		import os, socket, sys
		s = socket.socket(socket.$1)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind($2)
		s.listen()
		if s.family == socket.AF_INET:
		    with open("$here/address", "w") as f:
		        print(s.getsockname()[1], file=f)
		if os.fork() == 0:
		    if os.fork() == 0:
		        with open("$here/holder", "w") as f:
		            print(os.getpid(), file=f)
		        while open("$here/ruin").read():
		            s.shutdown(socket.SHUT_RDWR)
		    os._exit(0)
		os.wait()
		os.dup2(s.fileno(), 3)
		os.set_inheritable(3, True)
		os.environ["LISTEN_FDS"] = "1"
		os.environ["LISTEN_PID"] = str(os.getpid())
		os.execv("$program", ["$program"] + sys.argv[1:])
	END
	chmod 755 held
	program=$here/held
	service_start
	wait_for 5 test -s holder || fail "nobody holds it"
	note_pid "$(cat holder)"
}

service_case activated "A socket that was handed over listens again."
activated_body()
{
	small a
	service_prepare
	held AF_INET "('127.0.0.1', $port)"
	serves
	for n in 1 2; do
		echo x >ruin
		wait_for 10 more_lines $((n - 1)) 'LISTEN_FDS 3 did not listen any more' ||
		    fail "nobody has noticed"
		# The front has ended itself: that socket would wake it for ever.
		want_log 'front.*: a listening socket does not listen any more (accept: Invalid argument)'
		serves
	done
	service_stop
}

is_refused()
{
	! curl -s -o answer --unix-socket socket "$url/"
}

service_case lost "A socket that cannot listen again ends the service."
lost_body()
{
	small a
	service_prepare
	held AF_UNIX "'$here/socket'"
	serves --unix-socket socket
	echo x >ruin
	wait_for 10 is_refused || fail "it listens in spite of that"
	# Of a Unix socket the kernel does not tell the front.
	kill -HUP $pid
	wait_for 10 is_gone $pid || fail "it goes on"
	wait $pid
	same $? 1 "exit status"
	want_log 'parent.*: LISTEN_FDS 3 cannot be made to listen again (.*): restart the .socket unit'
}

service_case lost_port "A port that was given by the kernel is lost, too."
lost_port_body()
{
	small a
	service_prepare
	held AF_INET "('127.0.0.1', 0)"
	port=$(cat address)
	url=http://127.0.0.1:$port
	serves
	echo x >ruin
	wait_for 10 is_gone $pid || fail "it goes on"
	wait $pid
	same $? 1 "exit status"
	want_log 'parent.*: LISTEN_FDS 3 cannot be made to listen again (.*): restart the .socket unit'
}
