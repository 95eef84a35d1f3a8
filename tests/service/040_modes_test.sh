#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The answer to each URL of the service, and its words.

. "${0%/*}/../lib/lib.sh"

yum_files()
{
	mkdir -p www/yum/sub
	head -c 1100000 /dev/urandom >www/yum/a.rpm
	echo b >www/yum/b+b.rpm
	echo c >www/yum/sub/c.rpm
	echo u >www/yum/ünï.rpm
	echo q >'www/yum/q"\.rpm'
}

service_case single_and_simple \
    "single names a torrent by its info hash, simple by the file."
single_and_simple_body()
{
	start_with yum_files "simple-piece-length 1M"
	for mode in single simple; do
		want_torrent_at $service/$mode/yum/a.rpm
		want_field Content-Type application/x-bittorrent
		want_field Content-Transfer-Encoding binary
		want_field Content-Length "$(stat -c %s body)"
		want_field ETag '"?*"'
		cp body $mode
	done
	atf_check cmp single simple
	want_field Content-Disposition 'attachment; filename="a.rpm.torrent"'
	want 200 $service/single/yum/a.rpm
	want_field Content-Disposition \
	    "attachment; filename=$torrent.torrent"

	want 200 "$service/simple/yum/*.rpm"
	want_field Content-Disposition 'attachment; filename="yum.torrent"'
	want 200 $service/simple/yum/%c3%bcn%c3%af.rpm
	encoded="filename\*=UTF-8''%C3%BCn%C3%AF.rpm.torrent"
	want_field Content-Disposition \
	    "attachment; filename=\"*.torrent\"; $encoded"
	want 200 $service/simple/yum/q%22%5c.rpm
	encoded="filename\*=UTF-8''q%22%5C.rpm.torrent"
	want_field Content-Disposition \
	    "attachment; filename=\"q[!\"\\\\]*.rpm.torrent\"; $encoded"
	want_torrent_at $service/single/yum/%c3%bcn%c3%af.rpm
	want_field Content-Disposition \
	    "attachment; filename=$torrent.torrent"
}

service_case forms "One file is the single form, a digest the multi form."
forms_body()
{
	start_with yum_files
	want 200 "$service/single/yum/[a].rpm"
	torrent_has form single "a pattern with one match"
	want 200 "$service/single/yum/**"
	torrent_has files "1100000 a.rpm
2 b+b.rpm
2 q\"\\.rpm
2 sub/c.rpm
2 ünï.rpm" "the files, by strcmp"
	want_torrent padding
	same "$(echo "$torrent" | sed 's/.*nullfile//')" "/997152_0
/1048574_0
/1048574_1
/1048574_2" "padding but after the last"
	want_post 200 /yum/a.rpm
	torrent_has form multi "one path, posted"
	torrent_has urls "$url/
$url/yum/a.rpm" "base and file"
}

service_case digest_by_query "GET with p fields means what POST means."
digest_by_query_body()
{
	start_with yum_files
	want_torrent_of /yum/a.rpm '/yum/b+b.rpm'
	cp body posted
	want 200 "$service/digest/$digest?p=/yum/a.rpm&p=%2Fyum/b%2Bb.rpm"
	atf_check cmp posted body
	want 200 "$service/digest/$digest?x=1&p=/yum/a.rpm&p=&y&p=/yum/b%2bb.rpm"
	digest=$(paths_digest "/yum/b b.rpm" /yum/a.rpm)
	want 200 "$service/digest/$digest?p=/yum/b+b.rpm&p=/yum/a.rpm"
	torrent_has files "1100000 a.rpm" "a plus in a form is a blank"
}

service_case digest_refused "What does not fit its digest is not remembered."
digest_refused_body()
{
	start_with yum_files
	a=$(paths_digest /yum/a.rpm)
	other=$(paths_digest /yum/a.rpm /yum/sub/c.rpm)
	want 400 "$service/digest/$other?p=/yum/a.rpm"
	want 400 $service/digest/$other -d p=/yum/sub/c.rpm -d p=/yum/a.rpm
	want 412 $service/digest/$other
	want 412 "$service/digest/$a?p="
	want 412 "$service/digest/$a?other=/yum/a.rpm"
	want 412 $service/digest/$a -d ''
	want 400 "$service/digest/$a?p=/yum/a.rpm%2"
	want 400 "$service/digest/$a?p=/yum/a%0a.rpm"
	for path in yum/a.rpm /yum//a.rpm /yum/. /yum/../a.rpm \
	    /yum/sub/ /yum/sub/./; do
		want_post 400 "$path"
	done
	want 400 $service/digest/$(paths_digest /yum/a.rpm | tr a-f A-F)
	want 400 $service/digest/${a%?}
	want 400 $service/digest/${a}0
	want 400 $service/digest/
	want 412 $service/digest/$a
}

service_case digest_unknown "412 is what makes a yum-torrent client POST."
digest_unknown_body()
{
	service_start
	want 412 $service/digest/$(paths_digest /yum/a.rpm)
	same "$(head -n 1 head | tr -d '\r')" \
	    "HTTP/1.1 412 Precondition failed" "the status line"
	[ ! -s body ] || fail "it has a body"
	want_field Cache-Control 'no-cache, no-store, must-revalidate'
	want_field Pragma no-cache
	want_field Expires 0
}

service_case what_is_not_there "What is missing from a POST is left out."
what_is_not_there_body()
{
	yum_files
	mkdir www/other
	echo o >www/other/o.rpm
	echo t >www/top.rpm
	mkfifo www/yum/fifo
	service_start
	want 404 $service/single/yum/none.rpm
	want 404 "$service/single/yum/*.none"
	want 40[34] $service/single/yum/sub
	want_post 200 /yum/none.rpm /yum/a.rpm /yum/sub /yum/fifo /yum/a.rpm \
	    '/yum/*.none'
	torrent_has files "1100000 a.rpm
1100000 a.rpm" "what is there, repeats kept"
	want_post 404 /yum/none.rpm /yum/sub
	want_post 400 /yum/a.rpm /other/o.rpm
	want_post 200 /yum/a.rpm /other/none.rpm
	want_post 400 /top.rpm
	want 200 $service/single/top.rpm
	torrent_has name top.rpm "single mode has a name for it"
}

service_case multi_form_is_remembered \
    "A pattern's torrent is there under the pattern's digest, too."
multi_form_is_remembered_body()
{
	yum_files
	settle www/yum
	service_start
	want_torrent_at "$service/single/yum/[ab]*.rpm"
	pattern=$torrent
	want 200 "$service/digest/$(paths_digest '/yum/[ab]*.rpm')"
	same "$(torrent)" "$pattern" "the pattern and its digest"
	want 200 $service/single/yum/a.rpm
	want 412 $service/digest/$(paths_digest /yum/a.rpm)
}

service_case nullfile "Padding: how long, how named, how cut."
nullfile_body()
{
	service_start
	want 200 $service/nullfile/1000_2
	head -c 1000 /dev/zero | atf_check cmp - body
	want_field Content-Type application/octet-stream
	want_field Content-Transfer-Encoding binary
	want_field Content-Disposition 'attachment;'
	want_field Accept-Ranges bytes
	want_field Connection close
	left=$(($(date -d "$(field Expires)" +%s) - \
	    $(date -d "$(field Date)" +%s)))
	same $left 86400 "seconds to Expires"

	for name in 0_0 0 1 7_0 1048576_12 1048577_0; do
		want 200 $service/nullfile/$name
		same "$(stat -c %s body)" ${name%_*} "the length of $name"
	done
	want 403 $service/nullfile/16777217_0
	want 403 $service/nullfile/99999999999999999999999999_0
	for name in '' _0 -1 +1 %201 1_ 1_a 1a x 1_0/ 0x10; do
		want 400 $service/nullfile/$name
	done
}

service_case nullfile_ranges "Clients fetch padding in parts."
nullfile_ranges_body()
{
	service_start
	while read -r range from to; do
		want 206 $service/nullfile/1000_0 -H "Range: bytes=$range"
		want_field Content-Range "bytes $from-$to/1000"
		want_field Connection ''
		same "$(stat -c %s body)" $((to - from + 1)) "bytes of $range"
	done <<-END
		0-0 0 0
		5-9 5 9
		990- 990 999
		-10 990 999
		-5000 0 999
		0-5000 0 999
		999-1048575 999 999
		0-18446744073709551616 0 999
	END
	for range in 1000-1000 1000- 5000-6000 -0; do
		want 416 $service/nullfile/1000_0 -H "Range: bytes=$range"
		want_field Content-Range 'bytes \*/1000'
	done
	want 416 $service/nullfile/0_0 -H "Range: bytes=0-0"
}

service_case head "HEAD says what GET says, and no more."
head_body()
{
	start_with yum_files "serve-files yes"
	python head
}

service_case methods "Other methods are told which ones there are."
methods_body()
{
	service_start
	for mode in single/yum/a.rpm simple/yum/a.rpm nullfile/1_0; do
		for method in POST PUT DELETE options get; do
			want 405 $service/$mode -X $method
			want_field Allow 'GET, HEAD, OPTIONS'
		done
	done
	for method in PUT PATCH; do
		want 405 $service/digest/$(paths_digest /a) -X $method
		want_field Allow 'GET, HEAD, POST, OPTIONS'
	done
	# A null file does not look at a query.
	want 200 "$service/nullfile/1_0?p=%zz"
}

service_case targets "A target has one meaning, however it is written."
targets_body()
{
	start_with yum_files
	for target in /yum/torrent_service/single/yum/a.rpm \
	    /n/torrent%5Fservice/single/yum/a.rpm \
	    //yum//torrent_service///single//yum//a.rpm \
	    '/%61%2fb/../n' \
	    /n%2ftorrent_service%2Fsingle%2fyum%2fa.rpm \
	    "$service/single/yum/b+b.rpm" "$service/single/yum/b%2bb.rpm"; do
		case $target in
		*..*) want 400 "$target" ;;
		*) want 200 "$target"; want_torrent ;;
		esac
	done
	for target in $service/single/yum/a%2 $service/single/yum/%zz \
	    $service/single/yum/a%00.rpm $service/single/yum/a%0a \
	    $service/single/yum/%7f /../torrent_service/nullfile/1 \
	    $service/single/../yum/a.rpm $service/single/yum/%2e%2E/a.rpm \
	    $service/single/yum/. /..; do
		want 400 "$target"
	done
	for target in / /mirror /torrent_service /torrent_service/ \
	    /torrent_service/single/yum/a.rpm \
	    /a/b/torrent_service/single/yum/a.rpm \
	    /mirror/torrent_services/single/yum/a.rpm \
	    $service/singles/yum/a.rpm $service/single $service/single/ \
	    /mirror/Torrent_service/single/yum/a.rpm; do
		want 404 "$target"
	done
	want 200 $service/single/yum/a.rpm
	service_reload "service other_service"
	want 404 $service/single/yum/a.rpm
	want 200 /mirror/other_service/single/yum/a.rpm
	want 200 /mirror/other_service/nullfile/1
}

service_case dots "A component that is a dot counts as nothing."
dots_body()
{
	yum_files
	mkdir -p other www/yum/secret
	echo o >other/o.rpm
	cp -Rp other www/yum
	echo s >www/yum/secret/s.rpm
	settle www/yum/* www/yum/sub/* other/*
	service_start "root $here/www" "root /yum/other $here/other" \
	    "deny /yum/secret"
	want_torrent_at $service/single/yum/a.rpm
	plain=$torrent
	for target in $service/single/./yum/./a.rpm \
	    $service/single/yum/%2e/a.rpm \
	    "/./mirror/%2e/torrent_service/./single/yum/././a.rpm"; do
		want_torrent_at "$target"
		same "$torrent" "$plain" "$target"
		torrent_has urls "$url/yum/a.rpm" "the web seed"
	done
	want 403 $service/single/yum/./secret/s.rpm
	want 403 $service/single/./yum/secret/./s.rpm
	want 200 $service/single/yum/./other/./o.rpm
	want 200 "$service/single/yum/./sub/*.rpm"
	want_post 404 /yum/./secret/s.rpm
	want_post 404 /./yum/secret/./s.rpm '/yum/./secret/*'
	want_torrent_of /yum/a.rpm
	plain=$torrent

	# The digest is that of the paths as they were sent, also afterwards.
	want_torrent_of /yum/./a.rpm
	same "$torrent" "$plain" "a path with a dot"
	want_post 200 /yum/./a.rpm /./yum/other/o.rpm '/yum/./sub/./*.rpm'
	want_torrent files
	files=$torrent
	same "$(echo "$files" | sed 's/.* //' | head -n 2 | tr '\n' ' ')" \
	    "a.rpm other/o.rpm " "the files"
	wait_for 10 test -e cache/info/$digest || fail "it is not remembered"
	service_restart
	want 200 $service/digest/$digest
	torrent_has files "$files" "what is remembered"
	want 412 $service/digest/$(paths_digest /yum/a.rpm /yum/other/o.rpm \
	    '/yum/sub/*.rpm')
}

service_case conditional "Who has the torrent already is told so."
conditional_body()
{
	yum_files
	settle www/yum
	service_start
	want 200 $service/single/yum/a.rpm
	etag=$(field ETag)
	cp body torrent
	for match in "$etag" "W/$etag" "\"x\", $etag" '*'; do
		want 304 $service/single/yum/a.rpm -H "If-None-Match: $match"
		same "$(field ETag)" "$etag" "the tag of a 304"
		want_field Cache-Control 'public, max-age=[0-9]*'
		[ ! -s body ] || fail "304 has a body"
	done
	want 200 $service/single/yum/a.rpm -H 'If-None-Match: "x"'
	atf_check cmp torrent body
	# The same file in other words is another torrent.
	want 200 $service/single/yum/a.rpm -H 'Host: other.example'
	differs "$(field ETag)" "$etag" "tags for two hosts"
	torrent_has urls http://other.example/yum/a.rpm "the web seed"
	# A POST gets it with any condition.
	want_torrent_of /yum/a.rpm
	hash=$torrent
	for match in "$(field ETag)" '*'; do
		want 304 $service/digest/$digest -H "If-None-Match: $match"
		want 200 $service/digest/$digest -H "If-None-Match: $match" \
		    --data-urlencode p=/yum/a.rpm
		same "$(torrent)" "$hash" "the torrent that was posted for"
	done
}

service_case freshness "Caches in front are told how long it is good."
freshness_body()
{
	start_with yum_files "revalidate 100s"
	want 200 $service/single/yum/a.rpm
	want_field Cache-Control 'public, max-age=0'
	settle www/yum
	want 200 $service/single/yum/a.rpm
	want_field Cache-Control 'public, max-age=[19][0-9]*'
	echo new >www/yum/new.rpm
	want 200 $service/single/yum/new.rpm
	want_field Cache-Control 'public, max-age=0'
	service_reload "revalidate 0"
	want 200 $service/single/yum/a.rpm
	want_field Cache-Control 'public, max-age=0'
}

service_case vary "A trusted proxy's caches keep two schemes apart."
vary_body()
{
	start_with yum_files
	want 200 $service/single/yum/a.rpm
	want_field Vary X-Forwarded-Proto
	want 200 $service/single/yum/a.rpm --interface 127.0.0.2
	want_field Vary ''
	service_reload "base-url https://mirror.example/pub"
	want 200 $service/single/yum/a.rpm
	want_field Vary ''
}

service_case errors "One line of plain text says what to do."
errors_body()
{
	start_with yum_files "host mirror.example" "host 127.0.0.1"
	mine='<b>mine</b>'
	for one in "404 $service/single/yum/$mine" \
	    "404 $service/$mine" "404 /$mine" "400 $service/nullfile/$mine" \
	    "400 $service/digest/$mine" "421 / -HHost:$mine.example" \
	    "421 / -HHost:other.example" "403 $service/nullfile/99999999" \
	    "416 $service/nullfile/1 -r 5-" "405 / -X DELETE"; do
		case $one in
		*Host:'<'*) one="400 ${one#* }" ;;
		esac
		want $one
		want_field Content-Type 'text/plain; charset=utf-8'
		want_field Cache-Control no-store
		same "$(wc -l <body)" 1 "lines in the answer to $one"
		! grep -q mine body head || fail "the client's own input"
	done
	want 404 / -H 'Host: Mirror.Example:8080'
}
