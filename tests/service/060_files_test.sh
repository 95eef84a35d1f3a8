#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Files of the mirror: as such with serve-files, and which of them, by path
# and by pattern, get into torrents at all.

. "${0%/*}/../lib/lib.sh"

service_case off_by_default "Without serve-files there are only torrents."
off_by_default_body()
{
	echo a >www/yum/a.rpm
	service_start
	want 404 /yum/a.rpm
	service_reload "serve-files yes"
	want 200 /yum/a.rpm
	service_reload "serve-files no"
	want 404 /yum/a.rpm
}

service_case plain_file "A file is served as it is."
plain_file_body()
{
	mkdir -p www/yum 'www/a b'
	head -c 3000000 /dev/urandom >www/yum/a.rpm
	: >www/yum/empty
	echo odd >'www/a b/ü+#?.txt'
	echo top >www/top
	touch -d '2014-05-13 16:53:20 UTC' www/yum/a.rpm
	service_start "serve-files yes"
	want 200 /yum/a.rpm
	atf_check cmp www/yum/a.rpm body
	want_field Content-Length 3000000
	want_field Content-Type '?*'
	want_field Accept-Ranges bytes
	want_field Last-Modified 'Tue, 13 May 2014 16:53:20 GMT'
	want_field ETag '"?*"'
	want 200 /yum/empty
	want_field Content-Length 0
	want 200 /a%20b/%c3%bc+%23%3f.txt
	atf_check cmp 'www/a b/ü+#?.txt' body
	want 200 /yum/a.rpm?query
	want 200 //yum//a.rpm
	want 200 /top
	want 404 /yum/none
	want 404 /yum/a.rpm/
	want 404 /yum/a.rpm/x
	want 405 /yum/a.rpm -d x=y
	want_field Allow 'GET, HEAD, OPTIONS'
}

service_case future "Last-Modified is never later than Date."
future_body()
{
	echo a >www/yum/a
	touch -d '2037-01-01 UTC' www/yum/a
	service_start "serve-files yes"
	want 200 /yum/a
	modified=$(date -d "$(field Last-Modified)" +%s)
	[ "$modified" -le "$(date -d "$(field Date)" +%s)" ] ||
	    fail "Last-Modified: $(field Last-Modified)"
	# That is no date by which a part could be told to be of this version.
	want 200 /yum/a -r 0-0 -H "If-Range: $(field Last-Modified)"
	want 304 /yum/a -H "If-None-Match: $(field ETag)"
}

service_case ranges "A part of a file is had by Range."
ranges_body()
{
	head -c 100000 /dev/urandom >www/yum/a
	service_start "serve-files yes"
	while read -r range from to; do
		want 206 /yum/a -H "Range: bytes=$range"
		want_field Content-Range "bytes $from-$to/100000"
		want_field Content-Length $((to - from + 1))
		tail -c +$((from + 1)) www/yum/a | head -c $((to - from + 1)) |
		    atf_check cmp - body
	done <<-END
		0-0 0 0
		0-99999 0 99999
		70000-70010 70000 70010
		99999- 99999 99999
		-1 99999 99999
		-200000 0 99999
		50000-1000000 50000 99999
	END
	for range in 100000-100000 100000- -0; do
		want 416 /yum/a -H "Range: bytes=$range"
		want_field Content-Range 'bytes \*/100000'
	done
	for range in bytes=5-2 bytes=x- items=0-1 bytes=; do
		want 200 /yum/a -H "Range: $range"
		want_field Content-Length 100000
	done
}

service_case conditional "If- fields save or save from mixing versions."
conditional_body()
{
	head -c 1000 /dev/urandom >www/yum/a
	touch -d '2014-05-13 16:53:20 UTC' www/yum/a
	service_start "serve-files yes"
	want 200 /yum/a
	etag=$(field ETag)
	date=$(field Last-Modified)
	before='Tue, 13 May 2014 16:53:19 GMT'
	after='Wed, 14 May 2014 00:00:00 GMT'

	for one in "If-None-Match: $etag" 'If-None-Match: *' \
	    "If-None-Match: \"x\", W/$etag" "If-Modified-Since: $date"; do
		want 304 /yum/a -H "$one"
		same "$(field ETag)" "$etag" "the tag of a 304"
		[ ! -s body ] || fail "304 has a body"
	done
	# A date counts only as it was told.
	for one in 'If-None-Match: "x"' "If-Modified-Since: $before" \
	    "If-Modified-Since: $after" 'If-Modified-Since: yesterday' \
	    'If-Modified-Since: Tuesday, 13-May-14 16:53:20 GMT'; do
		want 200 /yum/a -H "$one"
	done
	# The tag decides where both are there (RFC 9110 13.2.2).
	want 200 /yum/a -H 'If-None-Match: "x"' -H "If-Modified-Since: $date"

	want 206 /yum/a -r 0-9 -H "If-Range: $etag"
	want 206 /yum/a -r 0-9 -H "If-Range: $date"
	for one in '"x"' "W/$etag" "$before" "$after"; do
		want 200 /yum/a -r 0-9 -H "If-Range: $one"
	done
	# Another content of the same size and mtime is another version.
	head -c 1000 /dev/urandom >www/yum/a
	touch -d '2014-05-13 16:53:20 UTC' www/yum/a
	want 200 /yum/a -H "If-None-Match: $etag"
	want 200 /yum/a -r 0-9 -H "If-Range: $etag"
}

service_case several_roots "Each prefix has a root of its own."
several_roots_body()
{
	mkdir -p www/pub/disk2 disk2/sub deep
	echo one >www/pub/a
	echo hidden >www/pub/disk2/a
	echo two >disk2/a
	echo two >disk2/sub/a
	echo three >deep/a
	service_start "serve-files yes" "root $here/www" \
	    "root /pub/disk2 $here/disk2" "root /pub/disk2/sub/x $here/deep"
	same "$(children walker | wc -l)" 3 "walkers"
	while read -r path content; do
		want 200 "$path"
		same "$(cat body)" "$content" "$path"
	done <<-END
		/pub/a one
		/pub/disk2/a two
		/pub/disk2/sub/a two
		/pub/disk2/sub/x/a three
	END
	want 404 /pub/disk2x/a
	want 404 /pub/disk2/b

	want_post 200 /pub/disk2/sub/x/a /pub/a /pub/disk2/a
	# As a web server would show them.
	mkdir -p web/pub/disk2/sub/x
	cp www/pub/a web/pub
	cp disk2/a web/pub/disk2
	cp deep/a web/pub/disk2/sub/x
	want_torrent files --root web
	same "$torrent" "6 disk2/sub/x/a
4 a
4 disk2/a" "the files, in their order"
}

service_case roots_and_patterns "A wildcard does not match a prefix."
roots_and_patterns_body()
{
	mkdir -p www/pub/disk2 disk2
	echo one >www/pub/a
	echo hidden >www/pub/disk2/hidden
	echo two >disk2/a
	service_start "root $here/www" "root /pub/disk2 $here/disk2"
	want 200 "$service/single/pub/disk2/*"
	atf_check -o match:'4:name1:a' cat body
	want 200 "$service/single/pub/**"
	! grep -q hidden body || fail "what the second root covers"
	want 200 $service/single/pub/disk2/a
	want 404 $service/single/pub/disk2/hidden
}

service_case only_prefixes "Without a root for it there is nothing."
only_prefixes_body()
{
	mkdir -p www/data
	echo a >www/data/a
	settle www/data/a
	service_start "serve-files yes" "root /pub $here/www/data"
	want 200 /pub/a
	want 404 /a
	want 404 $service/single/a
	want 200 $service/single/pub/a
	want_post 200 /pub/a /other/a
	want_post 200 /other/a /pub/a
	want 200 $service/digest/$digest
	# The cache is asked, and has been sent nothing that it cannot take.
	want_post 200 /pub/a
	wait_for 5 test -e cache/info/$digest || fail "not in the cache"
	! grep 'wrong' log || fail "the front was blamed"
}

service_case deny "What is denied is not there for anybody."
deny_body()
{
	mkdir -p www/yum/private/deep www/yum/open
	small private/a private/deep/b open/c open/d.iso open/.hidden
	ln -s ../private/a www/yum/open/link
	service_start "serve-files yes" "deny /yum/private" \
	    "deny /yum/**/*.iso" "deny /yum/open/.h*"
	for path in private/a private/deep/b open/d.iso open/.hidden; do
		want 403 /yum/$path
		want 403 $service/single/yum/$path
		want_post 404 /yum/$path
	done
	want 200 /yum/open/c
	want 200 "$service/single/yum/**"
	! grep -q -e private -e iso -e deep body || fail "in a pattern's torrent"
	want_post 200 /yum/private/a /yum/open/c
	torrent_has files "7 open/c" "what is left"
	service_reload "deny /yum/open/c"
	want 403 $service/single/yum/open/c
	want 200 $service/single/yum/private/a
}

service_case links "A link is good while every step is below the root."
links_body()
{
	mkdir -p www/yum/dir outside
	echo secret >outside/secret
	echo inside >www/yum/dir/a
	cd www/yum
	ln -s dir/a in
	ln -s ../yum/dir/../dir/a winding
	ln -s dir dirlink
	ln -s in again
	ln -s ../../outside/secret out
	ln -s ../../www/yum/dir/a back
	ln -s ../../outside outdir
	ln -s "$here/www/yum/dir/a" absolute
	ln -s /yum/dir/a absolute_inside
	ln -s nowhere broken
	ln -s loop2 loop1
	ln -s loop1 loop2
	cd ../..
	service_start "serve-files yes"
	for mode in '' $service/single; do
		for name in in winding dirlink/a again; do
			want 200 $mode/yum/$name
		done
		for name in out outdir/secret back absolute absolute_inside; do
			want 403 $mode/yum/$name
			! grep -q secret body || fail "$name leads out"
		done
		want 40[34] $mode/yum/broken
		want 40[34] $mode/yum/loop1
	done
	want_log 'relative link'
	same "$(grep -c 'relative link' log)" 1 "said once a minute"
	want 200 "$service/single/yum/*"
	torrent_has files "7 again
7 in
7 winding" "links in a pattern"
	want 200 "$service/single/yum/**/a"
	torrent_has urls "$url/yum/dir/a" "no links to directories in **"
}

service_case odd_files "What is no file is refused at once, never waited for."
odd_files_body()
{
	mkdir -p www/yum/dir
	echo a >www/yum/a
	echo u >www/yum/unreadable
	chmod 0 www/yum/unreadable
	mkfifo www/yum/fifo
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("www/yum/s")'
	service_start "serve-files yes" "hash-wait 50s"
	for mode in '' $service/single; do
		for name in dir fifo s unreadable; do
			want 40[34] $mode/yum/$name --max-time 3
		done
	done
	want 200 "$service/single/yum/*"
	torrent_has form single "only one of them is a file"
	want_post 200 /yum/fifo /yum/unreadable /yum/a /yum/s
	torrent_has files "2 a" "what is left"
}

service_case patterns "Patterns match by bytes and are sorted by them."
patterns_body()
{
	mkdir -p www/g/sub/deep www/g/.dot www/g/Z www/o
	for f in a.foo b.foo B.foo c.bar .hidden.foo 'x[1].foo' x1.foo 'b\y.foo' \
	    ü.foo sub/d.foo sub/deep/e.foo .dot/f.foo Z/g.foo sub.foo \
	    sub/.h.foo 'star*'; do
		echo . >"www/g/$f"
	done
	ln -s ../g/sub www/o/link
	service_start
	while read -r pattern files; do
		want 200 "$service/single/g/$(echo "$pattern" | sed 's/?/%3f/g')"
		want_torrent files
		same "$(echo "$torrent" | cut -d ' ' -f 2 | tr '\n' ' ')" \
		    "$files " "$pattern"
	done <<-'END'
		*.foo B.foo a.foo b.foo b\y.foo sub.foo x1.foo x[1].foo ü.foo
		[a-c].??? a.foo b.foo c.bar
		[!a-c].foo B.foo
		[]a].foo a.foo
		.*.foo .hidden.foo
		*/*.foo Z/g.foo sub/d.foo
		s*/deep/* e.foo
		**/[a-d].foo a.foo b.foo sub/d.foo
		**/*b.* b.foo sub.foo
		**/[A-Zg]*.foo B.foo Z/g.foo
		**/?.foo B.foo Z/g.foo a.foo b.foo sub/d.foo sub/deep/e.foo
		sub/** sub/d.foo sub/deep/e.foo
		**/deep/*.foo e.foo
		??.foo x1.foo ü.foo
		b\*.foo b\y.foo
		x[1].foo x[1].foo
		star* star*
	END
}

service_case links_in_patterns "** follows no link, a name does."
links_in_patterns_body()
{
	mkdir -p www/g/real
	echo . >www/g/real/a
	echo . >www/g/real/b
	ln -s real www/g/link
	service_start
	want 200 "$service/single/g/**"
	torrent_has files "2 real/a
2 real/b" "below **"
	want 200 "$service/single/g/link/*"
	torrent_has files "2 link/a
2 link/b" "a link by name"
}

service_case growing "A file that shrinks under an answer ends it short."
growing_body()
{
	truncate -s 60M www/yum/a
	service_start "serve-files yes"
	python growing
}

# As fast as memory is copied, and never full: a turn of the loop has an end.
service_case fast_reader "A client that reads fast does not hold up others."
fast_reader_body()
{
	truncate -s 100G www/yum/a
	service_start "serve-files yes"
	python fast_reader
}

# left_out LINES PATTERN: so many lines of the log say so.
left_out()
{
	same "$(grep -c -e "$2" log)" "$1" "lines of the log like $2"
}

service_case left_out "What a pattern leaves out is logged once a minute."
left_out_body()
{
	mkdir -p www/yum/shut www/yum/denied
	echo a >www/yum/a
	echo b >www/yum/secret
	echo c >www/yum/shut/c
	echo d >www/yum/denied/d
	chmod 0 www/yum/secret www/yum/shut www/yum/denied/d
	unreadable="may not read it (Permission denied)"
	service_start "revalidate 0s" "deny /yum/denied/*"
	want 404 "$service/single/yum/denied/*"
	want 403 "$service/single/yum/denied/d"
	left_out 0 "$unreadable"
	for _ in 1 2 3; do
		want 200 "$service/single/yum/*"
		torrent_has form single "the form"
	done
	want_log "walker.*left out.*\"/yum/secret\".*$unreadable"
	left_out 1 "$unreadable"
	# Of directories too, and of a path that is asked for by itself.
	service_restart
	want 404 "$service/single/yum/*/*"
	want_log "left out or refused \"/yum/shut\".*$unreadable"
	service_restart
	want 403 "$service/single/yum/secret"
	want_log "left out or refused \"/yum/secret\".*$unreadable"
}

service_case control_bytes "Names with control bytes are left out, and logged."
control_bytes_body()
{
	nl='
'
	mkdir -p "www/yum/d${nl}d" www/denied
	echo a >www/yum/a
	echo b >"www/yum/d${nl}d/b"
	echo c >"$(printf 'www/yum/c\177')"
	echo d >"$(printf 'www/denied/c\001')"
	service_start "revalidate 0s" "deny /denied/*"
	want 404 "$service/single/denied/**"
	left_out 0 'a control byte'
	for pattern in '*' '**' '*/**'; do
		want '*' "$service/single/yum/$pattern"
		[ "$status" = 404 ] || want_torrent urls
		[ "$status" = 404 ] || same "$torrent" "$url/yum/a" "its file"
	done
	want 404 "$service/single/yum/c?"
	want 404 "$service/single/yum/d?d/b"
	want_log 'walker.*left out "/yum/[cd]\\x[07][af].*a control byte'
	left_out 1 'a control byte'
}
