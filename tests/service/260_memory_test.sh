#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Clients that are slow to read large torrents, and the memory that these take.

. "${0%/*}/../lib/lib.sh"

# A torrent of this file sixteen times has 10 MiB, more than sockets take.
start_with_large()
{
	truncate -s 512M www/yum/large
	small $(seq 0 99)
	settle www/yum/*
	service_start 'piece-length 16K' 'hot-size 1M' 'proxy none' \
	    'access-log no' 'revalidate 1h' "$@"
	want 200 $service/single/yum/large
	want 200 $service/single/yum/0
}

service_case hashed_at_once "Torrents hashed at the same time are a client's, too."
hashed_at_once_body()
{
	start_with_large 'answer-memory 64M'
	python hashed_at_once "$pid" "$(children hasher)"
	want_log 'answer-memory (67108864 bytes) is full'
}

service_case slow_readers "64 slow readers from two addresses hold little."
slow_readers_body()
{
	start_with_large 'answer-memory 64M'
	python slow_readers "$pid" "$(children front)"
	want_log 'answer-memory (67108864 bytes) is full'
}

service_case slowest_first "The slowest reader goes first."
slowest_first_body()
{
	start_with_large 'answer-memory 48M' 'write-timeout 10m'
	python slowest_first
	want_log 'answer-memory (50331648 bytes) is full'
}

# has_limit ROLE MIB BYTES: of memory.
has_limit()
{
	_pid=$(children "$1" | head -n 1)
	same "$(sed -n 's/^Max data size *\([0-9]*\) .*/\1/p' \
	    "/proc/$_pid/limits")" $(($2 * 1048576 + ${3:-0})) "the $1's limit"
}

service_case limits "Each process has a limit of memory."
limits_body()
{
	[ -z "$ASAN_OPTIONS" ] || atf_skip "a sanitizer has terabytes"
	service_start 'hot-size 10M' 'answer-memory 20M' 'max-queue 10' \
	    'max-connections 100' 'max-torrent 30M'
	has_limit front $((64 + 10 + 20 + 100 + 64 + 10 * 8 + 2 * 64 + 2 * 30)) \
	    $((100 * 65536))
	has_limit walker $((64 + 16 * 64))
	has_limit hasher 64
	has_limit tracker $((64 + 256))
	has_limit cache $((64 + 32 + 4 * (30 + 64)))
	service_reload 'hot-size 10M' 'answer-memory 20M' 'max-queue 9' \
	    'max-connections 100' 'max-torrent 31M'
	want_log 'cache.*allows 499122176 bytes of memory.*of 494927872: restart'
	! grep 'front.*bytes of memory' log || fail "the front's is less"
}
