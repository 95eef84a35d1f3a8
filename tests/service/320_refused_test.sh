#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A kernel without a system call, a unit or a container that stops it: the
# service names the call and does not start, or all of it works.

. "${0%/*}/../lib/lib.sh"

service_timeout=120

# golden KIND: the calls of refused.golden.
golden()
{
	sed -n "s/^$1: //p" "$tests/data/refused.golden"
}

# Every call that some role, or the way into it, makes.
all_calls()
{
	{
		"$refused" -l | awk '{ print $2 }'
		golden start
	} | tr -s ' ' '\n' | sort -u >all
	golden never >never
	# Those of this machine.
	grep -v -x -F -f never all | while read -r call; do
		! "$refused" -k "$call" || echo "$call"
	done
}

# refuse PART/PARTS
refuse()
{
	service_prepare
	! grep -q __asan_ "$program" || atf_skip "built with sanitizers"
	refused=$(atf_get_srcdir)/refused
	"$refused" getpid EPERM /bin/true || atf_skip "no filters here"
	random 70001 www/yum/a www/yum/b
	chmod -R a+rX .
	settle www/yum
	all_calls >calls
	run_python 320_refused.py "$program" "$refused" \
	    "$tests/data/refused.golden" "$1" <calls
}

for n in 1 2 3 4; do
	service_case user$n "A call is refused to a service of a user." awk
	root_case root$n "A call is refused to a service of root." awk
	eval "user${n}_body() { refuse $n/4; }
	root${n}_body() { refuse $n/4; }"
done

# As systemd does it unless SystemCallErrorNumber= is set.
service_case killed "A child that a filter ends without a word is named."
killed_body()
{
	service_configure
	refused=$(atf_get_srcdir)/refused
	"$refused" getpid EPERM /bin/true || atf_skip "no filters here"
	why='signal 31 (Bad system call) without a word of its own: a filter'
	"$refused" accept4 KILL "$program" -d -f conf >log 2>&1
	same $? 1 "exit status"
	want_log "^parent.*front [0-9]* ended before it was ready: $why"
	! grep ': ready: ' log || fail "it was ready"
	"$refused" getdents64 KILL "$program" -n -f conf >log 2>&1
	same $? 1 "exit status of -n"
	for role in walker cache; do
		want_log "^$role ended before it was ready: $why"
	done
	same "$(wc -l <log)" 2 "lines of -n"
	for call in exit_group setsid; do
		# Of the former it dies itself in the end.
		"$refused" $call KILL "$program" -n -f conf >log 2>&1 &&
		    fail "it checks without $call"
		want_log "^parent: $call: Operation not permitted: a filter"
	done
}

service_case all_are_known "The start makes no call that is not in the list." \
    strace awk
all_are_known_body()
{
	strace -qq -o probe true 2>/dev/null ||
	    atf_skip "processes cannot be traced here"
	refused=$(atf_get_srcdir)/refused
	service_configure "access-log $here/access"
	! grep -q __asan_ "$program" || atf_skip "built with sanitizers"
	start_by "strace -D -qq -ff -s 64 -o $here/trace"
	service_run
	service_stop
	sed -n 's/^\([a-z_0-9]*\)(.*/\1/p' trace.* | sort -u >made
	grep -q openat2 made || fail "no trace of the walker"
	{
		golden start
		golden never
		"$refused" -l | awk '{ print $2 }'
	} | tr -s ' ' '\n' | sort -u >known
	if comm -23 made known | grep .; then
		fail "system calls that are not in refused.golden"
	fi
}
