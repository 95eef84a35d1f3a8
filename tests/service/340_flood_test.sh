#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A child that floods a channel with one message, for each row of the message
# table: remembered and new torrents are still answered, and SIGTERM ends the
# service within six seconds.

. "${0%/*}/../lib/lib.sh"

service_timeout=150

# Sender, message, and a line of the log that says how it was dealt with.
floods="
front  READY      front [0-9]* sent the parent a wrong READY (content)
front  LOG        lines were suppressed, because
front  ACCESS     a line of a flood
front  ALIVE      flooding
front  WARMED     front [0-9]* sent the parent a wrong WARMED (content)
front  CONTROLLED front [0-9]* sent the parent a wrong CONTROLLED (content)
front  TOTALS     flooding
front  WHITELIST_LOST front [0-9]* sent the parent a wrong WHITELIST_LOST (content)
front  WRONG      front [0-9]* is replaced too
front  SYSCALL    front [0-9]* sent the parent a wrong SYSCALL (content)
walker READY      walker [0-9]* sent the parent a wrong READY (content)
walker LOG        lines were suppressed, because
walker WRONG      walker [0-9]* is replaced too
walker SYSCALL    walker [0-9]* sent the parent a wrong SYSCALL (content)
hasher READY      hasher [0-9]* sent the parent a wrong READY (content)
hasher LOG        lines were suppressed, because
hasher WRONG      hasher [0-9]* is replaced too
hasher SYSCALL    hasher [0-9]* sent the parent a wrong SYSCALL (content)
cache  READY      cache [0-9]* sent the parent a wrong READY (content)
cache  LOG        lines were suppressed, because
cache  CONTROLLED cache [0-9]* sent the parent a wrong CONTROLLED (content)
cache  WRONG      cache [0-9]* is replaced too
cache  SYSCALL    cache [0-9]* sent the parent a wrong SYSCALL (content)
tracker READY     tracker [0-9]* sent the parent a wrong READY (content)
tracker LOG       lines were suppressed, because
tracker WRONG     tracker [0-9]* is replaced too
tracker SYSCALL   tracker [0-9]* sent the parent a wrong SYSCALL (content)
front  RESOLVE    flooding
front  CANCEL     flooding
front  WALK       sent the [a-z]* a wrong WALK[ED]* (content)
front  OPEN       walker [0-9]* sent the front a wrong OPENED (content)
front  HASH       front [0-9]* sent the hasher a wrong HASH (seal)
front  GET_INFO   flooding
front  GET_PIECES flooding
front  PUT_PIECES front [0-9]* sent the cache a wrong PUT_PIECES (content)
front  PUT_INFO   front [0-9]* sent the cache a wrong PUT_INFO (content)
front  TOUCH      flooding
walker LISTING    flooding
walker RESOLVED   flooding
walker SLOW       flooding
walker WALKED     walker [0-9]* sent the front a wrong WALKED (content)
walker OPENED     walker [0-9]* sent the front a wrong OPENED (content)
hasher DIGESTS    hasher [0-9]* sent the front a wrong DIGESTS (content)
walker COUNTS     flooding
hasher COUNTS     flooding
cache  COUNTS     flooding
cache  TRACKER_KEY flooding
tracker COUNTS    flooding
cache  INFO       flooding
cache  PIECES     flooding
front  ANNOUNCE   tracker [0-9]* sent the front a wrong PEERS
tracker PEERS     tracker [0-9]* sent the front a wrong PEERS
"

stop_in_time()
{
	_children=$(children)
	kill -TERM $pid
	wait_for 6 is_gone $pid $_children ||
	    fail "flooded with $message, it is there 6 s after SIGTERM"
	wait $pid || fail "exit status $?"
}

# answers TARGET: perhaps after the processes that were replaced have started.
answers()
{
	[ "$(curl -sS -g --max-time 20 -o body -w '%{http_code}' \
	    "$url$1" 2>>errors)" = 200 ]
}

# flood ROLE MESSAGE OUTCOME
flood()
{
	message=$2
	: >log
	service_start "access-log yes"
	want 200 $service/single/yum/a.rpm
	echo "flood $2" >"$1.rogue"
	kill -KILL "$(children "$1")"
	want_log "$1.*: flooding"
	wait_for 20 answers $service/single/yum/a.rpm ||
	    fail "flooded with $message: no remembered torrent"
	random 100000 "www/yum/$1.$2"
	wait_for 30 answers "$service/single/yum/$1.$2" ||
	    fail "flooded with $message: no new torrent"
	! is_gone $pid || fail "flooded with $message: it has ended"
	# Suppressed lines are reported after a minute or at the end.
	[ "$message" = LOG ] || want_log "$3"
	stop_in_time
	want_log "$3"
	! grep 'more than 5 in a minute' log || fail "$message"
}

# flood_from PATTERN: all of the list that fit.
flood_from()
{
	cp "$(atf_get_srcdir)/rogue_child" . ||
	    atf_skip "rogue_child is not built"
	PKGTORRENTD=$here/rogue_child
	random 100000 www/yum/a.rpm
	settle www/yum/a.rpm
	echo "$floods" | grep "^$1 " >list
	while read -r role message outcome <&3; do
		flood $role $message "$outcome"
	done 3<list
}

service_case front_to_parent "A front floods the parent."
front_to_parent_body()
{
	flood_from 'front  \(READY\|LOG\|ACCESS\|ALIVE\|WARMED\|CONTROLLED\|TOTALS\|WHITELIST_LOST\|WRONG\|SYSCALL\)'
}

service_case front_to_workers "A front floods its workers."
front_to_workers_body()
{
	flood_from 'front  \(RES\|CAN\|WALK\|OPEN\|HASH\|GET\|PUT\|TOUCH\|ANN\)[A-Z_]*'
}

service_case walker "A walker floods the parent and the front."
walker_body()
{
	flood_from 'walker [A-Z_]*'
}

service_case hasher_and_cache "A hasher and a cache flood both."
hasher_and_cache_body()
{
	flood_from '\(hasher\|cache \) [A-Z_]*'
}

service_case tracker "A tracker floods both."
tracker_body()
{
	flood_from 'tracker [A-Z_]*'
}

service_case late "A client and a child that do not stop add no time."
late_body()
{
	service_start
	python3 -c '
import socket, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"GET / HTTP/1.1\r\n")
time.sleep(60)' "$port" &
	note_pid $!
	wait_for 5 prints 1 service_count 'connections open' ||
	    fail "no connection"
	message='a client and a stopped hasher'
	kill -STOP "$(children hasher)"
	stop_in_time
}

test_case all_rows "Each row that a child may send is in the list."
all_rows_body()
{
	"$tests/tool/msg_table" | sed -n \
	    's/^| \([A-Z_]*\) | \(parent, \)\?\(every\|front\|walker\|hasher\|cache\|tracker\).*/\1/p' |
	    sort >rows
	echo "$floods" | awk 'NF { print $2 }' | sort -u >listed
	diff rows listed || atf_fail "not the same"
}
