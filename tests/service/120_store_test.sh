#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Files are remembered over restarts, not over changes, and never wrongly.

. "${0%/*}/../lib/lib.sh"

# want_stored DIGEST [PATH ...]: its entry, and the pieces of these, which are
# written after the answer.
want_stored()
{
	wait_for 5 test -e "cache/info/$1" || fail "no entry of $1"
	shift
	want_pieces "$@"
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
	service_start 'access-log yes'
	want_post 200 /yum/a /yum/b
	cp body first
	same "$(service_count 'bytes hashed')" 3000002 "bytes hashed"
	want_stored $digest /yum/a /yum/b
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
	want_stored $digest /yum/sub/d
	rm -rf cache/info cache/pieces
	want 200 $service/digest/$digest
	want_post 200 /yum/b /yum/sub/d
	want_stored $digest /yum/b
	rm -rf cache/pieces/*
	want_post 200 /yum/c
	want_stored $digest /yum/c
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
	for d in one two three four five six; do
		mkdir www/yum/$d
		random 10000 www/yum/$d/a www/yum/$d/b www/yum/$d/c
	done
	settle www/yum
	service_start
	want_torrent_at "$service/single/yum/*/*"
	first=$torrent
	want_pieces /yum/one/a /yum/six/c
	service_stop
	# One record; those to the end of the file; then all that the pack has.
	packs flip /yum/one/b
	truncate -s -1 "$(packs name /yum/two/a)"
	: >"$(packs name /yum/three/a)"
	cp "$(packs name /yum/one/a)" "$(packs name /yum/four/a)"
	rm "$(packs name /yum/five/a)"
	mkdir "$(packs name /yum/five/a)"
	echo secret >"$here/secret"
	ln -sf "$here/secret" "$(packs name /yum/six/a)"
	rm cache/info/*
	service_run
	want 200 "$service/single/yum/*/*"
	same "$(torrent)" "$first" "the torrent"
	same "$(service_count 'bytes hashed')" 140000 "bytes hashed"
	want_log '^cache.*pieces/.*\.1048576: '
	same "$(cat secret)" secret "the file to which a link led"
	wait_for 5 is_all_stored || fail "something is still damaged"
	service_restart
	want 200 "$service/single/yum/*/*"
	same "$(torrent)" "$first" "the torrent"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
}

is_all_stored()
{
	[ "$(packs list | wc -l)" = 18 ]
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

service_case damaged_info "A damaged torrent is unknown, till it is posted."
damaged_info_body()
{
	small a b c d e
	settle www/yum
	service_start
	for f in a b c d e; do
		want_post 200 /yum/$f
		want_stored $digest
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
		want_stored $digest
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
	service_start "revalidate 1s" 'access-log yes'
	python never_stale
	want_log '" hit '
}

service_case asked_rarely "Who asks after a while is not told old things."
asked_rarely_body()
{
	echo old >www/yum/a
	settle www/yum
	service_start "revalidate 1s" 'access-log yes'
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
	want_stored $digest
	[ ! -e cache/info/$both ] || fail "it is remembered"
	! packs stored /yum/new || fail "its pieces are remembered"
	settle www/yum
	want_post 200 /yum/old /yum/new
	want_stored $both /yum/new
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
	same "$(find cache/info cache/pieces -type f)" cache/info/README \
	    "the files that are left"
	[ ! -e cache/pieces/yum ] || fail "empty directories are left"
	want 412 $service/digest/$digest
	want_post 200 /yum/a
	want_stored $digest /yum/a
}

service_case cache_size "The cache stays within its size, by age."
cache_size_body()
{
	PIECE_LEN=16384
	export PIECE_LEN
	for n in 1 2 3 4 5 6 7 8; do
		truncate -s 100M www/yum/$n
	done
	for n in $(seq 200); do
		echo $n >www/yum/small$n
	done
	settle www/yum
	service_start "cache-size 1M" "piece-length 16K"
	# Five of them have 640 of the 768 KiB.
	for n in 1 2 3 4 5; do
		want_post 200 /yum/$n
		want_pieces /yum/$n
	done
	packs age 5 /yum/3
	want_post 200 /yum/6
	wait_for 10 is_left 1 2 4 5 6 || fail "left are: $(packs list)"
	! grep 'cache-size is too small' log || fail "it has room"
	for n in 7 8 1 2; do
		want_post 200 /yum/$n
	done
	want_log 'cache-size is too small: .* [0-9]* MiB would do'
	want_log 'info/.*not stored: longer than a sixteenth'
	for n in $(seq 200); do
		want_post 200 /yum/small$n /yum/small1
	done
	wait_for 10 is_within_size ||
	    fail "$(du -s -B 1 cache/info cache/pieces | tr '\n' ' ')"
	atf_check [ "$(find cache/info -type f | wc -l)" -ge 30 ]
	want 200 $service/digest/$digest
	same "$(grep -c 'cache-size is too small' log)" 1 "lines about it"
	service_restart
	wait_for 10 is_within_size || fail "after a restart"
	want_torrent_of /yum/1
}

# is_left N ...: of the large files these have stored pieces.
is_left()
{
	[ "$(packs list | grep -v small | tr -d '\n')" = \
	    "$(printf '/yum/%s' "$@")" ]
}

is_within_size()
{
	[ "$(du -s -B 1 cache/info cache/pieces |
	    awk '{ n += $1 } END { print n }')" -le 1048576 ]
}

service_case cache_age "What nobody used for long goes."
cache_age_body()
{
	mkdir -p www/yum/sub www/yum/few
	small old sub/old few/old used new
	for n in $(seq 60); do
		echo $n >www/yum/many$n
	done
	settle www/yum
	service_start
	want_post 200 '/yum/many*'
	for f in old sub/old few/old used new; do
		want_post 200 /yum/$f
		want_stored $digest /yum/$f
	done
	want_pieces /yum/many60
	service_stop
	touch -d '31 days ago' "$(packs name /yum/sub/old)" \
	    cache/info/"$(paths_digest /yum/old)"
	# A day is as good as its end, and a record goes with a block of others.
	packs age 32 /yum/many1 /yum/old
	packs age 31 /yum/many2
	packs age 3 /yum/used
	# The larger part of a small pack.
	packs age 40 /yum/few/old
	used=cache/info/$(paths_digest /yum/used)
	touch -d '2 days ago' "$used"
	service_run
	wait_for 5 is_aged || fail "old entries stay"
	atf_check [ ! -d "$(dirname "$(packs name /yum/sub/old)")" ]
	packs stored /yum/many1 /yum/many2 /yum/old /yum/used /yum/new ||
	    fail "something went that gives no block"
	service_stop
	packs age 32 $(seq -f /yum/many%g 60)
	service_run
	wait_for 5 is_cut || fail "old records stay"
	packs stored /yum/used /yum/new || fail "more went than the old ones"
	same "$(find cache/info -type f | wc -l)" 5 "entries"
	want 200 $service/digest/"${used##*/}"
	wait_for 5 is_marked || fail "the use is not recorded"
	service_stop
}

is_aged()
{
	! packs stored /yum/sub/old && ! packs stored /yum/few/old &&
	    [ ! -e cache/info/"$(paths_digest /yum/old)" ]
}

is_cut()
{
	! packs stored /yum/many1 && ! packs stored /yum/old &&
	    ! packs stored /yum/many60
}

is_marked()
{
	[ -z "$(find "$used" -mtime +0)" ] && [ "$(packs days /yum/used)" = 0 ]
}
