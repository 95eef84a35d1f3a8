#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The tracker of the house: its name in torrents, its key, and announces.

. "${0%/*}/../lib/lib.sh"

two_files()
{
	echo a >www/yum/a
	echo b >www/yum/b
	settle www/yum
}

# want_announce PATTERN TARGET: the torrent's first tracker, as in case.
want_announce()
{
	want_torrent_at "$2"
	want_torrent announce
	case $torrent in
	$1) ;;
	*) fail "announce of $2 is '$torrent', not '$1'" ;;
	esac
}

hex16='[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
hex16=$hex16$hex16

service_case named "Torrents name the tracker when there is no other."
named_body()
{
	two_files
	: >trackers
	service_start
	want_log 'torrents name the tracker of this service, so that clients'
	want_announce "$url/yum/torrent_service/t/$hex16/announce" \
	    "$service/single/yum/*"
	want_torrent
	several=$torrent
	want_announce "$url/yum/torrent_service/t/$hex16/announce" \
	    $service/simple/yum/a
	want_torrent
	one=$torrent
	python named

	# The info hash is the same with other trackers.
	echo udp://one.example:6969 >trackers
	echo http://two.example/ >>trackers
	service_reload
	want_announce '*.example*' "$service/single/yum/*"
	want_torrent
	same "$torrent" "$several" "the info hash"
	! grep -q '/t/' body || fail "our tracker is named"
	service_reload 'tracker yes'
	want_log 'torrents name the tracker of this service first'
	want_announce "$url/yum/torrent_service/t/$hex16/announce" \
	    "$service/single/yum/*"
	want_torrent tiers
	same "$(echo "$torrent" | wc -l)" 3 "the number of tiers"
	want_torrent
	same "$torrent" "$several" "the info hash"
	: >trackers
	service_reload 'tracker no'
	want_log 'torrents have no trackers'
	want_announce '' $service/simple/yum/a
	want_torrent
	same "$torrent" "$one" "the info hash"
	python no_tracker 'no tracker' "b'never'"
}

service_case base_url "The announce URL has the base URL of the web seed."
base_url_body()
{
	mkdir -p 'www/a b'
	echo a >'www/a b/a'
	echo b >www/top
	settle 'www/a b/a' www/top
	: >trackers
	service_start 'service "torrent service"'
	service='/x/torrent%20service'
	want_torrent_at "$service/single/a%20b/a" --header \
	    'Host: mirror.example:81' -H 'X-Forwarded-Proto: https'
	want_torrent announce --service 'torrent service'
	case $torrent in
	"https://mirror.example:81/a%20b/torrent%20service/t/"$hex16/announce) ;;
	*) fail "announce is $torrent" ;;
	esac
	service_reload 'service "torrent service"' \
	    'base-url http://cdn.example/m'
	want 200 "$service/single/top"
	want_torrent announce --service 'torrent service'
	case $torrent in
	"http://cdn.example/m/top/torrent%20service/t/"$hex16/announce) ;;
	*) fail "announce is $torrent" ;;
	esac
	# Two base URLs, two announce URLs, and each again.
	service_reload 'service "torrent service"'
	for _host in one two one two; do
		want 200 "$service/single/top" -H "Host: $_host.example"
		want_torrent announce --service 'torrent service'
		case $torrent in
		"http://$_host.example/top/"*) ;;
		*) fail "announce is $torrent" ;;
		esac
	done
}

python_case swarm "Clients learn each other's addresses, and no others."
python_case swarm_by_head "HEAD registers nothing."
python_case swarm_soon "A peer changes seldom, and an address has few."

service_case swarm_by_proxies "Proxies name the peers, Unix sockets too."
swarm_by_proxies_body()
{
	service_prepare
	service_start "listen 127.0.0.1:$port" "listen $here/socket" \
	    'proxy 127.0.0.1 192.0.2.0/24'
	python swarm_by_proxies
}

service_case refused "What is malformed or not proved is refused in words."
refused_body()
{
	service_start 'access-log yes'
	python refused
	want_log '"GET [^"]*/t/[^"]*" 200 [0-9]* "-" "-" announce 0 [0-9a-f]\{40\}$'
	want_log '"GET [^"]*/t/[^"]*" 200 [0-9]* "-" "-" refused 0 -$'
}

service_case proxies "A client is named by a trusted proxy, or refused."
proxies_body()
{
	service_prepare
	service_start "listen 127.0.0.1:$port" "listen $here/socket" \
	    'proxy 127.0.0.1 192.0.2.0/24'
	python proxies
	same "$(grep -c 'a proxy that does not name its client' log)" 1 \
	    "log lines"
}

service_case methods "HEAD registers nothing, and others are not allowed."
methods_body()
{
	service_start
	python methods
}

key_sum()
{
	sha1sum <cache/tracker.key
}

service_case key_stays "The key is made once, and stays."
key_stays_body()
{
	two_files
	: >trackers
	service_start
	want_log 'tracker.key was written to the cache'
	same "$(stat -c '%a %s %F' cache/tracker.key)" '600 32 regular file' \
	    "the key"
	sum=$(key_sum)
	want_announce '*/announce' $service/single/yum/a
	first=$torrent
	service_restart
	same "$(key_sum)" "$sum" "the key"
	# All else may be deleted.
	service_stop
	find cache -mindepth 1 ! -name tracker.key -delete
	service_run
	want_announce "$first" $service/single/yum/a
	# While the service runs, this may be too.
	rm cache/tracker.key
	service_reload
	wait_for 5 [ -e cache/tracker.key ] || fail "not written again"
	same "$(key_sum)" "$sum" "the key"
	want_announce "$first" $service/single/yum/a
	# A crash before the disk had it leaves an empty file.
	service_stop
	: >cache/tracker.key
	service_run
	differs "$(key_sum)" "$sum" "the keys"
	want_announce '*/announce' $service/single/yum/a
	differs "$torrent" "$first" "the URLs"
	! ls -a cache | grep -q new || fail "left behind: $(ls -a cache)"
}

service_case key_damaged "A damaged key is named, kept, and not used."
key_damaged_body()
{
	two_files
	: >trackers
	service_prepare
	echo short >cache/tracker.key
	service_start
	want_log 'tracker.key has 6 bytes, and a key has 32'
	want_announce '' $service/single/yum/a
	same "$(cat cache/tracker.key)" short "the file"
	python no_tracker 'no key yet' 1
	# A longer one is wrong, too; a right one is taken.
	head -c 33 /dev/zero >cache/tracker.key
	service_reload
	want_announce '' $service/single/yum/a
	head -c 32 /dev/zero >cache/tracker.key
	service_reload
	want_announce '*/announce' $service/single/yum/a
	# Damage later takes nothing away.
	first=$torrent
	echo short >cache/tracker.key
	service_reload
	want_announce "$first" $service/single/yum/a
}

service_case key_file "Two services with one key are one."
key_file_body()
{
	two_files
	: >trackers
	head -c 32 /dev/urandom >one.key
	head -c 32 /dev/urandom >two.key
	service_start "tracker-key $here/one.key"
	[ ! -e cache/tracker.key ] || fail "a key was made all the same"
	want_announce '*/announce' $service/single/yum/a
	first=$torrent
	python key_file one.key two.key
	# Another one by SIGHUP, and by the same name.
	service_reload "tracker-key $here/two.key"
	want_announce '*/announce' $service/single/yum/a
	differs "$torrent" "$first" "the URLs"
	python key_file two.key one.key
	cp one.key two.key
	service_reload
	want_announce "$first" $service/single/yum/a
	# One that cannot be used changes nothing.
	for _bad in short link missing; do
		case $_bad in
		short)	echo short >bad.key ;;
		link)	ln -sf one.key bad.key ;;
		missing) rm bad.key ;;
		esac
		service_configure "tracker-key $here/bad.key"
		_before=$(grep -c 'the old configuration stays' log)
		kill -HUP $pid
		wait_for 10 more_lines "$_before" 'the old configuration stays' ||
		    fail "a $_bad key is taken"
		want_announce "$first" $service/single/yum/a
	done
	grep -q 'tracker-key.*has 6 bytes' log || fail "no word of the size"
	service_reload "tracker-key $here/cache/tracker.key"
	wait_for 5 [ -e cache/tracker.key ] || fail "no key in the cache"
	python no_key one.key
}

service_case key_missing "A tracker-key that is not there is an error."
key_missing_body()
{
	service_configure "tracker-key $here/none.key"
	! "$program" -n -f conf 2>complaint || fail "-n finds nothing"
	grep -q 'tracker-key ".*/none.key": No such file' complaint ||
	    fail "$(cat complaint)"
	! "$program" -d -f conf 2>complaint || fail "it starts"
	grep -q 'tracker-key ".*/none.key": No such file' complaint ||
	    fail "$(cat complaint)"
}

service_case away "Without its tracker the service serves on."
away_body()
{
	two_files
	service_start
	want 200 $service/single/yum/a
	python away "$pid" "$(children tracker)"
}
