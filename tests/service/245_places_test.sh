#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Files that root makes, opens or removes where another user may write too.

. "${0%/*}/../lib/lib.sh"

needs_strace()
{
	strace -qq -o probe true 2>/dev/null ||
	    atf_skip "processes cannot be traced here"
}

# as_daemon COMMAND ...: by a user who has nothing to do with the service.
as_daemon()
{
	setpriv --reuid daemon --regid "$(id -g daemon)" --clear-groups "$@"
}

# A directory of that user, in which root has one too.
make_place()
{
	needs_strace
	service_prepare
	mkdir -p place victim place/full
	touch place/full/file
	chown daemon place
	chmod 755 . place
	as_daemon test -w "$here/place" ||
	    atf_skip "that user cannot come here"
}

# swap SUBSTITUTE: as soon as the cache is there, something else is.
swap()
{
	cat >swapper <<-END
		until [ -e place/cache ]; do sleep 0.01; done
		mv -T place/cache place/made && $1 && touch place/swapped
	END
	as_daemon sh swapper &
	note_pid $!
}

# want_swap_refused: the start ends, and gives nothing away.
want_swap_refused()
{
	timeout 40 strace -qq -f -o trace -e trace=mkdir,mkdirat \
	    -e inject=mkdir,mkdirat:delay_exit=5000000 \
	    "$program" -d -f conf >log 2>&1
	same $? 1 "exit status"
	[ -e place/swapped ] || fail "the other user was too late"
	want_log 'cache .*place/cache: something else was put in the place'
	for file in victim place/made "$@"; do
		same "$(stat -c %U "$file")" root "owner of $file"
	done
}

root_case cache_to_link "A cache that is made is not given away as a link." \
    strace setpriv
cache_to_link_body()
{
	make_place
	service_configure "cache $here/place/cache"
	swap "ln -s '$here/victim' place/cache"
	want_swap_refused
}

root_case cache_to_directory "Nor as another directory of root." \
    strace setpriv
cache_to_directory_body()
{
	make_place
	service_configure "cache $here/place/cache"
	swap "mv -T place/full place/cache"
	want_swap_refused place/cache place/cache/file
}

root_case cache_made "A cache that is missing is made, for its user."
cache_made_body()
{
	small a b
	settle www/yum
	service_start "cache $here/new"
	same "$(stat -c '%U %G %a' new)" "nobody $(id -gn nobody) 755" "it"
	want_post 200 /yum/a /yum/b
	wait_for 5 test -e new/info/$digest || fail "nothing is stored"
}

root_case empty_directory "An empty root directory is no other one." \
    strace setpriv unshare mount
empty_directory_body()
{
	make_place
	strace -qq -o probe -e trace=mkdir true 2>/dev/null ||
	    atf_skip "this machine has no mkdir(2)"
	service_configure
	chmod 700 victim
	# All may write in /run, where that user waits for a directory.
	cat >swapper <<-END
		until set -- /run/pkgtorrentd.*; [ -e "\$1" ]; do sleep 0.01; done
		mv -T "\$1" /run/made && ln -s "$here/victim" "\$1" &&
		    touch place/swapped
	END
	cat >inside <<-END
		#! /bin/sh
		mount -t tmpfs -o mode=777 none /run || exit 1
		setpriv --reuid daemon --regid "$(id -g daemon)" --clear-groups sh swapper &
		exec strace -D -f -qq -o $here/trace -e trace=mkdir \
		    -e inject=mkdir:delay_exit=3000000 "\$@"
	END
	chmod +x inside
	start_by "unshare -m $here/inside"
	service_run
	[ -e place/swapped ] || fail "the other user was too late"
	same "$(stat -c '%U %a' victim)" "root 700" "the other directory"
	want 404 /
}

service_case access_log "The access log is no other file's link or name."
access_log_body()
{
	echo untouched >victim
	service_configure "access-log $here/access"
	ln -s victim access
	want_complaint 'access: not a regular file' "$program" -d -f conf
	ln -f victim access
	want_complaint 'access: the file has other names' \
	    "$program" -d -f conf
	rm access
	service_run
	want 404 /
	want_log 'GET / ' access
	ln -f victim access
	kill -HUP $pid
	want_log 'access: the file has other names'
	want_log 'the old configuration stays'
	want 404 /
	same "$(cat victim)" untouched "the other file"
}

service_case log_file "Nor is the log."
log_file_body()
{
	echo untouched >victim
	service_configure "log-file $here/lines" "pid-file $here/pid"
	ln -s victim lines
	want_complaint 'lines: not a regular file' "$program" -f conf
	ln -f victim lines
	want_complaint 'lines: the file has other names' "$program" -f conf
	rm lines
	atf_check "$program" -f conf
	pid=$(cat pid)
	note_pid $pid
	mv lines lines.1
	ln victim lines
	kill -HUP $pid
	want_log 'lines: the file has other names' lines.1
	want_log 'the old configuration stays' lines.1
	want 404 /
	same "$(cat victim)" untouched "the other file"
}

service_case pid_file "Nor is the pid file."
pid_file_body()
{
	echo untouched >victim
	service_configure "pid-file $here/pid"
	ln -s victim pid
	want_no_pid_file 'pid-file .*/pid: not a regular file'
	ln -f victim pid
	want_no_pid_file 'pid-file .*/pid: the file has other names'
	same "$(cat victim)" untouched "the other file"
	[ -e pid ] || fail "the file has gone"
	rm pid
	mkfifo pid
	want_no_pid_file 'pid-file .*/pid: not a regular file'
}

root_case pid_directory "Nor is it in a directory of another user."
pid_directory_body()
{
	mkdir place
	chown nobody place
	service_configure "pid-file $here/place/pid"
	want_no_pid_file 'pid-file .*/place/pid: Permission denied'
	# Root's capabilities for files are gone when it is written.
	echo stale >place/pid
	chown nobody place/pid
	want_no_pid_file 'pid-file .*/place/pid: Permission denied'
	same "$(cat place/pid)" stale "the file"
}

# want_no_pid_file PATTERN: nothing is started, in the background either.
want_no_pid_file()
{
	for _option in -n -d; do
		want_complaint "^$1" "$program" $_option -f conf
	done
	"$program" -f conf >out 2>&1
	same $? 1 "exit status"
	grep -q -e "^$1" out || fail "no '$1' in: $(cat out)"
}

service_case pid_file_full "In the background too the reason is seen." strace
pid_file_full_body()
{
	needs_strace
	service_configure "pid-file $here/pid"
	strace -D -f -qq -o trace -e trace=ftruncate \
	    -e inject=ftruncate:error=ENOSPC "$program" -f conf >out 2>&1
	same $? 1 "exit status"
	grep -q 'parent: pid-file .*/pid: No space left' out ||
	    fail "no reason in: $(cat out)"
}

service_case socket_in_use "A socket file that is in use stays." strace
socket_in_use_body()
{
	needs_strace
	mkdir one two
	ln -s one d
	service_prepare
	service_configure "listen $here/d/socket"
	python3 -c '
import socket, time
socket.socket(socket.AF_UNIX).bind("two/socket")
s = socket.socket(socket.AF_UNIX)
s.bind("one/socket")
s.listen()
time.sleep(60)' &
	note_pid $!
	wait_for 5 test -S one/socket || fail "no socket"
	strace -qq -o trace -e trace=connect \
	    -e inject=connect:delay_enter=3000000 \
	    "$program" -d -f conf >log 2>&1 &
	note_pid $!
	# It has looked at the one that is in use, and asks if it is.
	wait_for 10 grep -q '^connect' trace || fail "it does not ask"
	ln -sfT two d
	wait_for 20 grep -q 'd/socket: ' log || fail "it says nothing"
	grep 'd/socket: Address already in use' log ||
	    fail "it asked the other one"
	[ -S one/socket ] && [ -S two/socket ] || fail "a file has gone"
}

service_case socket_of_another "A socket file of another service stays." \
    strace
socket_of_another_body()
{
	needs_strace
	mkdir one two
	ln -s one d
	service_prepare
	service_configure "listen 127.0.0.1:$port" "listen $here/d/socket"
	python3 -c '
import socket
socket.socket(socket.AF_UNIX).bind("two/socket")'
	start_by "strace -D -qq -o $here/trace -e trace=unlink,unlinkat -e inject=unlink,unlinkat:delay_enter=3000000"
	service_run
	[ -S one/socket ] || fail "no socket"
	kill -TERM $pid
	# It has looked at its own file, and is about to remove it.
	wait_for 10 grep -q '^unlink' trace || fail "it removes nothing"
	ln -sfT two d
	wait_for 20 is_gone $pid || fail "it does not stop"
	[ -S two/socket ] || fail "the file of another service has gone"
	[ ! -e one/socket ] || fail "its own file is still there"
}
