#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The tracker of the house: clients that know no other find each other by it,
# so that the mirror sends less.

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/clients.sh"

# A mirror with its own tracker alone; each client has an address of its own.
start_house()
{
	mkdir -p www/yum
	: >trackers
	random 3000000 www/yum/a.rpm www/yum/b.rpm www/yum/c.iso
	settle www/yum/*
	service_start 'serve-files yes' 'proxy none' 'piece-length 256K' \
	    'access-log yes'
	want_torrent_at "$service/single/yum/*"
	torrent_has announce "$(torrent announce | grep '/t/[0-9a-f]*/announce$')" \
	    announce
	hash=$(torrent)
	cp body web.torrent
	strip_web_seeds body peers.torrent
}

has_all()
{
	for _file in a.rpm b.rpm c.iso; do
		cmp -s "www/yum/$_file" "$1/yum/$_file" || return 1
	done
}

# start_aria2 ADDRESS DIRECTORY TORRENT: it seeds until the case ends.
start_aria2()
{
	mkdir "$2"
	aria2c --no-conf --enable-dht=false --enable-dht6=false \
	    --bt-enable-lpd=false --enable-peer-exchange=false \
	    --interface="$1" --listen-port="$(free_port)" \
	    --file-allocation=none --seed-ratio=0.0 --summary-interval=0 \
	    --dir="$2" "$3" >"$2.log" 2>&1 &
	note_pid $!
}

want_all()
{
	wait_for 50 has_all "$1" || fail "not all in $1: $(tail -n 20 "$1.log")"
}

# Bytes of the mirror's files and paddings that the service has sent.
origin_bytes()
{
	sleep 0.3	# lines are written in blocks
	sed -n 's|.*"GET //*\(yum\)/[^"]*" 20[06] \([0-9]*\) .*|\2|p' log |
	    awk '{ n += $1 } END { printf "%d", n }'
}

tracks()
{
	grep -q "[0-9] - - .*/t/.* announce 0 $hash" log
}

service_case aria2 "Of two aria2 the second gets all from the first." aria2c
aria2_body()
{
	start_house
	start_aria2 127.0.0.2 first web.torrent
	want_all first
	wait_for 5 tracks || fail "no announce"
	start_aria2 127.0.0.3 second peers.torrent
	want_all second
}

service_case libtorrent "So does a libtorrent from a libtorrent." \
    aria2c /usr/bin/python3
libtorrent_body()
{
	have_libtorrent
	start_house
	mkdir first
	client_seeds=1 get_with_libtorrent web.torrent first 127.0.0.2 \
	    >first.log 2>&1 &
	note_pid $!
	want_all first
	mkdir second
	get_with_libtorrent peers.torrent second 127.0.0.3 >second.log 2>&1 ||
	    fail "$(cat second.log)"
	want_all second
}

service_case four "Four clients cost the mirror less than three downloads." \
    aria2c /usr/bin/python3
four_body()
{
	have_libtorrent
	start_house
	start_aria2 127.0.0.2 one web.torrent
	want_all one
	start_aria2 127.0.0.3 two peers.torrent
	want_all two
	alone=$(origin_bytes)
	# With web seeds again, besides the peers.
	start_aria2 127.0.0.4 three web.torrent
	mkdir four
	get_with_libtorrent peers.torrent four 127.0.0.5 >four.log 2>&1 ||
	    fail "$(cat four.log)"
	want_all three
	want_all four
	all=$(origin_bytes)
	echo "the mirror sent $alone bytes for two, $all for four clients"
	[ "$alone" -ge 9000000 ] || fail "the first had it from elsewhere?"
	[ "$all" -lt $((3 * alone)) ] || fail "the swarm saved nothing"
}
