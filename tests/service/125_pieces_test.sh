#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The directory of the cache, as others see it: a second service, an older
# version, somebody with find(1).

. "${0%/*}/../lib/lib.sh"

writes="this service writes to the cache now"
reads="another service writes to this cache: this one reads it"

# second_start: another service, second, on the same mirror and cache; its log
# is log2 and its address $url2.
second_start()
{
	_port2=$(free_port)
	url2=http://127.0.0.1:$_port2
	sed "s/^listen .*/listen 127.0.0.1:$_port2/" conf >conf2
	"$program" -d -f conf2 >>log2 2>&1 &
	second=$!
	note_pid $second
	wait_for 10 grep -q 'parent.*: ready: ' log2 || fail "the second"
}

# ask_second PATH
ask_second()
{
	url=$url2 want_post 200 "$1"
	torrent >/dev/null || fail "not a good torrent"
}

# seconds_hashed: the bytes, by the status in log2.
seconds_hashed()
{
	_before=$(grep -c 'bytes hashed' log2)
	kill -USR1 $second
	wait_for 5 second_said "$_before" || fail "no status"
	sed -n 's/.* \([0-9]*\) bytes hashed.*/\1/p' log2 | tail -n 1
}

second_said()
{
	[ "$(grep -c 'bytes hashed' log2)" -gt "$1" ]
}

# two_services SIGNAL: the first one ends by that.
two_services()
{
	small a b c
	settle www/yum
	service_start
	want_post 200 /yum/a
	want_pieces /yum/a
	second_start
	want_log "$reads" log2
	# It reads the pieces of the first, those that are stored later, too.
	ask_second /yum/a
	same "$(seconds_hashed)" 0 "bytes hashed by the second"
	want_post 200 /yum/b
	want_pieces /yum/b
	ask_second /yum/c
	packs list >list
	same "$(tr '\n' ' ' <list)" "/yum/a /yum/b " "files with pieces"
	sleep 1.1
	ask_second /yum/b
	same "$(seconds_hashed)" 2 "bytes hashed by the second"
	_children=$(children)
	kill -"$1" $pid
	wait_for 10 is_gone $pid $_children || fail "it did not end"
	want_log "$writes" log2
	same "$(grep -c "$reads" log2)" 1 "lines about it"
	small d
	settle www/yum
	ask_second /yum/d
	want_pieces /yum/a /yum/b /yum/d
	kill $second
	wait $second || fail "exit status $?"
}

service_case second_stopped "A second service reads, and then writes."
body second_stopped two_services TERM

service_case second_killed "The same when the first was killed."
body second_killed two_services KILL

service_case upgrade "The pieces that 0.1.0 stored go; its entries stay."
upgrade_body()
{
	mkdir -p www/yum/sub
	small a b sub/c
	settle www/yum
	service_start
	want_post 200 /yum/a
	wait_for 5 [ -e cache/info/$digest ] || fail "no entry"
	service_stop
	rm -r cache/pieces
	python old_pieces /yum/a /yum/b /yum/sub/c /yum/gone/d
	echo mine >cache/pieces/yum/README
	[ "$(id -u)" != 0 ] || chown -R nobody cache
	service_run
	want_log 'cache.*removed 4 piece lists that version 0.1.0 had left'
	same "$(grep -c ': removed' log)" 1 "lines about it"
	same "$(find cache/pieces -type f)" cache/pieces/yum/README "files"
	same "$(find cache/pieces -mindepth 1 -type d)" cache/pieces/yum \
	    "directories"
	want_torrent_at $service/digest/$digest
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	want_torrent_of /yum/b /yum/sub/c
	want_pieces /yum/b /yum/sub/c
	service_restart
	want_torrent_of /yum/sub/c
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	same "$(grep -c ': removed' log)" 1 "lines about it"
}

service_case find_delete "find -mtime +30 -delete, in the middle of work."
find_delete_body()
{
	mkdir -p www/yum/old www/yum/new
	small old/a old/b new/a new/b
	settle www/yum
	service_start
	for f in old/a new/a; do
		want_post 200 /yum/$f
		want_pieces /yum/$f
	done
	touch -d '32 days ago' "$(packs name /yum/old/a)"
	touch -d '29 days ago' "$(packs name /yum/new/a)"
	find cache -type f -mtime +30 -delete
	! packs stored /yum/old/a || fail "the old one is there"
	packs stored /yum/new/a || fail "the new one is gone"
	# Both were open.
	for f in old/b new/b; do
		want_torrent_of /yum/$f
		want_pieces /yum/$f
	done
	want_torrent_of /yum/old/a /yum/new/a
	want_pieces /yum/old/a /yum/new/a
	rm cache/info/*
	service_restart
	want_torrent_at "$service/single/yum/*/*"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	! grep -e 'removed:' -e 'not stored' log || fail "that is no damage"
}

service_case marked_daily "The day of the last use is written once a day."
marked_daily_body()
{
	small a b
	settle www/yum
	service_start
	want_post 200 /yum/a /yum/b
	want_pieces /yum/a /yum/b
	service_stop
	packs age 3 /yum/a /yum/b
	pack=$(packs name /yum/a)
	touch -d '3 days ago' "$pack"
	rm cache/info/*
	service_run
	want_post 200 /yum/a
	wait_for 5 prints 0 packs days /yum/a || fail "not marked"
	same "$(packs days /yum/b)" 3 "the other one"
	same "$(find "$pack" -mtime -1)" "$pack" "a pack of today"
	# Not again: the time stays.
	touch -d '2 hours ago' "$pack"
	before=$(stat -c %Y "$pack")
	service_restart
	want 200 $service/single/yum/a
	same "$(stat -c %Y "$pack")" "$before" "the time of the pack"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
}

service_case torn "What is appended to a torn record is found."
torn_body()
{
	small a b c
	random 3000000 www/yum/long
	settle www/yum
	service_start
	want_post 200 /yum/a
	want_pieces /yum/a
	want_post 200 /yum/long
	want_pieces /yum/long
	pack=$(packs name /yum/a)
	truncate -s -60 "$pack"
	want_post 200 /yum/b
	want_post 200 /yum/c
	want_pieces /yum/a /yum/b /yum/c
	service_stop
	rm cache/info/*
	service_run
	want_torrent_of /yum/a /yum/b /yum/c
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	# And all of an empty one.
	service_stop
	rm cache/info/*
	: >"$pack"
	service_run
	want_torrent_of /yum/a /yum/b
	want_pieces /yum/a /yum/b
	rm cache/info/*
	service_restart
	want_torrent_of /yum/a /yum/b
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
}

service_case summary "The size is known at once, and corrected." flock
summary_body()
{
	small $(seq 20)
	settle www/yum
	service_start
	for n in $(seq 20); do
		want_post 200 /yum/$n
	done
	want_stored_all
	service_restart
	wait_for 5 has_entries 40 || fail "not counted"
	service_stop
	python summary 1000000 7776
	# While somebody else has the lock, nothing is swept.
	# It waits, because is_locked takes the lock for a moment, too.
	flock -F cache/pieces sleep 60 &
	locker=$!
	note_pid $locker
	wait_for 5 is_locked || fail "no lock"
	service_run
	has_entries 7777 || fail "not known at the start"
	kill $locker
	# The first sweep corrects it, and it is written again.
	wait_for 5 has_entries 40 || fail "not corrected"
	wait_for 5 test -s cache/summary || fail "no summary"
	service_stop
	same "$(python summary_entries)" 40 "entries of the summary"
	for wrong in flipped cut empty none directory; do
		python break_summary $wrong
		service_run
		wait_for 5 has_entries 40 || fail "$wrong: not counted"
		service_stop
		[ $wrong = directory ] ||
		    same "$(python summary_entries)" 40 "$wrong: the summary"
	done
}

is_locked()
{
	! flock -n cache/pieces true
}

want_stored_all()
{
	want_pieces $(seq -f /yum/%g 20)
	wait_for 5 has_entries 40 || fail "not stored"
}

has_entries()
{
	_before=$(grep -c 'entries on disk' log)
	kill -USR1 $pid
	wait_for 5 more_lines "$_before" 'entries on disk' || fail "no status"
	grep 'entries on disk' log | tail -n 1 >line
	grep -q -e " $1 entries on disk" line && ! grep 'still counting' line
}
