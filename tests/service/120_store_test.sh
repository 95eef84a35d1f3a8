#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Files are remembered over restarts, not over changes, and never wrongly.

. "${0%/*}/../lib/lib.sh"

# Entries are written after the answer.
want_stored()
{
	for _entry; do
		wait_for 5 test -e "cache/$_entry" || fail "no $_entry"
	done
}

read_times()
{
	stat -c %x "$@"
}

service_case warm_restart "After a restart no file is read again."
warm_restart_body()
{
	head -c 3000000 /dev/urandom >www/yum/a
	echo b >www/yum/b
	# The file system records each reading of a file that was last
	# changed after it was last read; these will be for a day.
	touch -m -d tomorrow www/yum/a www/yum/b
	settle www/yum
	never=$(read_times www/yum/*)
	service_start
	want_post 200 /yum/a /yum/b
	cp body first
	same "$(service_count 'bytes hashed')" 3000002 "bytes hashed"
	want_stored info/$digest pieces/yum/a/1048576 pieces/yum/b/1048576
	once=$(read_times www/yum/*)
	[ "$once" != "$never" ] || echo "(this file system does not say)"

	service_restart
	want 200 $service/single/yum/a
	cp body single
	want 200 $service/digest/$digest
	atf_check cmp first body
	want 200 "$service/single/yum/*"
	atf_check cmp first body
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	same "$(read_times www/yum/*)" "$once" "times of reading"
	want_log 'single/yum/\*.* 0 [0-9a-f]*$'
	want_torrent
	cp single body
	want_torrent
}

service_case deleted_while_running "The caches may be deleted at any time."
deleted_while_running_body()
{
	mkdir -p www/yum/sub
	small a b c sub/d
	settle www/yum
	service_start
	want_post 200 /yum/a /yum/sub/d
	want_stored info/$digest pieces/yum/sub/d/1048576
	rm -rf cache/info cache/pieces
	want 200 $service/digest/$digest
	want_post 200 /yum/b /yum/sub/d
	want_stored info/$digest pieces/yum/b/1048576
	rm -rf cache/pieces/*
	want_post 200 /yum/c
	want_stored info/$digest pieces/yum/c/1048576
	service_restart
	want 200 $service/digest/$digest
	torrent_has files "2 c" "the file"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	want_post 200 /yum/a /yum/sub/d
	torrent_has files "2 a
6 sub/d" "the files"
}

service_case damaged_pieces "A damaged list of pieces is made again."
damaged_pieces_body()
{
	for f in a b c d e f g; do
		head -c 10000 /dev/urandom >www/yum/$f
	done
	settle www/yum
	service_start
	want_torrent_at "$service/single/yum/*"
	first=$torrent
	want_stored pieces/yum/a/1048576 pieces/yum/g/1048576
	service_stop
	cd cache/pieces/yum
	flip a/1048576 100
	truncate -s -1 b/1048576
	: >c/1048576
	cp g/1048576 d/1048576
	rm e/1048576
	mkdir e/1048576
	echo secret >"$here/secret"
	ln -sf "$here/secret" f/1048576
	# Everything but its checksum is right.
	flip g/1048576 "$(($(stat -c %s g/1048576) - 1))"
	cd "$here"
	rm cache/info/*
	service_run
	want 200 "$service/single/yum/*"
	same "$(torrent)" "$first" "the torrent"
	same "$(service_count 'bytes hashed')" 70000 "bytes hashed"
	want_log '^cache.*pieces/yum/.*1048576: '
	same "$(cat secret)" secret "what a link led to"
	wait_for 5 has_settled || fail "what is damaged is still there"
	service_restart
	want 200 "$service/single/yum/*"
	same "$(torrent)" "$first" "the torrent"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
}

# flip FILE OFFSET: another byte there
flip()
{
	python3 -c '
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([byte ^ 1]))' "$@"
}

has_settled()
{
	[ "$(find cache/pieces -type f | wc -l)" = 7 ]
}

service_case damaged_info "A damaged torrent is unknown, till it is posted."
damaged_info_body()
{
	small a b c d e
	settle www/yum
	service_start
	for f in a b c d e; do
		want_post 200 /yum/$f
		want_stored info/$digest
		cp cache/info/$digest $f.entry
		echo $digest >$f.digest
	done
	service_stop
	flip cache/info/"$(cat a.digest)" 90
	truncate -s 50 cache/info/"$(cat b.digest)"
	cp e.entry cache/info/"$(cat c.digest)"
	rm cache/info/"$(cat d.digest)"
	mkfifo cache/info/"$(cat d.digest)"
	service_run
	for f in a b c d; do
		want 412 $service/digest/"$(cat $f.digest)" --max-time 3
	done
	want 200 $service/digest/"$(cat e.digest)"
	want_log '^cache.*info/.*: '
	for f in a b c d; do
		want_post 200 /yum/$f
		torrent_has files "2 $f" "the file"
	done
	service_restart
	for f in a b c d e; do
		want 200 $service/digest/"$(cat $f.digest)"
		torrent_has files "2 $f" "the file"
	done
}

service_case changed_meanwhile "What changed while it was down is made anew."
changed_meanwhile_body()
{
	for f in size content gone stays; do
		echo $f >www/yum/$f
		touch -d '2014-05-13 UTC' www/yum/$f
	done
	settle www/yum
	service_start
	for f in size content gone stays; do
		want_post 200 /yum/$f
		want_stored info/$digest
		echo $digest >$f.digest
	done
	service_stop
	echo more >>www/yum/size
	echo CONTENT >www/yum/content
	touch -d '2014-05-13 UTC' www/yum/size www/yum/content
	rm www/yum/gone
	service_run
	for f in size content stays; do
		want_torrent_at $service/digest/"$(cat $f.digest)"
	done
	want 404 $service/digest/"$(cat gone.digest)"
	want 412 $service/digest/"$(cat gone.digest)"
}

service_case never_stale "No torrent describes what was replaced long ago."
never_stale_body()
{
	echo 0 >www/yum/a
	touch -d '2014-05-13 16:53:20 UTC' www/yum/a
	service_start "revalidate 1s"
	python never_stale
	want_log '" hit '
}

service_case asked_rarely "Who asks after a while is not told old things."
asked_rarely_body()
{
	echo old >www/yum/a
	settle www/yum
	service_start "revalidate 1s"
	want 200 $service/single/yum/a
	want 200 $service/single/yum/a
	want_log '" hit '
	echo new >www/yum/a
	changed=$(stat -c %.9Z www/yum/a)
	sleep "$(date +%s.%N | awk -v then="$changed" '{
		left = then + 1.01 - $1
		printf "%.2f", (left > 0 ? left : 0) }')"
	want_torrent_at $service/single/yum/a
}

service_case patterns_are_fresh "A new file gets into a pattern's torrent."
patterns_are_fresh_body()
{
	mkdir -p www/yum/sub
	echo a >www/yum/sub/a
	echo b >www/yum/sub/b
	settle www/yum
	service_start "revalidate 1s"
	want 200 "$service/single/yum/**"
	torrent_has files "2 sub/a
2 sub/b" "the files"
	digest=$(paths_digest '/yum/**')
	echo c >www/yum/sub/c
	rm www/yum/sub/a
	wait_for 2 has_files "2 sub/b
2 sub/c" || fail "the files are $torrent"
	rm www/yum/sub/*
	wait_for 2 is_answered 404 || fail "still there"
	echo d >www/yum/sub/d
	want 412 $service/digest/$digest
}

has_files()
{
	want 200 $service/digest/$digest
	torrent=$(torrent files 2>&1)
	[ "$torrent" = "$1" ]
}

is_answered()
{
	ask $service/digest/$digest
	[ "$status" = "$1" ]
}

service_case too_new "What may change yet in its tick is not remembered."
too_new_body()
{
	echo old >www/yum/old
	settle www/yum
	service_start
	echo new >www/yum/new
	# Its mtime says nothing: rsync sets that back.
	touch -d '2014-05-13 UTC' www/yum/new
	want_post 200 /yum/old /yum/new
	both=$digest
	want 200 $service/single/yum/new
	want_post 200 /yum/old
	want_stored info/$digest
	[ ! -e cache/info/$both ] || fail "it is remembered"
	[ ! -e cache/pieces/yum/new ] || fail "its pieces are remembered"
	settle www/yum
	want_post 200 /yum/old /yum/new
	want_stored info/$both pieces/yum/new/1048576
}

service_case the_original "What the original left is removed, and counted."
the_original_body()
{
	mkdir -p www/yum cache/info cache/pieces/yum/a cache/pieces/yum/b
	echo a >www/yum/a
	settle www/yum
	digest=$(paths_digest /yum/a)
	: >cache/info/$digest
	python3 -c 'import pickle; print(end=pickle.dumps(
	    ["/yum/a"], 0).decode())' >cache/info/${digest}_s
	cp cache/info/${digest}_s cache/info/$digest.tmp
	cp cache/info/${digest}_s cache/pieces/yum/a/1048576
	cp cache/info/${digest}_s cache/pieces/yum/b/1048576
	echo mine >cache/info/README
	[ "$(id -u)" != 0 ] || chown -R nobody cache
	service_start
	want_log 'cache.*removed 5 files that the original'
	same "$(find cache -type f)" cache/info/README "what is left"
	[ ! -e cache/pieces/yum ] || fail "empty directories are left"
	want 412 $service/digest/$digest
	want_post 200 /yum/a
	want_stored info/$digest pieces/yum/a/1048576
}

service_case cache_size "The cache stays within its size."
cache_size_body()
{
	for n in $(seq 300); do
		echo $n >www/yum/$n
	done
	settle www/yum
	service_start "cache-size 1M"
	for n in 1 2 3 4 5 6; do
		want_post 200 "/yum/[$n-9]*"
	done
	wait_for 10 is_within_size ||
	    fail "$(du -s -B 1 cache/info cache/pieces | tr '\n' ' ')"
	want 200 $service/digest/$digest
	service_restart
	wait_for 10 is_within_size || fail "after a restart"
	want_torrent_of "/yum/[$n-9]*"
}

is_within_size()
{
	[ "$(du -s -B 1 cache/info cache/pieces |
	    awk '{ n += $1 } END { print n }')" -le 1048576 ]
}

service_case cache_age "What nobody used for long goes."
cache_age_body()
{
	mkdir -p www/yum/sub
	small old sub/old used new
	settle www/yum
	service_start
	for f in old sub/old used new; do
		want_post 200 /yum/$f
		want_stored info/$digest pieces/yum/$f/1048576
	done
	service_stop
	touch -d '31 days ago' cache/pieces/yum/old/1048576 \
	    cache/pieces/yum/sub/old/1048576 \
	    cache/info/"$(paths_digest /yum/old)"
	used=cache/info/$(paths_digest /yum/used)
	touch -d '2 days ago' "$used"
	service_run
	wait_for 5 is_aged || fail "old entries stay"
	[ ! -e cache/pieces/yum/sub ] || fail "empty directories stay"
	same "$(find cache -type f | wc -l)" 5 "entries"
	want 200 $service/digest/"${used##*/}"
	wait_for 5 is_marked || fail "the use is not recorded"
	service_stop
}

is_aged()
{
	[ ! -e cache/pieces/yum/old ] && [ ! -e cache/pieces/yum/sub ] &&
	    [ ! -e cache/info/"$(paths_digest /yum/old)" ]
}

is_marked()
{
	[ -z "$(find "$used" -mtime +0)" ]
}
