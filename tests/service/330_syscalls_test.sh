#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Which system calls each role makes once it is locked down: those in
# syscalls.golden and no others.  The filter may allow more, for other
# machines and worse days; the calls of every day should surprise nobody.

. "${0%/*}/../lib/lib.sh"

# Everything that the service can be asked for.
ask_for_everything()
{
	want 200 $service/single/yum/a.rpm
	want 200 "$service/simple/yum/**"
	want 200 "$service/single/yum/*.rpm" -I
	want_post 200 /yum/a.rpm /yum/b.rpm /yum/none
	want 200 $service/digest/$digest
	want 412 $service/digest/$(paths_digest /yum/other)
	want 200 $service/nullfile/70000_1
	want 206 $service/nullfile/70000_1 -r 1-9
	want 200 /yum/large
	cmp www/yum/large body || fail "another file"
	want 206 /yum/large -r 5-500000
	want 304 /yum/large -H "If-None-Match: $(field ETag)"
	want 40[34] /yum/link
	want 400 /../x
	want 413 $service/digest/$digest -H 'Content-Length: 99999999' \
	    -H 'Expect: 100-continue' -d p=/yum/a.rpm
	echo changed >>www/yum/b.rpm
	want_post 200 /yum/a.rpm /yum/b.rpm
}

# Calls of each role, sorted, behind its name, and their flags: a process is
# locked down when it has its filter, and has said so in the log.
calls_made()
{
	sed -n 's/^\([a-z]*\)\[\([0-9]*\)\]: ready, layers .*/\1 \2/p' log |
	    while read -r _role _pid; do
		awk -v role="$_role" -f "$tests/service/330_syscalls.awk" \
		    "trace.$_pid"
	done | sort -u
}

service_case steady_state "Each role makes the system calls it is known for." \
    strace awk
steady_state_body()
{
	strace -qq -o probe true 2>/dev/null ||
	    atf_skip "processes cannot be traced here"
	service_prepare
	! grep -q __asan_ "$program" || atf_skip "built with sanitizers"
	mkdir -p www/yum/sub
	head -c 1100000 /dev/urandom >www/yum/a.rpm
	echo b >www/yum/b.rpm
	echo c >www/yum/sub/c.rpm
	head -c 9000000 /dev/urandom >www/yum/large
	ln -s /etc/passwd www/yum/link
	settle www/yum
	service_configure 'serve-files yes' "access-log $here/access" \
	    'revalidate 1s'
	# -D: the service is still the child of this shell.
	start_by "strace -D -qq -ff -s 64 -o $here/trace"
	service_run
	ask_for_everything
	service_reload
	service_count torrents >/dev/null
	want_pieces /yum/a.rpm /yum/b.rpm
	packs age 3 /yum/b.rpm
	packs flip /yum/a.rpm
	find cache -type f -exec touch -d '3 days ago' {} +
	# No longer in memory: to be read from the disk.
	sync www/yum/large
	dd if=www/yum/large iflag=nocache count=0 2>/dev/null
	service_restart
	want 200 $service/single/yum/large
	ask_for_everything
	service_stop

	calls_made >made
	for role in front walker hasher cache tracker; do
		grep -q "^$role recvmsg" made || fail "no trace of the $role"
	done
	sed -n 's/^flags: //p' "$tests/data/syscalls.golden" >golden
	grep ' .* ' made | while read -r role call; do
		grep -q -x -F -e "$role $call" -e "all $call" golden ||
		    echo "$role $call"
	done >other
	[ ! -s other ] ||
	    fail "flags that are not in syscalls.golden: $(cat other)"
	grep -v -e '^#' -e '^flags' "$tests/data/syscalls.golden" |
	    while read -r role calls; do
		[ "$role" != all: ] || role="front: walker: hasher: cache: \
		    tracker:"
		for each in $role; do
			for call in $calls; do
				echo "${each%:} $call"
			done
		done
	done | sort -u >golden
	grep -v ' .* ' made >calls
	if comm -23 calls golden | grep .; then
		fail "system calls that are not in syscalls.golden"
	fi
	echo "not made this time:"
	comm -13 calls golden
}
