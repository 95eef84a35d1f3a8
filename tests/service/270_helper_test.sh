#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# whitelist-socket: a helper gets each new info hash, and the first answer waits
# for it, but not for ever.

. "${0%/*}/../lib/lib.sh"

whitelist()
{
	small a b c d e f
	settle www/yum/*
	service_start "whitelist-socket $here/helper"
	python "$@"
}

service_case once "Each torrent is written once, and its answer waits."
body once whitelist once

service_case together "Torrents of one moment are written together."
body together whitelist together

service_case restart "A restart has the torrents in use written again."
restart_body()
{
	whitelist first
	service_restart
	python first
	service_restart
	# From the disk's cache, and from hot memory.
	post /yum/a /yum/b
	post /yum/a /yum/b
	wait_for 5 [ -e cache/info/$digest ] || fail "not on disk"
	service_restart
	python after_restart $digest
}

service_case silent "Three answers wait in vain, and then none for a minute."
silent_body()
{
	whitelist silent
	same "$(grep -c 'no ok within 2 s, 3 times' log)" 1 "lines of the log"
}

service_case impatient "By hash-wait 0 nobody waits for the list either."
impatient_body()
{
	small a b
	settle www/yum/*
	service_start "whitelist-socket $here/helper" 'hash-wait 0'
	python impatient
}

service_case replaced "A torrent that waited for too long is checked again."
replaced_body()
{
	small a b
	settle www/yum/*
	service_start "whitelist-socket $here/helper" 'revalidate 1s'
	python replaced
}

service_case missing "Without a helper nothing waits, and one line says so."
missing_body()
{
	whitelist missing
	same "$(grep -c 'whitelist-socket.*No such file' log)" 1 \
	    "lines of the log"
	want_log "whitelist-socket $here/helper: connected"
}

service_case comes_and_goes "A helper that ends loses no line."
body comes_and_goes whitelist comes_and_goes

service_case closes "A helper that closes at once is tried ever more rarely."
closes_body()
{
	small a
	service_prepare
	python closes &
	_helper=$!
	note_pid $_helper
	wait_for 10 [ -S helper ] || fail "no helper"
	service_start "whitelist-socket $here/helper"
	: >started
	wait $_helper || fail "see the traceback"
	same "$(grep -c 'the connection was closed at once' log)" 1 \
	    "lines of the log"
}

service_case nonsense "Wrong answers are logged, and hold up nobody."
nonsense_body()
{
	whitelist nonsense
	want_log 'the answer to an info hash is "no: .x1b\[1m", not ok'
	want_log 'more answers than lines: the connection is closed'
}

service_case long_answer "An answer without an end is cut."
long_answer_body()
{
	whitelist long_answer
	want_log 'an answer of more than 255 bytes: the connection is closed'
}

service_case full "A helper that accepts nothing stops nothing."
full_body()
{
	python full &
	note_pid $!
	wait_for 10 [ -e full ] || fail "not full"
	service_start "whitelist-socket $here/helper"
	want_log 'whitelist-socket.*: its queue is full: torrents do not wait'
	small a
	want 200 $service/single/yum/a
	service_stop
}

service_case reload "SIGHUP changes the socket, and turns it off."
reload_body()
{
	small a
	settle www/yum/a
	service_start
	_children=$(children | wc -l)
	want 200 $service/single/yum/a
	service_configure "whitelist-socket $here/helper"
	python reload_on $pid
	# The file of one that has ended, and a file that was never a socket.
	: >file
	service_reload "whitelist-socket $here/file"
	want_log "whitelist-socket $here/file: Connection refused"
	want 200 $service/single/yum/a
	service_configure "whitelist-socket $here/other"
	python reload_on $pid other
	service_reload
	same "$(children | wc -l)" "$_children" "children"
	service_configure
	python reload_off $pid
	! grep -i ' ended' log || fail "a child was ended for it"
}

service_case front_ends "Another front gets a connection of its own."
front_ends_body()
{
	whitelist first
	kill -KILL "$(children front)"
	wait_for 10 grep -q 'front.*: signal 9' log || fail "it lives"
	python first
}

root_case own_rights "The connection is one that the front's user may have."
own_rights_body()
{
	small a b
	settle www/yum/a
	python as_user "$(id -u nobody)" &
	_helper=$!
	note_pid $_helper
	wait_for 10 [ -S helper ] || fail "no helper"
	service_start "whitelist-socket $here/helper"
	want 200 $service/single/yum/a
	wait $_helper || fail "see the traceback"
	chmod 700 helper
	want_log "whitelist-socket $here/helper: Permission denied"
	want 200 $service/single/yum/b
	service_stop
}
