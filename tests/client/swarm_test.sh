#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The swarm: clients that have the files give them to others, without a mirror;
# and several that begin at once, so that the mirror sends little to each.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

# announce HASH EVENT: the tracker's answer to a stranger.
announce()
{
	curl -sS "$tracker?info_hash=$(echo "$1" | sed 's/../%&/g')&port=1&\
peer_id=-XX0000-012345678901&uploaded=0&downloaded=0&left=1&numwant=0&\
event=$2&compact=1"
}

tracker_knows()
{
	announce "$1" started >answer
	announce "$1" stopped >>answer
	grep -q 'interval' answer && ! grep -qi 'failure' answer
}

admit()
{
	! tracker_knows "$1" || fail "it knows a torrent of nobody's"
	echo "$1" >>whitelist
	kill -HUP $tracker_pid
	wait_for 10 tracker_knows "$1" || fail "not admitted: $(cat answer)"
}

share()
{
	make_odd_mirror
	start_tracker
	service_start
	want_torrent_at "$service/single/yum/**"
	hash=$torrent
	torrent_has announce "$tracker" announce
	admit "$hash"
	strip_web_seeds body bare.torrent
	start_seeder bare.torrent
	# Nothing of the mirror is left to get by another way.
	service_stop
	mkdir out
	get_with_"$1" bare.torrent out || fail "$1 failed"
	find www/yum -type f >files
	while read -r _file; do
		atf_check cmp "$_file" "out/${_file#www/}"
	done <files
}

service_case aria2_to_libtorrent "A libtorrent gets all from an aria2." \
    aria2c opentracker /usr/bin/python3
aria2_to_libtorrent_body()
{
	have_libtorrent
	get_with_lt()
	{
		get_with_libtorrent "$1" "$2" 127.0.0.3
	}
	share lt
}

service_case aria2_to_aria2 "An aria2 gets all from another." \
    aria2c opentracker
body aria2_to_aria2 share aria2

service_timeout=120

# four KIND TRACKER: clients of that kind, each with its own address.
four()
{
	random 300000 www/yum/a
	random 700001 www/yum/b
	random 20000 www/yum/c
	random 1500000 www/yum/d
	settle www/yum/*
	: >trackers
	[ "$2" != opentracker ] || start_tracker
	service_start
	# 42 seconds for one alone: a libtorrent begins to give after 15.
	nginx_http="limit_rate 60k;"
	start_nginx
	want_torrent_at "$service/simple/yum/*"
	[ "$2" != opentracker ] || admit "$torrent"
	cp body x.torrent
	python share "$1" "$server" "$(free_port)" "$(free_port)" \
	    "$(free_port)" "$(free_port)"
}

service_case four_aria2 "Four aria2 get less from the mirror than alone." \
    aria2c opentracker nginx
body four_aria2 four aria2 opentracker

service_case four_libtorrent "So do four libtorrents." \
    opentracker nginx /usr/bin/python3
four_libtorrent_body()
{
	have_libtorrent
	four libtorrent opentracker
}
