#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Metalinks of files and of patterns.

. "${0%/*}/../lib/lib.sh"

yum_files()
{
	mkdir -p www/yum/sub
	random 2500000 www/yum/a.rpm
	random 1048576 www/yum/sub/c.rpm
	: >www/yum/empty
	small 'b&<">.rpm' "ünï'.rpm" z
	settle www/yum/* www/yum/sub/*
}

# want_metalink [FIELD [BASE [LENGTH]]]: the last answer is a good Metalink,
# and $metalink is that of it.
want_metalink()
{
	want_field Content-Type application/metalink4+xml
	want_field Content-Length "$(stat -c %s body)"
	want_field ETag '"?*"'
	want_field Cache-Control 'public, max-age=*'
	metalink=$("$tests/lib/metalink_check.py" body "${2:-$url}" www \
	    "${3:-1048576}" "${1:-names}") || fail "no good Metalink: $metalink"
	if command -v xmllint >/dev/null; then
		xmllint --noout body || fail "not well-formed"
	fi
}

service_case one_file "The Metalink of a file is its own, with its torrent."
one_file_body()
{
	start_with yum_files
	want 200 $service/meta4/yum/a.rpm
	want_field Content-Disposition 'attachment; filename="a.rpm.meta4"'
	want_metalink
	same "$metalink" a.rpm "the name"
	want_metalink urls
	same "$metalink" $url/yum/a.rpm "the URL"
	want_metalink metaurls
	want_torrent_at "${metalink#"$url"}"
	torrent_has name a.rpm "the torrent"
	want_torrent_at $service/single/yum/a.rpm
	hash=$torrent
	want_torrent_at "${metalink#"$url"}"
	same "$torrent" "$hash" "the torrent"

	want 200 "$service/meta4/yum/%c3%bcn%c3%af'.rpm"
	encoded="filename\*=UTF-8''%C3%BCn%C3%AF%27.rpm.meta4"
	want_field Content-Disposition \
	    "attachment; filename=\"*.meta4\"; $encoded"
	want_metalink
	same "$metalink" "ünï'.rpm" "the name"
	want 200 "$service/meta4/yum/[e]mpty"
	want_metalink
	same "$metalink" empty "the name"
	want 404 $service/meta4/yum/none
	want 40[34] $service/meta4/yum/sub
}

service_case pattern "That of a pattern has all files and all seeds."
pattern_body()
{
	start_with yum_files 'web-seed http://seed/m&n'
	want 200 "$service/meta4/yum/**"
	want_field Content-Disposition 'attachment; filename="yum.meta4"'
	want_metalink
	same "$metalink" "yum/a.rpm
yum/b&<\">.rpm
yum/empty
yum/sub/c.rpm
yum/z
yum/ünï'.rpm" "the names, by strcmp"
	want_metalink metaurls
	same "$metalink" "" "no torrent, which has padding"
	want 200 "$service/meta4/yum/[bz]*"
	want_metalink urls
	same "$metalink" "$url/yum/b%26%3C%22%3E.rpm
http://seed/m&n/yum/b%26%3C%22%3E.rpm
$url/yum/z
http://seed/m&n/yum/z" "the URLs"
}

service_case other_lengths "piece-length is that of Metalinks too."
other_lengths_body()
{
	start_with yum_files 'piece-length 64K' 'padding attr'
	want 200 "$service/meta4/yum/**"
	want_metalink names "$url" 65536
	want 200 $service/meta4/yum/a.rpm
	want_metalink names "$url" 65536
}

service_case head_and_etag "HEAD, and If-None-Match, need no body."
head_and_etag_body()
{
	start_with yum_files
	target="$service/meta4/yum/*.rpm"
	want 200 "$target"
	etag=$(field ETag) length=$(field Content-Length)
	want 200 "$target" -I
	same "$(field ETag) $(field Content-Length)" "$etag $length" HEAD
	want 304 "$target" -H "If-None-Match: $etag"
	want_field ETag "$etag"
	want_field Cache-Control 'public, max-age=*'
	[ ! -s body ] || fail "304 with a body"
	want 200 $service/single/yum/a.rpm -H "If-None-Match: $etag"

	# All that it is made of is in the tag.
	want 200 "$target" -H 'Host: other'
	differs "$(field ETag)" "$etag" "another host"
	want 200 "$target" -H 'X-Forwarded-Proto: https'
	differs "$(field ETag)" "$etag" "another scheme"
	want_field Vary X-Forwarded-Proto
	want_metalink names "https://127.0.0.1:$port"
	service_reload 'web-seed http://seed'
	want 200 "$target" -H "If-None-Match: $etag"
	differs "$(field ETag)" "$etag" "another seed"
	echo changed >www/yum/sub/c.rpm
	echo changed >www/yum/a.rpm
	service_reload 'revalidate 0s'
	want 200 "$target" -H "If-None-Match: $etag"
	want_metalink
	want 405 "$target" -X POST
	want_field Allow 'GET, HEAD, OPTIONS'
	want 204 "$target" -X OPTIONS
}

service_case without_host "A request that names no host needs base-url."
without_host_body()
{
	start_with yum_files
	want 400 $service/meta4/yum/a.rpm -0 -H Host:
	want_body 'base-url'
	want 200 $service/meta4/yum/a.rpm -0
	service_reload 'base-url https://mirror/d'
	want 200 $service/meta4/yum/a.rpm -0 -H Host:
	want_metalink names https://mirror/d
	want_metalink metaurls https://mirror/d
	same "$metalink" \
	    https://mirror/d/yum/torrent_service/single/yum/a.rpm "the torrent"
	service_reload 'host mirror'
	want 421 $service/meta4/yum/a.rpm
}

service_case one_job "Metalink and torrent of a path are made once."
one_job_body()
{
	start_with yum_files "access-log $here/access" 'revalidate 1h'
	for mode in meta4 single simple meta4; do
		want 200 "$service/$mode/yum/**"
	done
	hashed=$(service_count 'bytes hashed')
	for mode in single meta4; do
		want 200 $service/$mode/yum/sub/c.rpm
	done
	want_pieces /yum/a.rpm
	same "$(service_count 'bytes hashed')" "$hashed" "bytes hashed"
	want_log 'single/yum/sub/c.rpm HTTP/1.1" 200 .* made ' access
	want_log 'meta4/yum/\*\* HTTP/1.1" 200 .* made ' access
	want_log 'meta4/yum/\*\* HTTP/1.1" 200 .* hit ' access
	want_log 'meta4/yum/sub/c.rpm HTTP/1.1" 200 .* hit 0 [0-9a-f]\{40\}' \
	    access
}

# A Metalink of this cannot be read, or its file be named.
service_case names "Names that a Metalink cannot have are refused."
names_body()
{
	yum_files
	latin1=$(printf 'l\351.rpm')
	echo l >"www/yum/$latin1"
	echo b >'www/yum/..\b.rpm'
	printf x >"$(printf 'www/yum/\357\277\277.rpm')"
	mkdir "www/$latin1"
	echo in >"www/$latin1/in"
	echo in >"www/$latin1/too"
	service_start
	for path in l%e9.rpm '..%5cb.rpm' %ef%bf%bf.rpm '*.rpm'; do
		want 403 "$service/meta4/yum/$path"
		want_body 'name of a file .* torrent'
		want_field Cache-Control no-store
		want_torrent_at "$service/single/yum/$path"
		want 403 "$service/meta4/yum/$path"
	done
	want 200 "$service/meta4/yum/[a-k]*.rpm"
	want_metalink
	# The directory is not in the name of a single one.
	want 200 $service/meta4/l%e9.rpm/in
	want_metalink
	same "$metalink" in "the name"
	want 403 "$service/meta4/l%e9.rpm/*"
}

service_case too_large "A Metalink over max-torrent is refused before it is hashed."
too_large_body()
{
	random 1000000 www/yum/large
	settle www/yum/large
	service_start 'piece-length 16K'
	want 200 $service/meta4/yum/large
	want_metalink names "$url" 16384
	size=$(stat -c %s body)
	service_stop
	rm -rf cache/*
	service_configure 'piece-length 16K' "max-torrent $((size - 1))"
	service_run
	want 413 $service/meta4/yum/large
	want_body 'Metalink .* fewer files'
	same "$(service_count 'bytes hashed')" 0 "bytes hashed"
	want 200 $service/single/yum/large
	want 413 $service/meta4/yum/large
	service_reload 'piece-length 16K' "max-torrent $size"
	want 200 $service/meta4/yum/large
	# Another seed is another line for each file.
	service_reload 'piece-length 16K' "max-torrent $size" \
	    'web-seed http://seed'
	want 413 $service/meta4/yum/large
}

service_case slow_readers "One of millions of bytes is made as it is read."
slow_readers_body()
{
	small $(seq 1000)
	settle www/yum/*
	# Each is a line for each file.
	path=$(printf 'd%.0s' $(seq 200))
	set --
	for n in $(seq 60); do
		set -- "$@" "web-seed http://seed$n/$path"
	done
	service_start "$@"
	python slow_readers "$(children front)"
	want 200 "$service/meta4/yum/*"
	want_metalink
	same "$(echo "$metalink" | wc -l)" 1000 "files"
}
