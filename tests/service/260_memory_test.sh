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
