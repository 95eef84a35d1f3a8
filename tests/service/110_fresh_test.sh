#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Answers are of the mirror as it is now.

. "${0%/*}/../lib/lib.sh"

# Three torrents of two files, remembered.
start_with_two_files()
{
	random 1200000 www/yum/a.rpm
	random 1500000 www/yum/b.rpm
	settle www/yum/*
	service_start 'revalidate 1s'
	both=$service/digest/$(paths_digest /yum/a.rpm /yum/b.rpm)
	want 200 $service/single/yum/a.rpm
	want 200 "$service/single/yum/*.rpm"
	want_post 200 /yum/a.rpm /yum/b.rpm
	want_torrent_at "$both"
	before=$torrent
}

# Lookups before now are too old to be believed.
expire()
{
	sleep 1.1
}

# All three are of the files as they are, hashed again to compare.
want_all_right()
{
	expire
	for _path in "$service/single/yum/*.rpm" $service/single/yum/a.rpm \
	    "$both"; do
		want_torrent_at "$_path"
	done
	differs "$torrent" "$before" "the torrent after the change"
}

service_case change_in_place "Some bytes change, and neither size nor name."
change_in_place_body()
{
	start_with_two_files
	printf overwritten | dd of=www/yum/a.rpm bs=1 seek=1100000 conv=notrunc 2>&1
	want_all_right
}

service_case mtime_set_back "Only ctime tells, as after rsync."
mtime_set_back_body()
{
	start_with_two_files
	touch -r www/yum/a.rpm stamp
	printf overwritten | dd of=www/yum/a.rpm bs=1 seek=3 conv=notrunc 2>&1
	touch -r stamp www/yum/a.rpm
	want_all_right
}

service_case rename_over "Another file, of the same size and mtime."
rename_over_body()
{
	start_with_two_files
	random 1200000 www/yum/.a.rpm.x
	touch -r www/yum/a.rpm www/yum/.a.rpm.x
	mv www/yum/.a.rpm.x www/yum/a.rpm
	want_all_right
}

service_case growth_to_whole_pieces "Padding goes with the partial piece."
growth_to_whole_pieces_body()
{
	start_with_two_files
	torrent_has padding "897152 torrent_service/nullfile/897152_0" before
	head -c 897152 /dev/urandom >>www/yum/a.rpm
	want_all_right
	torrent_has padding "" "padding after"
	# And back, now that its piece list is known as one without padding.
	settle www/yum/a.rpm
	want_all_right
	truncate -s -1 www/yum/a.rpm
	want_all_right
	want_torrent padding
	same "$torrent" "1 torrent_service/nullfile/1_0" "padding in the end"
}

service_case new_match "A new file is in the pattern's torrent."
new_match_body()
{
	start_with_two_files
	random 100 www/yum/aa.rpm
	expire
	want 200 "$service/single/yum/*.rpm"
	torrent_has files "1200000 a.rpm
100 aa.rpm
1500000 b.rpm" "the files"
	want_torrent_at "$both"
	same "$torrent" "$before" "the torrent of two paths"
}

service_case link_elsewhere "A link that now leads to another file."
link_elsewhere_body()
{
	random 1000 www/yum/a www/yum/b
	ln -s a www/yum/latest
	settle www/yum/*
	service_start 'revalidate 1s'
	for _ in 1 2; do
		want_torrent_at $service/single/yum/latest
	done
	ln -s b www/yum/new
	mv -T www/yum/new www/yum/latest
	expire
	want_torrent_at $service/single/yum/latest
}

service_case deletion "404, and what was remembered of it goes."
deletion_body()
{
	start_with_two_files
	all=$(paths_digest '/yum/*.rpm')
	wait_for 5 [ -f cache/info/"${both##*/}" ] || fail "not remembered"
	wait_for 5 [ -f cache/info/"$all" ] || fail "not remembered"
	rm www/yum/a.rpm
	expire
	want 404 $service/single/yum/a.rpm
	want 200 "$both"
	torrent_has files "1500000 b.rpm" "what is left"
	rm www/yum/b.rpm
	expire
	want 404 "$both"
	want 404 "$service/single/yum/*.rpm"
	wait_for 5 [ ! -e cache/info/"${both##*/}" ] || fail "still there"
	wait_for 5 [ ! -e cache/info/"$all" ] || fail "still there"
	want 412 "$both"
	service_restart
	want 412 "$both"
	want 412 "$service/digest/$all"
}

service_case change_while_away "What changed while it did not run."
change_while_away_body()
{
	start_with_two_files
	service_stop
	random 1200000 www/yum/a.rpm
	service_run
	want_torrent_at "$both"
	differs "$torrent" "$before" "the torrent after the change"
}

# until_count PATTERN MINIMUM: by the service's status.
until_count()
{
	clock
	_last=$((now + 2000))
	while [ "$(service_count "$1")" -lt "$2" ]; do
		[ "$now" -lt "$_last" ] || fail "not $2 $1 within 20 s"
		sleep 0.01
		clock
	done
}

service_case change_before_the_first_read "Between opening and hashing."
change_before_the_first_read_body()
{
	random 3000000 www/yum/a
	settle www/yum/a
	service_start 'revalidate 60s'
	hasher=$(children hasher)
	kill -STOP "$hasher"
	ask_later $service/single/yum/a
	until_count 'to go' 3000000
	random 3000000 www/yum/.a
	mv www/yum/.a www/yum/a
	kill -CONT "$hasher"
	want_later 200
	want_torrent
}

service_case change_in_mid_hash "Parts of two versions never meet."
change_in_mid_hash_body()
{
	truncate -s 2G www/yum/a
	settle www/yum/a
	service_start 'digest openssl' 'revalidate 60s'
	hasher=$(children hasher)
	ask_later $service/single/yum/a
	until_count 'bytes hashed' 1
	kill -STOP "$hasher"
	[ "$(service_count 'to go')" -gt 0 ] || atf_skip "hashed 2 GiB at once"
	for at in 0 2047; do
		printf x | dd of=www/yum/a bs=1M seek=$at conv=notrunc 2>&1
	done
	kill -CONT "$hasher"
	want_later 200
	want_torrent
}

service_case change_before_the_answer "A file that was done before the rest."
change_before_the_answer_body()
{
	start_with_two_files
	random 3000000 www/yum/c.rpm
	settle www/yum/c.rpm
	hasher=$(children hasher)
	kill -STOP "$hasher"
	ask_later "$service/single/yum/*.rpm"
	until_count 'to go' 3000000
	random 1200000 www/yum/a.rpm
	expire
	kill -CONT "$hasher"
	want_later 200
	want_torrent
}

service_case change_all_the_time "Three changes, and the client is put off."
change_all_the_time_body()
{
	truncate -s 1G www/yum/a
	service_start 'digest openssl' 'hash-wait 10m'
	python change_all_the_time
	want_torrent_at $service/single/yum/a
}

# Asks for a file within two seconds of its change, or tries once more.
ask_while_young()
{
	for _try in 1 2 3 4 5; do
		"$@"
		_age=$(date +%s.%N | awk -v then="$(stat -c %.Z www/yum/a)" \
		    '{ print $1 - then < 1.9 ? "young" : "old" }')
		[ "$_age" = old ] || return 0
	done
	atf_skip "this machine is too busy"
}

post_young()
{
	"$@" >www/yum/a
	touch -d '1 year ago' www/yum/a
	want_torrent_of /yum/a
	want_torrent_at "$service/single/yum/*"
}

young_file()
{
	service_start "access-log $here/access"
	ask_while_young post_young "$@"
	for path in "$digest" "$(paths_digest '/yum/*')"; do
		want 412 $service/digest/"$path"
	done
	want 200 "$service/single/yum/*"
	# Files are written in order, this last.
	echo old >www/yum/b
	settle www/yum/b
	want_post 200 /yum/b
	wait_for 5 [ -f cache/info/"$digest" ] || fail "nothing is stored"
	same "$(find cache/info -type f)" cache/info/$digest "the entries"
	want_pieces /yum/b
	same "$(packs list)" /yum/b "the files with stored pieces"
	wait_for 5 grep -q "/digest/$digest" access || fail "no line"
	! grep -e ' hit ' -e ' checked ' access || fail "remembered"
	# Old enough by now: it is remembered like any other.
	want_post 200 /yum/a
	want 200 $service/digest/"$digest"
}

service_case young_file "A file that may still change is not remembered."
body young_file young_file head -c 1200000 /dev/urandom

service_case young_empty_file "The same of a file without bytes."
body young_empty_file young_file true

service_case max_age "Caches in front may keep it until the next check."
max_age_body()
{
	echo a >www/yum/a
	settle www/yum/a
	service_start 'revalidate 60s'
	want 200 $service/single/yum/a
	want_field Cache-Control 'public, max-age=*'
	first=$(field Cache-Control)
	first=${first##*=}
	sleep 2.1
	want 200 $service/single/yum/a
	second=$(field Cache-Control)
	second=${second##*=}
	[ "$first" -le 60 ] || fail "max-age is $first at first"
	[ "$second" -ge 0 ] && [ "$second" -le 57 ] ||
	    fail "max-age is $second after two seconds"
	service_reload 'revalidate 1s'
	want 200 $service/single/yum/a
	want_field Cache-Control 'public, max-age=[01]'
}

# The questions to walkers so far.
count_looks()
{
	_before=$(grep -c 'requests resolved' log)
	kill -USR1 $pid
	wait_for 5 more_lines "$_before" 'requests resolved' ||
	    fail "no status at SIGUSR1"
	sed -n 's/.* \([0-9]*\) requests resolved.*/\1/p' log | tail -n 1
}

service_case nobody_waits "What is asked for all the time is always there."
nobody_waits_body()
{
	random 1000000 www/yum/a
	settle www/yum/a
	service_start 'revalidate 3s' "access-log $here/access"
	want_post 200 /yum/a
	before=$(count_looks)
	run_python - $service/digest/"$digest" <<-'EOT'
	import sys, time
	from service import Connection
	with Connection() as c:
	    for n in range(80):
	        assert c.ask(sys.argv[2]).status == 200
	        time.sleep(0.1)
	EOT
	after=$(count_looks)
	wait_for 5 has_lines access 81 || fail "lines are missing"
	atf_check -o inline:'     80 hit\n      1 made\n' -x \
	    "awk '{ print \$(NF-2) }' access | sort | uniq -c"
	# Once in half of that; the exact number is a matter of the clock.
	[ "$after" -gt $((before + 1)) ] || fail "nobody looked"
	[ "$after" -lt $((before + 8)) ] || fail "$before to $after looks"
}

service_case never_older "No answer is older than revalidate, ever."
never_older_body()
{
	service_start 'revalidate 1s' "access-log $here/access"
	python never_older
	# It was remembered in between, or this would prove nothing.
	wait_for 5 grep -q ' hit ' access || fail "never from memory"
}
