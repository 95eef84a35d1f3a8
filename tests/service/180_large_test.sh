#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# A file of more than 4 GiB: its lengths and offsets do not fit 32 bits.

. "${0%/*}/../lib/lib.sh"

service_timeout=240
service_case six_gib "A file of 6 GiB is hashed and served."
six_gib_body()
{
	# Nothing but holes, apart from pieces at either end and past 4 GiB.
	truncate -s 6G www/yum/large
	for at in 0 4095 4096 6143; do
		head -c 1048576 /dev/urandom |
		    dd of=www/yum/large bs=1M seek=$at conv=notrunc status=none
	done
	touch -d 2040-01-01 www/yum/large
	settle www/yum/large
	service_start 'serve-files yes' 'hash-wait 200s'
	want 200 $service/single/yum/large --max-time 200
	python six_gib body www/yum/large
	# Near the end, and over the end of 32 bits.
	for range in 6442449000-6442450943 4294966000-4294968000; do
		want 206 /yum/large -r $range
		tail -c +$((${range%-*} + 1)) www/yum/large |
		    head -c $((${range#*-} - ${range%-*} + 1)) >part
		atf_check cmp part body
	done
	want 206 /yum/large -r -1000
	tail -c 1000 www/yum/large >part
	atf_check cmp part body
	want 416 /yum/large -r 6442450944-
}
