#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The piece length of a torrent: piece-length, or the one that fits the set.

. "${0%/*}/../lib/lib.sh"

files()
{
	head -c 1100000 /dev/urandom >www/yum/a
	head -c 70000 /dev/urandom >www/yum/b
	: >www/yum/c
	settle www/yum
}

# want_length LENGTH TARGET [curl option ...]: a good torrent with that.
want_length()
{
	_length=$1
	shift
	want_torrent_at "$@"
	hash=$torrent
	torrent_has piece-length "$_length" "the piece length at $1"
}

service_case urls "Each URL has a piece length; ?piece=auto asks for another."
urls_body()
{
	start_with files
	want_length 1048576 $service/single/yum/a
	one=$hash
	want_length 65536 $service/simple/yum/a
	fit=$hash
	want_field Content-Disposition 'attachment; filename="a.torrent"'
	differs "$one" "$fit" "info hashes"
	want_length 65536 "$service/single/yum/a?piece=auto"
	same "$hash" "$fit" "single and simple"
	want_field Content-Disposition "attachment; filename=$fit.torrent"
	want_length 65536 "$service/simple/yum/a?x=%zz&p%69ece=auto&y"
	want_length 1048576 "$service/single/yum/a?pieces=auto"
	same "$hash" "$one" "the first one again"

	digest=$(paths_digest /yum/a /yum/b)
	want_length 1048576 $service/digest/$digest -d p=/yum/a -d p=/yum/b
	torrent_has padding "997152 torrent_service/nullfile/997152_0" padding
	want_length 65536 "$service/digest/$digest?piece=auto" \
	    -d p=/yum/a -d p=/yum/b
	torrent_has padding "14112 torrent_service/nullfile/14112_0" padding
	# A field of the body is another field.
	want_length 1048576 $service/digest/$digest -d piece=auto -d p=/yum/a \
	    -d p=/yum/b
	want_length 65536 \
	    "$service/digest/$digest?p=/yum/a&piece=auto&p=/yum/b"
}

service_case refused "Another value, or two of them, is refused."
refused_body()
{
	start_with files
	digest=$(paths_digest /yum/a)
	for target in single/yum/a simple/yum/a digest/$digest; do
		for query in piece piece= piece=Auto piece=auto+ piece=65536 \
		    piece=%zz 'piece=auto&piece=auto' 'x&piece=auto&piece=1'; do
			want 400 "$service/$target?$query"
			want_body piece
		done
	done
	want 400 "$service/digest/$digest?piece=1" -d p=/yum/a
	want 412 "$service/digest/$digest"
	want 412 "$service/digest/$digest?piece=auto"
	want 200 "$service/nullfile/1?piece=1"
}

service_case known "A digest known at one length is known at the other."
known_body()
{
	start_with files
	want 412 "$service/digest/$(paths_digest /yum/a /yum/b)?piece=auto"
	want_post 200 /yum/a /yum/b
	want_length 65536 "$service/digest/$digest?piece=auto"
	digest=$(paths_digest /yum/b /yum/a)
	want 412 $service/digest/$digest
	want_length 65536 "$service/digest/$digest?piece=auto" \
	    -d p=/yum/b -d p=/yum/a
	want_length 1048576 $service/digest/$digest
	# So is a pattern of single mode, and of simple mode.
	want 412 "$service/digest/$(paths_digest '/yum/*')?piece=auto"
	want_length 1048576 "$service/single/yum/*"
	want_length 65536 \
	    "$service/digest/$(paths_digest '/yum/*')?piece=auto"
	want 412 $service/digest/$(paths_digest '/yum/[ab]')
	want_length 65536 "$service/simple/yum/[ab]"
	want_length 1048576 $service/digest/$(paths_digest '/yum/[ab]')
}

# Each of both is stored; without one of them the other still tells the paths.
service_case stored "Both are known after a restart, and in the cache."
stored_body()
{
	start_with files
	want_post 200 /yum/a /yum/b
	one=$(torrent)
	want_length 65536 "$service/digest/$digest?piece=auto"
	fit=$hash
	for suffix in '' .auto; do
		wait_for 5 test -e cache/info/$digest$suffix ||
		    fail "no info/$digest$suffix"
	done
	service_restart
	rm cache/info/$digest
	want_length 65536 "$service/digest/$digest?piece=auto"
	same "$hash" "$fit" "what was stored"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	want_length 1048576 $service/digest/$digest
	same "$hash" "$one" "what was stored"
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	wait_for 5 test -e cache/info/$digest || fail "not stored again"
	# Nothing is left of it: both are forgotten.
	rm www/yum/a www/yum/b
	service_reload "revalidate 0s"
	want 404 "$service/digest/$digest?piece=auto"
	wait_for 5 eval '! ls cache/info | grep .' || fail "still there"
	want 412 $service/digest/$digest
}

service_case fresh "Each has its own ETag, and follows the files."
fresh_body()
{
	start_with files "revalidate 1s"
	for query in '' '?piece=auto'; do
		target="$service/single/yum/a$query"
		want 200 "$target"
		tag=$(field ETag)
		length=$(field Content-Length)
		want 304 "$target" -H "If-None-Match: $tag"
		want 200 "$target" -I
		want_field ETag "$tag"
		want_field Content-Length "$length"
		want_field Cache-Control 'public, max-age=[01]'
		same "$(torrent 2>/dev/null)" "" "the body of HEAD"
	done
	want 200 $service/single/yum/a -H "If-None-Match: $tag"
	head -c 1200000 /dev/urandom >www/yum/a
	sleep 1.1
	want_length 65536 "$service/single/yum/a?piece=auto"
	want_length 1048576 $service/single/yum/a
}

# Files with a hole, since all of a gigabyte is hashed.
service_case large "The length grows with the set."
large_body()
{
	truncate -s 1G www/yum/fits
	truncate -s 1073741825 www/yum/more
	service_start
	want 200 $service/simple/yum/fits
	want_body 'piece lengthi65536e'
	want 200 $service/simple/yum/more
	want_body 'piece lengthi131072e'
	want 200 $service/single/yum/more
	want_body 'piece lengthi1048576e'
}

service_case reload "SIGHUP with another simple-piece-length."
reload_body()
{
	start_with files
	want_length 65536 "$service/simple/yum/[ab]"
	fit=$hash
	want_length 1048576 "$service/single/yum/[ab]"
	one=$hash
	service_reload "simple-piece-length 256K"
	want_length 262144 "$service/simple/yum/[ab]"
	want_length 65536 "$service/simple/yum/[ab]?piece=auto"
	same "$hash" "$fit" "auto"
	want_length 1048576 "$service/single/yum/[ab]"
	same "$hash" "$one" "single"
	wait_for 5 test -e cache/info/$(paths_digest '/yum/[ab]').simple ||
	    fail "not stored"
	service_reload "simple-piece-length 1M"
	want_length 1048576 "$service/simple/yum/[ab]"
	same "$hash" "$one" "simple, like single"
	service_reload "piece-length 64K" "simple-piece-length auto"
	want_length 65536 "$service/single/yum/[ab]"
	same "$hash" "$fit" "single, which is what fits"
	service_reload
	want_length 65536 "$service/simple/yum/[ab]"
}

service_case nullfile "Padding is there for each piece length."
nullfile_body()
{
	service_start "piece-length 16K" "simple-piece-length 64K"
	want 200 $service/nullfile/16777216
	same "$(stat -c %s body)" 16777216 "bytes"
	same "$(tr -d '\0' <body | wc -c)" 0 "bytes that are not zero"
	want 403 $service/nullfile/16777217
}
