#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The shortest way through everything: when this fails, look here first.

. "${0%/*}/../lib/lib.sh"

service_case starts "It starts, answers, and leaves nothing when it stops."
starts_body()
{
	service_start
	want 404 /
	want_field Content-Type 'text/plain; charset=utf-8'
	grep -q "the page /yum/torrent_service/ says" body || fail "$(cat body)"
	want 200 /yum/torrent_service/
	all=$(children)
	same "$(echo "$all" | wc -l)" 5 \
	    "front, walker, hasher, cache and tracker"
	service_stop
	is_gone $pid $all || fail "a process is left"
	atf_check -s exit:7 -e ignore curl -s "$url/"
	same "$(tail -n 1 log | cut -d ' ' -f 2-)" stopped "the last words"
}

service_case torrent_of_a_file "A file's torrent is right, piece for piece."
torrent_of_a_file_body()
{
	head -c 3000000 /dev/urandom >www/yum/a.rpm
	service_start
	want 200 $service/single/yum/a.rpm
	torrent_has form single "one path makes the single form"
	torrent_has urls "$url/yum/a.rpm" "the web seed is the file"
	want_field Content-Disposition \
	    "attachment; filename=$(torrent).torrent"
}

service_case torrent_of_a_pattern "A pattern's torrent has every match."
torrent_of_a_pattern_body()
{
	mkdir -p www/yum/b
	for name in b/z a b/y; do
		head -c 1500000 /dev/urandom >www/yum/$name.rpm
	done
	echo no >www/yum/b/no.txt
	service_start
	want 200 "$service/single/yum/b/*.rpm"
	torrent_has files "1500000 b/y.rpm
1500000 b/z.rpm" "the files"
	torrent_has padding "597152 torrent_service/nullfile/597152_0" "padding"
}

service_case digest "What was posted under a digest is there afterwards."
digest_body()
{
	head -c 1200000 /dev/urandom >www/yum/a.rpm
	echo b >www/yum/b.rpm
	settle www/yum/*
	service_start
	want 412 $service/digest/"$(paths_digest /yum/a.rpm /yum/b.rpm)"
	want_post 200 /yum/a.rpm /yum/b.rpm
	torrent_has files "1200000 a.rpm
2 b.rpm" "the files"
	cp body posted
	want 200 $service/digest/$digest
	atf_check cmp posted body
	service_restart
	want 200 $service/digest/$digest
	atf_check cmp posted body
}

service_case nullfile "Padding is zeros, whole or in part."
nullfile_body()
{
	service_start
	want 200 $service/nullfile/70000_3
	head -c 70000 /dev/zero | atf_check cmp - body
	want 206 $service/nullfile/70000_3 -r 100-199
	head -c 100 /dev/zero | atf_check cmp - body
	want_field Content-Range 'bytes 100-199/70000'
}
