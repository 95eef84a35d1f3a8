#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A torrent in memory costs its answer, and nothing of anybody else.

. "${0%/*}/../lib/lib.sh"

# The service is traced from its start on: later nobody may, its processes
# see to that.  trace.PID has the system calls of each of them.
start_traced()
{
	[ -z "$ASAN_OPTIONS$UBSAN_OPTIONS" ] ||
	    atf_skip "sanitizers make calls of their own"
	strace -D -o trace true 2>/dev/null ||
	    atf_skip "tracing is not permitted here"
	start_by "strace -D -q -f -ff -o $here/trace"
	[ "$(id -u)" != 0 ] || chmod 777 .
	service_start "$@"
}

# How much the front's peers have done.
others()
{
	for _child in $(children walker; children hasher; children cache); do
		wc -l trace."$_child"
	done
}

others_rest()
{
	_done=$(others)
	# They tell their last numbers after a second.
	sleep 1.3
	[ "$(others)" = "$_done" ]
}

answers_are()
{
	tail -n +$((before + 1)) trace."$front" >calls
	[ "$(answers)" -ge "$1" ]
}

# The last of a connection says that more follows, its end; messages to other
# processes never do.
answers()
{
	grep -c -e '^writev(' -e '^sendmsg(.*MSG_MORE' calls
}

service_case no_calls_but_its_own \
    "1,000 hot requests make no message, and nobody else does a thing." strace
no_calls_but_its_own_body()
{
	head -c 1500000 /dev/urandom >www/yum/a
	echo b >www/yum/b
	settle www/yum/*
	start_traced 'revalidate 1h' 'access-log no'
	want_post 200 /yum/a /yum/b
	want 200 $service/single/yum/a
	wait_for 10 others_rest || fail "the others never rest"
	! grep -q '^socketcall(' trace.* ||
	    atf_skip "calls have other names on this architecture"
	front=$(children front)
	before=$(wc -l <trace."$front")
	others=$(others)
	python no_calls_but_its_own "$digest"
	wait_for 10 answers_are 1008 || fail "answers are missing"
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' calls | sort | uniq -c | sort -rn
	# The numbers of all processes, and that the front is alive, are told
	# once a second.
	grep -e '^sendmsg(3, ' -e '^recvmsg(' \
	    -e '^clock_gettime(CLOCK_PROCESS_CPUTIME_ID' calls >told
	[ "$(wc -l <told)" -le 100 ] || fail "told more often: $(wc -l <told)"
	# Connections, waiting, memory: no other message, no file, no clock.
	if grep -v -x -F -f told calls | grep -v -e '^accept4(' -e '^read(' \
	    -e '^writev(' -e '^close(' -e '^sendmsg(.*MSG_MORE' \
	    -e '^epoll_' -e '^ioctl(.*FIONREAD' -e '^shutdown(' \
	    -e '^mmap(NULL' -e '^munmap(' -e '^brk(' -e '^madvise(' \
	    -e '^mremap('
	then
		fail "other calls were made"
	fi
	# Once read, once answered.
	same "$(answers)" 1008 "answers"
	same "$(others)" "$others" "what others had done before and after"
}

service_case many_hosts "What clients waited for counts, and is shared."
many_hosts_body()
{
	small $(seq 0 39)
	for n in $(seq 1000); do
		echo "udp://tracker$n.example:6969/announce"
	done >trackers
	settle www/yum/*
	service_start 'hot-size 1M' 'revalidate 1h' 'access-log no'
	python many_hosts "$pid" "$(children walker)" "$(children front)"
}
