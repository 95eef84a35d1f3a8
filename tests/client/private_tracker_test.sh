#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Trackers that refuse unknown info hashes, and the helpers in etc/ that tell
# them new ones.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

etc=$(cd "$tests/../etc" && pwd)

# start_helper NAME [NAME=VALUE ...]: as systemd starts it from its units.
start_helper()
{
	_helper=$1
	shift
	for _setting; do
		set -- "$@" -E "$_setting"
		shift
	done
	systemd-socket-activate -a --inetd -E PATH "$@" -l "$here/helper" \
	    "$etc/$_helper" >helper.log 2>&1 &
	note_pid $!
	wait_for 10 [ -S helper ] || fail "no helper: $(cat helper.log)"
}

hashes()
{
	head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n' |
	    fold -w 40 | grep -x '.\{40\}'
}

# want_answers FILE: the helper's answers to these lines are those of the file.
want_answers()
{
	"$etc/$_helper" <lines >answers 2>errors
	same $? "${2:-0}" "exit status of $_helper: $(cat errors)"
	atf_check -o file:"$1" cat answers
}

# is_taken HASH: an announce of it, percent-encoded.
is_taken()
{
	curl -s -o taken "$tracker?info_hash=$1&port=9&left=1"
	grep -a -q 8:interval taken
}

# The tracker is told of a change only after half a second: a client with an
# answer that has not waited comes too early.
slow_signals()
{
	mkdir bin
	printf '#! /bin/sh\nsleep 0.5\nexec %s "$@"\n' "$(command -v pkill)" \
	    >bin/pkill
	chmod +x bin/pkill
	PATH=$here/bin:$PATH
}

service_case opentracker \
    "The first to ask for a torrent has peers by opentracker." \
    aria2c opentracker systemd-socket-activate pkill flock
opentracker_body()
{
	make_odd_mirror
	start_tracker
	slow_signals
	start_helper whitelist-opentracker "WHITELIST=$here/whitelist" \
	    "ANNOUNCE=$tracker"
	service_start "whitelist-socket $here/helper" "serve-files yes"
	# Nobody has asked for it before, and aria2 announces once, at once.
	aria2c --no-conf --enable-dht=false --enable-dht6=false \
	    --bt-enable-lpd=false --enable-peer-exchange=false \
	    --interface=127.0.0.2 --listen-port="$(free_port)" \
	    --seed-ratio=0.0 --dir=first --summary-interval=0 \
	    --console-log-level=notice \
	    "$url$service/simple/yum/**" >first.log 2>&1 &
	note_pid $!
	wait_for 20 grep -q 'Download complete\|Seeding is over\|SEED' \
	    first.log || fail "the first: $(tail -n 20 first.log)"
	! grep 'not authorized' first.log || fail "it was refused"
	want_torrent_at "$service/simple/yum/**"
	hash=$torrent
	atf_check -o inline:"$hash\n" cat whitelist
	strip_web_seeds body bare.torrent
	# Nothing of the mirror is left to get by another way.
	service_stop
	mkdir out
	get_with_aria2 bare.torrent out || fail "no peers: $(cat helper.log)"
	for _file in plain.rpm zz-last.iso; do
		atf_check cmp "www/yum/$_file" "out/yum/$_file"
	done
}

service_case opentracker_list "The helper for opentracker keeps its list." \
    opentracker pkill flock
opentracker_list_body()
{
	start_tracker
	_helper=whitelist-opentracker
	export WHITELIST="$here/whitelist" ANNOUNCE="$tracker"
	hashes 2000 >lines
	sed 's/.*/ok/' lines >oks
	head -n 1 lines | tr -d '\n' >whitelist
	want_answers oks
	sort whitelist >sorted
	sort lines >expected
	atf_check -o file:expected cat sorted
	# Those that are there are not there twice.
	want_answers oks
	same "$(wc -l <whitelist)" 100 "lines of the list"
	# One that the tracker takes already tells nothing about one before it.
	{
		hashes 20
		tail -n 1 lines
	} >mixed
	"$etc/$_helper" <mixed >answers
	same "$(grep -c -x ok answers)" 2 "answers"
	_hash=$(head -n 1 mixed | sed 's/../%&/g')
	is_taken "$_hash" || fail "not taken: $(cat taken)"
	# A helper was killed before its signal: the next one sends it.
	hashes 20 >forgotten
	cat forgotten >>whitelist
	sed 1q lines >>forgotten
	"$etc/$_helper" <forgotten >answers
	same "$(grep -c -x ok answers)" 2 "answers"
	_hash=$(head -n 1 forgotten | sed 's/../%&/g')
	wait_for 10 is_taken "$_hash" || fail "not taken: $(cat taken)"
	# Lines arrive as they like.
	{
		head -c 70 lines
		sleep 0.3
		tail -c +71 lines
	} | "$etc/$_helper" >answers
	atf_check -o file:oks cat answers
	hashes 20 >lines
	echo "$here/whitelist is full" >full
	HASHES_MAX=100
	export HASHES_MAX
	want_answers full
	unset HASHES_MAX
	echo "no announce is taken at http://127.0.0.1:1/announce" >none
	ANNOUNCE=http://127.0.0.1:1/announce
	want_answers none
	echo "$here/none/whitelist cannot be written" >unwritable
	WHITELIST=$here/none/whitelist
	want_answers unwritable
	WHITELIST=$here/whitelist
	echo 'XX' >lines
	: >empty
	want_answers empty 1
	same "$(wc -l <whitelist)" 103 "lines of the list"
}

service_case torrust "The helper for Torrust calls its API."
torrust_body()
{
	echo secret >token
	python3 - >api.log 2>&1 <<-'EOT' &
	import http.server
	class Api(http.server.BaseHTTPRequestHandler):
	    def do_POST(self):
	        hash = self.path.split("/")[-1][:40]
	        good = self.path == \
	            "/api/v1/whitelist/%s?token=secret" % hash
	        if good:
	            with open("listed", "a") as f:
	                print(hash, file=f)
	        self.send_response(200 if good else 500)
	        self.end_headers()
	server = http.server.HTTPServer(("127.0.0.1", 0), Api)
	with open("api", "w") as f:
	    print("http://127.0.0.1:%d" % server.server_port, file=f)
	server.serve_forever()
	EOT
	note_pid $!
	wait_for 10 [ -s api ] || fail "no API: $(cat api.log)"
	_helper=whitelist-torrust
	export API="$(cat api)" TOKEN_FILE="$here/token"
	hashes 60 >lines
	sed 's/.*/ok/' lines >oks
	want_answers oks
	atf_check -o file:lines cat listed
	echo wrong >token
	head -n 1 lines >line
	mv line lines
	"$etc/$_helper" <lines >answers
	same "$(wc -l <answers)" 1 "answers"
	grep '500' answers || fail "not refused: $(cat answers)"
	echo 'XX' >lines
	: >empty
	want_answers empty 1
}
