#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# -n: every process of the service is started once, as it is to work, and a
# service that runs already notices nothing.

. "${0%/*}/../lib/lib.sh"

# want_end PATTERN COMMAND ...: the same, and no process is left soon.
want_end()
{
	want_complaint "$@"
	wait_for 5 session_is_gone || fail "a process is left"
}

root_case roots "A root that the walker may write, or cannot enter, is named."
roots_body()
{
	service_prepare
	mkdir -p second/yum
	service_configure "root $here/www" "root /far $here/second"
	set -- "$program" -n -f conf
	atf_check "$@"
	chmod 777 second
	want_end "^walker /far: sandbox: .* may write to $here/second" \
	    "$@"
	chmod 755 second
	chown nobody second
	want_end "^walker /far: sandbox: .* owns $here/second" "$@"
	atf_check "$@" -o 'sandbox best-effort'
	chown 0 second
	chmod 700 www
	want_end "^walker: sandbox: $here/www: Permission denied" "$@"
	chmod 755 www
	atf_check "$@"
	# The user is not let in on the way.
	mkdir -p locked/www
	chmod 700 locked
	want_end '^walker: .*Permission denied' "$@" \
	    -o "root $here/locked/www"
}

service_case refused_call "A call that is refused is named, with its role." \
    setsid
refused_call_body()
{
	service_configure
	! grep -q __asan_ "$program" || atf_skip "built with sanitizers"
	refused=$(atf_get_srcdir)/refused
	"$refused" getpid EPERM /bin/true || atf_skip "no filters here"
	want_end '^front: accept4: Operation not permitted: a filter' \
	    "$refused" accept4 EPERM "$program" -n -f conf
	want_end '^cache: mkdirat: Function not implemented: a filter' \
	    "$refused" mkdirat ENOSYS "$program" -nv -f conf
	want_end '^parent: close_range: Function not implemented: ' \
	    "$refused" close_range ENOSYS "$program" -n -f conf
	"$refused" openat2 ENOSYS "$program" -n -f conf 2>err
	same $? 1 "exit status"
	for role in walker cache; do
		grep -q "^$role: openat2: .*: RestrictSUIDSGID=yes" err ||
		    fail "no $role in: $(cat err)"
	done
	same "$(wc -l <err)" 2 "lines in: $(cat err)"
}

service_case own_filter "A call that its own filter stops is named, with its role."
own_filter_body()
{
	service_prepare
	cp "$(atf_get_srcdir)/rogue_child" . ||
	    atf_skip "rogue_child is not built"
	service_configure
	for role in front walker hasher cache tracker; do
		echo early >$role.rogue
		"$here/rogue_child" -n -f conf >log 2>&1
		same $? 1 "exit status for the $role"
		want_log "^$role.*: was stopped at system call [0-9]* (socket)"
		same "$(wc -l <log)" 1 "lines"
	done
}

# The files of the cache, and their times of change.
entries()
{
	find cache -printf '%p %s %i %T@ %C@\n' | sort
}

service_case beside "A service that runs notices nothing of it."
beside_body()
{
	small a b
	settle www/yum
	service_prepare
	service_start 'cache-age 1d' "listen 127.0.0.1:$port" \
	    "listen $here/socket" "access-log $here/access"
	want_post 200 /yum/a /yum/b
	wait_for 5 test -e cache/info/$digest || fail "nothing is stored"
	# The next sweep would remove this.
	cp cache/info/$digest cache/info/.new-4711
	cp cache/info/$digest cache/info/$(paths_digest x)
	touch -d '3 days ago' cache/info/*
	before=$(entries)
	before_pids=$(children)
	listen_as_manager
	for n in 1 2 3; do
		atf_check env NOTIFY_SOCKET="$here/notify.socket" \
		    "$program" -n -f conf
		want 404 /
	done
	same "$(entries)" "$before" "the cache"
	same "$(children)" "$before_pids" "the children"
	[ ! -s notified ] || fail "notified: $(cat notified)"
	want 404 / --unix-socket socket
	want 200 $service/digest/$digest
}

service_case nothing_there "What a start would make is not made."
nothing_there_body()
{
	service_configure "cache $here/new" "access-log $here/access"
	before=$(ls -A)
	atf_check "$program" -n -f conf
	same "$(ls -A)" "$before" "files"
	service_configure
	atf_check "$program" -n -f conf
	[ -z "$(ls -A cache)" ] || fail "in the cache: $(ls -A cache)"
}
