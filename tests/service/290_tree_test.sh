#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# pkgtorrentctl warms, checks and purges trees of the mirror.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

# start_walk ['keyword argument' ...]
start_walk()
{
	service_prepare
	ctl=$(dirname "$(readlink -f "$tests/../ctl/main.c")")/pkgtorrentctl
	[ -x "$ctl" ] || atf_fail "$ctl: not built"
	service_start "control $here/ctl.sock" "$@"
}

# want_control STATUS COMMAND ...: its output is in out, complaints in err.
want_control()
{
	_status=$1
	shift
	_got=0
	"$ctl" -s ctl.sock "$@" >out 2>err || _got=$?
	[ "$_got" = "$_status" ] ||
	    fail "exit status of $*: $_got, not $_status: $(cat out err)"
}

want_out()
{
	grep -q -e "$1" "${2:-out}" || fail "no '$1' in: $(cat "${2:-out}")"
}

service_case warm "A tree is warmed, after it was counted."
warm_body()
{
	small a b
	mkdir www/yum/d www/other
	random 3000000 www/yum/d/c
	: >www/yum/empty
	settle www
	start_walk "cache-size 1M"
	want_control 0 warm /yum
	want_out '^/yum: 4 files, 2.9 MiB; they need a cache-size of 1.4 MiB'
	want_out '^/yum: 4 files: 1 were remembered, 3 hashed (2.9 MiB), 0 s'
	want_out 'warning: cache-size is too small: with less than 1.4 MiB' err
	want_log 'warmed "/yum"'
	want_control 0 warm /yum/d/ /
	want_out '^/yum/d: 1 files: 1 were remembered, 0 hashed'
	want_out '^/: 4 files: 4 were remembered, 0 hashed'
	want_control 1 warm /none /yum/a
	want_out '/none: the mirror has no such file' err
	want_out '^/yum/a: 1 files: 1 were remembered'
	for _path in yum /yum/../x //yum ''; do
		want_control 2 warm "$_path"
	done
	want_control 2 warm
}

# As a failing disk: a directory without rights.
service_case warm_failing "What cannot be read makes the exit status 1."
warm_failing_body()
{
	small a
	mkdir www/yum/secret
	chmod 0 www/yum/secret
	settle www
	start_walk
	want_control 1 warm /
	want_out ', 1 hashed .*, 1 could not be read'
	want_out '/: the log of the service has examples of' err
	want_log '^walker.*secret'
	chmod 755 www/yum/secret
}

service_case warm_stopped "A signal stops it, and another run goes on."
warm_stopped_body()
{
	small a b c
	settle www
	start_walk
	hasher=$(children hasher)
	kill -STOP "$hasher"
	"$ctl" -s ctl.sock warm /yum >first 2>first.err &
	walk=$!
	note_pid $walk
	wait_for 10 has_lines first 1 || fail "not counted"
	want_control 1 check /yum
	want_out 'a tree is being warmed or checked already' err
	kill -TERM $walk
	wait $walk && fail "it says that all went well"
	want_out 'stopped; what is done stays done' first.err
	wait_for 10 want_stopped || fail "not stopped"
	kill -CONT "$hasher"
	want_control 0 warm /yum
	want_out '^/yum: 3 files: '
}

want_stopped()
{
	grep -q 'warmed "/yum" in part' log
}

service_case check_stopped "Nor does a check go on that nobody waits for."
check_stopped_body()
{
	small a b c
	settle www
	start_walk
	want_control 0 warm /yum
	hasher=$(children hasher)
	kill -STOP "$hasher"
	"$ctl" -s ctl.sock check /yum >first 2>first.err &
	check=$!
	note_pid $check
	wait_for 10 has_lines first 1 || fail "not counted"
	kill -TERM $check
	wait $check && fail "it says that all went well"
	wait_for 10 grep -q 'checked "/yum" in part' log || fail "not stopped"
	kill -CONT "$hasher"
	want_control 0 check /yum
}

service_case warm_terminal "On a terminal there is a bar." script
warm_terminal_body()
{
	random 3000000 www/yum/large
	settle www
	start_walk
	script -qec "'$ctl' -s ctl.sock warm /yum" typescript >/dev/null ||
	    fail "it failed: $(cat typescript)"
	tr '\r' '\n' <typescript >lines
	want_out '^\[[#.]*\] [0-9]*% .* of 2.9 MiB, .*/s, .* left' lines
	want_out '^/yum: 1 files: 0 were remembered, 1 hashed' lines
}

service_case purge "What is purged is hashed again, also if it is gone."
purge_body()
{
	small a b c
	settle www
	start_walk
	want 200 /yum/torrent_service/single/yum/a
	want 200 "/yum/torrent_service/single/yum/*"
	rm www/yum/a
	want_control 0 purge /yum/a
	want_out '^/yum/a: 1 piece lists and [01] torrents removed from the '
	want_out 'cache, 2 torrents from memory'
	want_control 0 purge /yum /none
	want_out '^/yum: 2 piece lists and'
	want_out '^/none: 0 piece lists and 0 torrents removed from the cache, 0'
	want_control 2 purge yum
}

# How often the next digests are wrong.
lie()
{
	printf "\\$(printf %o "$1")" |
	    dd of=faults bs=1 seek=128 conv=notrunc status=none
}

service_case check "A hasher that lied is found out."
check_body()
{
	small a b
	random 2000000 www/yum/c
	settle www
	service_prepare
	use_faulty
	head -c 256 /dev/zero >faults
	chmod 666 faults
	start_walk
	lie 1
	want_control 0 warm /yum/c
	want 200 /yum/torrent_service/single/yum/c
	cp body wrong
	want_control 0 warm /yum
	want_control 1 check all
	want_out '^/: 3 files: 2 are as remembered (4 B), 0 skipped, 1 differed'
	want_out '/yum/c: the remembered pieces differ; purged' err
	want_log 'the remembered pieces of "/yum/c" are wrong'
	want 200 /yum/torrent_service/single/yum/c
	! cmp -s body wrong || fail "the same torrent as before"
	want_control 0 check /yum
	want_out '^/yum: 3 files: 3 are as remembered'
	# It lies when it is asked again: then nobody knows which one is right.
	lie 1
	want_control 1 check /yum/a
	want_control 0 check /yum/a
	want_out '0 are as remembered (0 B), 1 skipped, 0 differed'
}

service_case check_again "A file that is wrong again is purged again."
check_again_body()
{
	service_prepare
	ctl=$(dirname "$(readlink -f "$tests/../ctl/main.c")")/pkgtorrentctl
	"$tests/tool/msg_table" | awk '/→/ && !/^. message/ { print $2 }' >rows
	PYTHONPATH= python3 -u - <<-'END' >purged &
		import socket, struct, time

		rows = open("rows").read().split()
		RUNNING, DIFFERS, DONE = 1, 2, 3
		listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		listener.bind("ctl.sock")
		listener.listen()


		def command():
		    s = listener.accept()[0]
		    return s, struct.unpack_from("=IIQI", s.recv(9000))[3]


		def send(s, name, body):
		    s.send(struct.pack("=II", rows.index(name) + 1, len(body)) +
		           body)


		def warmed(s, state, path=b""):
		    send(s, "WARMED", struct.pack(
		        "=QIIII11Q", 0, state, 0, len(path), 0, 1, 1,
		        *[0] * 6, state == DONE, 0, 0) + path)


		warmed(command()[0], DONE)
		walk = command()[0]
		for _ in range(2):
		    warmed(walk, DIFFERS, b"/a")
		    purge, number = command()
		    # These are told before its end.
		    warmed(walk, DIFFERS, b"/a")
		    send(purge, "CONTROLLED", struct.pack("=QII6Q", 0, 2, 0,
		                                          *[0] * 6))
		    purge.close()
		    print(number)
		    time.sleep(3)
		warmed(walk, DIFFERS, b"/a/b")
		send(command()[0], "CONTROLLED",
		     struct.pack("=QII6Q", 0, 3, 0, *[0] * 6) + b"a reason")
	END
	note_pid $!
	wait_for 10 [ -S ctl.sock ] || fail "no socket"
	want_control 1 check /a
	same "$(grep -c 'differ; purged' err)" 2 "complaints"
	want_out '^pkgtorrentctl: a reason$' err
	want_out '^pkgtorrentctl: /a/b: .* differ; they could not be' err
	same "$(tr '\n' ' ' <purged)" "4 4 " "commands"
}

service_case post_rsync "The hook warms what rsync has brought." rsync flock
post_rsync_body()
{
	mkdir upstream
	random 100000 upstream/a upstream/b
	start_walk
	hook=$(dirname "$(readlink -f "$tests/../ctl/main.c")")/../etc/post-rsync
	CTL="$ctl -s ctl.sock" LOCK=$here/lock
	export CTL LOCK
	rsync -a upstream/ www/yum/ && "$hook" /yum >out 2>err ||
	    fail "$(cat out err)"
	want_out '^/yum: 2 files: 0 were remembered, 2 hashed'
	random 100000 upstream/b upstream/c
	rsync -a upstream/ www/yum/ && "$hook" /yum >out 2>err ||
	    fail "$(cat out err)"
	want_out '^/yum: 3 files: 1 were remembered, 2 hashed'
	"$hook" 2>err && fail "no usage"
	want_out '^usage: post-rsync' err
}
