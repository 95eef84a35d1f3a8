#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The processes of the running service are as the README says, and one that
# breaks the rules is ended.

. "${0%/*}/../lib/lib.sh"

none=0000000000000000

title()
{
	tr '\0' ' ' <"/proc/$1/cmdline" | sed 's/^pkgtorrentd: //; s/ *$//'
}

# has PID KEY VALUE: in /proc/PID/status, blanks made one; a pattern.
has()
{
	_is=$(sed -n "s/^$2:[[:blank:]]*//p" "/proc/$1/status" |
	    tr -s '[:blank:]' ' ' | sed 's/ $//')
	case $_is in
	$3) ;;
	*) fail "$2 of the $(title "$1") is '$_is', not '$3'" ;;
	esac
}

# limited PID NAME: to nothing.
limited()
{
	grep -q "^$2  *0  *0 " "/proc/$1/limits" ||
	    fail "$(title "$1"): $(grep "^$2" "/proc/$1/limits")"
}

# Of every child, started by root or not.
check_child()
{
	for _caps in CapInh CapPrm CapEff CapAmb; do
		has "$1" $_caps $none
	done
	has "$1" NoNewPrivs 1
	has "$1" Seccomp 2
	limited "$1" 'Max processes'
	limited "$1" 'Max core file size'
	case $(title "$1") in
	walker*|hasher*) limited "$1" 'Max file size' ;;
	esac
}

# check_user PID GROUPS [USER]
check_user()
{
	_uid=$(id -u "${3:-nobody}")
	_gid=$(id -g "${3:-nobody}")
	has "$1" Uid "$_uid $_uid $_uid $_uid"
	has "$1" Gid "$_gid $_gid $_gid $_gid"
	has "$1" Groups "$2"
	has "$1" CapBnd $none
}

# holds PID: descriptors but /dev/null in its place, and sockets.
holds()
{
	for _fd in "/proc/$1/fd/"*; do
		_what=$(readlink "$_fd")
		case ${_fd##*/}:$_what in
		[012]:/dev/null|*:socket:\[*) ;;
		*) echo "$_what" ;;
		esac
	done
}

# sees PID DIRECTORY: as its root; without one, nothing.
sees()
{
	if [ -z "$2" ]; then
		same "$(ls -A "/proc/$1/root/")" "" \
		    "what the $(title "$1") sees"
		! mkdir "/proc/$1/root/x" 2>/dev/null ||
		    fail "$(title "$1"): a file can be made in its root"
	else
		same "$(stat -L -c %d:%i "/proc/$1/root")" \
		    "$(stat -Lc %d:%i "$2")" "root of the $(title "$1")"
	fi
}

root_case as_root "Started by root, each process has what the README says."
as_root_body()
{
	mkdir disk
	service_start "root $here/www" "root /disk $here/disk" 'hashers 2'
	readlink /proc/$pid/root >/dev/null ||
	    atf_skip "this root may not look into processes"
	! grep -q __asan_ "$program" ||
	    atf_skip "sanitizers keep standard error"
	gid=$(id -g nobody)
	for child in $(children); do
		check_child $child
	done

	front=$(children front)
	check_user $front "$gid"
	sees $front ''
	# Its loop, and the descriptor that wakes the loop.
	same "$(holds $front | grep -v '^anon_inode:\[event\|^pipe:')" "" \
	    "what the front holds"
	for hasher in $(children 'hasher'); do
		check_user $hasher "$gid"
		sees $hasher ''
		same "$(holds $hasher)" "" "what a hasher holds"
	done

	tracker=$(children tracker)
	check_user $tracker "$gid"
	sees $tracker ''
	same "$(holds $tracker)" "" "what the tracker holds"

	walker=$(children 'walker$')
	check_user $walker "$(id -G nobody)"
	sees $walker www
	same "$(holds $walker)" "$(readlink -f www)" "what the walker holds"
	walker=$(children 'walker /disk')
	sees $walker disk
	same "$(holds $walker)" "$here/disk" "what the other holds"

	cache=$(children cache)
	check_user $cache "$(id -G nobody)"
	sees $cache cache
	# With its lock.
	same "$(holds $cache | sort)" "$here/cache
$here/cache/pieces" "what the cache holds"
}

# signal USER PID
signal()
{
	setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups \
	    sh -c 'kill -0 "$1"' sh "$2" 2>/dev/null
}

# may_not_signal USER PID ...
may_not_signal()
{
	_who=$1
	shift
	for _victim; do
		! signal "$_who" "$_victim" ||
		    fail "$_who may signal the $(title "$_victim")"
	done
}

root_case own_users "Front and hashers have users of their own, as in the \
example." setpriv
own_users_body()
{
	small a b
	settle www/yum
	mkdir www/yum/closed
	echo c >www/yum/closed/c
	service_prepare
	chgrp "$(id -g nobody)" www/yum/closed
	chmod 750 www/yum/closed
	service_start "user front daemon" "user hasher bin" \
	    "listen 127.0.0.1:$port" "listen $here/socket"
	front=$(children front)
	hasher=$(children hasher)
	walker=$(children walker)
	cache=$(children cache)
	check_user $front "$(id -g daemon)" daemon
	check_user $hasher "$(id -g bin)" bin
	check_user $walker "$(id -G nobody)"
	check_user $cache "$(id -G nobody)"
	signal daemon $front || fail "the test cannot signal"
	signal nobody $cache || fail "walker and cache have not the same user"
	may_not_signal daemon $hasher $walker $cache $pid
	may_not_signal bin $front $walker $cache $pid
	may_not_signal nobody $front $hasher $pid
	same "$(stat -c '%U %g %a' socket)" "root $(id -g daemon) 660" \
	    "the socket"
	# The hasher needs no right to a file that the walker has opened.
	want 200 $service/single/yum/closed/c
	want_torrent form
	want_post 200 /yum/a /yum/b
	want 404 / --unix-socket socket
	wait_for 5 test -e cache/info/$digest || fail "nothing is stored"
	same "$(stat -c %U cache/info/$digest)" nobody "owner of an entry"
	for child in $front $hasher $walker $cache; do
		kill -KILL $child
		wait_for 10 is_gone $child || fail "$child is still there"
		wait_for 10 all_serve || fail "not back"
	done
	service_reload "user front daemon" "user hasher bin" 'hashers 2'
	wait_for 10 have_children 2 hasher || fail "no second hasher"
	service_reload "user front daemon" "user hasher bin"
	wait_for 10 have_children 1 hasher || fail "it does not end"
	service_reload "user front bin" "user hasher bin"
	want_log 'user: a change needs a restart, the old one stays'
	check_user "$(children front)" "$(id -g daemon)" daemon
}

all_serve()
{
	[ "$(children | wc -l)" = 5 ] &&
	    curl -sf --max-time 5 -o body "$url$service/digest/$digest"
}

root_case as_shipped "The example works with the users that sysusers.d makes." \
    systemd-sysusers unshare mount
as_shipped_body()
{
	mkdir -p root/etc
	cp /etc/passwd /etc/group root/etc
	atf_check -o ignore -e ignore systemd-sysusers --root="$here/root" \
	    "$(cd "$tests/../etc" && pwd)/pkgtorrentd.sysusers"
	echo a >www/yum/a
	service_prepare
	{
		cat "$tests/../etc/pkgtorrentd.conf"
		echo "root $here/www"
		echo "listen 127.0.0.1:$port"
		echo "cache $here/cache"
		echo "trackers $here/trackers"
	} >conf
	chown "$(shipped _pkgtorrent)" cache
	cat >inside <<-END
		#! /bin/sh
		mount --bind root/etc/passwd /etc/passwd &&
		    mount --bind root/etc/group /etc/group && exec "\$@"
	END
	chmod +x inside
	start_by "unshare -m $here/inside"
	service_run
	runs_as "$(shipped _pkgtorrent-front)" front
	runs_as "$(shipped _pkgtorrent-hasher)" hasher
	runs_as "$(shipped _pkgtorrent-tracker)" tracker
	runs_as "$(shipped _pkgtorrent)" walker cache
	want 200 $service/single/yum/a
	want_torrent form
}

# shipped NAME: the number of a user in root/etc.
shipped()
{
	awk -F : -v name="$1" '$1 == name { print $3 }' root/etc/passwd
}

# runs_as UID ROLE ...
runs_as()
{
	_uid=$1
	shift
	for _role; do
		[ -n "$(children $_role)" ] || fail "no $_role"
		for _child in $(children $_role); do
			has "$_child" Uid "$_uid $_uid $_uid $_uid"
		done
	done
}

root_case unknown_user "A user that does not exist is named, with its role."
unknown_user_body()
{
	service_configure "user hasher no-such-user"
	for option in -n -d; do
		atf_check -s exit:1 -e "inline:$here/conf: user hasher \
\"no-such-user\": no such user; make it, or set user to one that exists\n" \
		    "$program" $option -f conf
	done
	# All are nobody's, who is there.
	atf_check "$program" -n -f conf -o 'user nobody'
}

root_case the_parent "The parent keeps six capabilities, and no file of a \
mirror."
the_parent_body()
{
	service_start
	# SETUID SETGID SETPCAP SYS_CHROOT KILL NET_BIND_SERVICE, of those
	# that this container has at all.
	ours=$(sed -n 's/^CapEff:[[:blank:]]*//p' /proc/self/status)
	kept=$(printf %016x $((0x405e0 & 0x$ours)))
	for caps in CapPrm CapEff CapBnd; do
		has $pid $caps $kept
	done
	has $pid CapAmb $none
	has $pid CapInh $none
	has $pid NoNewPrivs 1
	has $pid Uid "0 0 0 0"
	limited $pid 'Max core file size'
	for fd in /proc/$pid/fd/*; do
		case $(readlink $fd) in
		"$here"/www*|"$here"/cache*)
			fail "the parent holds $(readlink $fd)" ;;
		esac
	done
}

service_case as_user "Started by a user, children can do as little."
as_user_body()
{
	service_start
	[ "$(id -u)" != 0 ] || atf_skip "this is root"
	for child in $(children); do
		check_child $child
		has $child Uid "$(id -u) *"
	done
	has $pid NoNewPrivs 1
	has $pid CapEff $none
	want_log 'started by an ordinary user: without chroot'
}

# refuses WHY: it does not start, and says why, with a remedy.
refuses()
{
	service_configure
	: >log
	"$program" -d -f conf >>log 2>&1 &
	pid=$!
	note_pid $pid
	wait_for 10 is_gone $pid || fail "it goes on"
	wait $pid
	same $? 1 "exit status"
	want_log "walker.*: sandbox: user nobody $1 $here/www: give it to \
another user, or set \"sandbox best-effort\""
}

root_case writable_root "A walker's root that its user could write is \
refused, or warned of."
writable_root_body()
{
	service_prepare
	chown nobody www
	chmod 555 www
	refuses owns
	chmod 755 www
	refuses owns
	chown root www
	chmod 777 www
	refuses 'may write to'
	service_start 'sandbox best-effort'
	want_log "walker.*: sandbox: the walker's user may write to $here/www"
	want 404 /
}

root_case writable_by_the_others "What counts is the user of the walker."
writable_by_the_others_body()
{
	service_prepare
	chown daemon www
	service_start 'user front daemon' 'user hasher daemon'
	want 404 /
	service_stop
	service_configure 'user walker daemon'
	atf_check -s exit:1 -e match:"user daemon owns $here/www" \
	    "$program" -n -f conf
}

service_case writable_root_of_a_user "One who tries it out is warned only."
writable_root_of_a_user_body()
{
	[ "$(id -u)" != 0 ] || atf_skip "this is root"
	service_start
	want_log "walker.*: sandbox: the walker's user may write to $here/www"
}

# The service with a child that breaks the rules, once it finds the file.
rogue_start()
{
	head -c 100000 /dev/urandom >www/yum/a.rpm
	cp "$(atf_get_srcdir)/rogue_child" . ||
	    atf_skip "rogue_child is not built"
	PKGTORRENTD=$here/rogue_child
	service_start
}

# rogue ROLE WHAT: from its next start on.
rogue()
{
	echo "$2" >"$1.rogue"
	kill -KILL "$(children "$1")"
}

# The same parent, and right answers.
goes_on()
{
	wait_for 10 have_children 5 || fail "not all children are there"
	want 200 $service/single/yum/a.rpm
	want_torrent form
	! is_gone $pid || fail "the service has ended"
}

service_case wrong_to_the_parent \
    "Who sends the parent a wrong message is ended, and the service goes on."
wrong_to_the_parent_body()
{
	rogue_start
	for role in walker hasher cache tracker front; do
		rogue $role parent
		want_log "parent.*: $role [0-9]* sent the parent a wrong KEY (not to be sent by it), killed"
		goes_on
	done
	kill -USR1 $pid
	want_log 'parent.*: status: .* 5 wrong messages '
}

service_case wrong_to_a_peer \
    "Who sends a peer a wrong message is ended, and the service goes on."
wrong_to_a_peer_body()
{
	rogue_start
	for role in walker hasher cache tracker; do
		rogue $role peer
		want_log "parent.*: $role [0-9]* sent the front a wrong KEY (not to be sent by it), killed"
		goes_on
	done
	rogue front peer
	want_log "parent.*: front [0-9]* sent the [whct][a-z]* a wrong KEY (not to be sent by it), killed"
	goes_on
}

service_case wrong_seals "Who seals wrongly is ended, with all others."
wrong_seals_body()
{
	rogue_start
	for child in "walker hasher HASH" "hasher cache PUT_PIECES"; do
		set -- $child
		random 100000 "www/yum/$1"
		settle "www/yum/$1"
		old=$(children $1)
		rogue $1 seals
		curl -s --max-time 20 -o /dev/null "$url$service/single/yum/$1"
		# The receiver cannot know that the front only carried it.
		want_log "parent.*: front [0-9]* sent the $2 a wrong $3 (seal)"
		goes_on
		differs "$(children $1)" "$old" "the $1"
		want 200 $service/single/yum/$1
	done
}

# The digest of the keys of the cache at work.
keys()
{
	sed -n "s/.*cache\[$(children cache)\]: keys //p" log
}

has_keys()
{
	_cache=$(children cache)
	[ -n "$_cache" ] && [ "$_cache" != "$1" ] && [ -n "$(keys)" ]
}

# keys_after PID: of the cache that follows this one.
keys_after()
{
	wait_for 20 has_keys "$1" || fail "no other cache with keys"
	keys
}

service_case new_keys "A new front finds new keys, a new cache the same ones."
new_keys_body()
{
	rogue_start
	cache=$(children cache)
	rogue cache keys
	first=$(keys_after $cache)
	cache=$(children cache)
	kill -KILL $cache
	same "$(keys_after $cache)" "$first" "keys of another cache"
	cache=$(children cache)
	kill -KILL "$(children front)"
	differs "$(keys_after $cache)" "$first" "keys of another front"
}

service_case forbidden_call \
    "A system call that is not allowed ends its process and is named."
forbidden_call_body()
{
	rogue_start
	for role in walker hasher cache tracker front; do
		rogue $role call
		want_log "parent.*: $role [0-9]* was stopped at system call [0-9]* (socket)"
		goes_on
	done
}

service_case forbidden_calls \
    "More than five of them in a minute end the service, loudly."
forbidden_calls_body()
{
	rogue_start
	rogue hasher calls
	wait_for 30 is_gone $pid || fail "it goes on"
	wait $pid
	same $? 1 "exit status"
	same "$(grep -c 'was stopped at system call' log)" 6 "calls"
	want_log 'parent.*: system call [0-9]* (socket) of the hasher was stopped by its filter, the last of more than 5 in a minute: this system needs another filter'
}

service_case release "The programs have nothing in them that is for tests."
release_body()
{
	service_prepare
	for file in "$program" "$tests"/../hasher/pkgtorrent-hasher
	do
		! grep -q __asan_ "$file" || atf_skip "built with sanitizers"
		strip -o stripped "$file" || atf_skip "no strip"
		# The one path in it may be any.
		if strings stripped | grep -v /pkgtorrent-hasher |
		    grep -i 'probe\|rogue\|fuzz\|tests/'; then
			atf_fail "in $file"
		fi
	done
}
