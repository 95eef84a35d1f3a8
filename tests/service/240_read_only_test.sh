#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Places that are mounted read-only, as systemd does with all that a unit does
# not name.

. "${0%/*}/../lib/lib.sh"

hint='Read-only file system.*ReadWritePaths='

# In a mount name space of our own.
read_only_case()
{
	root_case "$@" unshare nsenter mount
}

# Afterwards inside COMMAND is run there, and so is the service.
enter()
{
	service_prepare
	unshare -m sleep 120 &
	holder=$!
	note_pid $holder
	wait_for 5 is_apart || atf_skip "no mounts in a name space of its own"
	cat >inside <<-END
		#! /bin/sh
		exec nsenter -t $holder -m --wd="$here" -- "\$@"
	END
	chmod +x inside
	start_by "$here/inside"
	mkdir -p ro
	./inside mount --bind cache cache
	./inside mount --bind ro ro
	./inside mount -o remount,bind,ro ro ||
	    atf_skip "no read-only mounts"
}

is_apart()
{
	[ "$(readlink /proc/$holder/ns/mnt)" != \
	    "$(readlink /proc/self/ns/mnt)" ]
}

# want_hint ARGUMENT ...: said, under systemd only.
want_hint()
{
	atf_check -s exit:1 -e match:"$hint" env INVOCATION_ID=1 "$program" \
	    -f conf "$@"
	atf_check -s exit:1 -e match:'Read-only file system' \
	    -e not-match:ReadWritePaths env -u INVOCATION_ID "$program" \
	    -f conf "$@"
}

read_only_case start "What is read-only at the start is named, with a remedy."
start_body()
{
	enter
	service_configure
	for option in -n -d; do
		want_hint $option -o "access-log $here/ro/access"
		want_hint $option -o "listen $here/ro/socket"
		want_hint $option -o "cache $here/ro/cache"
	done
	./inside mount -o remount,bind,ro cache
	want_hint -n
	want_hint -d
}

read_only_case later "A cache that becomes read-only is named, with a remedy."
later_body()
{
	small a b
	settle www/yum
	enter
	export INVOCATION_ID=1
	service_start
	./inside mount -o remount,bind,ro cache
	want_post 200 /yum/a /yum/b
	want_log "^cache.*not stored: $hint"
	# One that starts again says so at once.
	cache=$(children cache)
	kill -KILL $cache
	want_log "^cache.*nothing can be stored in the cache: mkdirat: $hint"
	want_post 200 /yum/a /yum/b
}
