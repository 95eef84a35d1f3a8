#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Clients that make the front hold much for long.
#
# soak hold: slow_readers
# soak hosts: many_hosts

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

hot_and_good()
{
	small hot small
	good_files
}

service_case slow_readers "64 slow readers are in nobody's way."
slow_readers_body()
{
	hot_and_good
	truncate -s 512M www/yum/large
	settle www/yum/* www/good/?
	service_start 'piece-length 16K' 'access-log no' \
	    "answer-memory $(number 64M 256M)"
	want 200 $service/single/yum/large
	# Of 10 and of 40 MiB each.
	python slow_readers "$pid" "$(number 16 64)" "$(number 64 256)" \
	    "$(number 8 500)"
}

service_case many_hosts "Nor are 8 Hosts and 1,000 trackers."
many_hosts_body()
{
	hot_and_good
	mkdir www/many
	for n in $(seq "$(number 200 1200)"); do
		echo "$n" >"www/many/$n"
	done
	for n in $(seq 1000); do
		echo "udp://tracker$n.example:6969/announce"
	done >trackers
	settle www/yum/* www/many/* www/good/?
	service_start 'access-log no' 'hot-size 8M'
	python many_hosts "$pid" "$(number 200 1200)" "$(number 5 500)"
}
