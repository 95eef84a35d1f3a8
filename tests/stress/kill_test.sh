#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Processes that end at any time, or stop working.
#
# soak kill: killed stopped_hasher stopped_others

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

service_timeout=590

# run_faults NAME [ARGUMENT ...]: with the program, which it starts itself.
run_faults()
{
	_driver=$1
	shift
	run_python "$_driver" "$program" "$@"
}

service_case killed "Killed at any time, it is back, and never wrong."
killed_body()
{
	for file in a:5 b:70001 c:3000000 d:24000000 empty:0; do
		head -c "${file#*:}" /dev/urandom >"www/yum/${file%:*}"
	done
	settle www/yum/*
	service_configure 'hashers 2' 'revalidate 1s' 'serve-files yes' \
	    'max-jobs-per-client 1000' 'access-log no'
	run_faults kill.py rounds "$(number 50 500)"
}

# A slice may take twenty seconds.
service_case stopped_hasher "A hasher that stops is replaced within 30 s."
stopped_hasher_body()
{
	truncate -s 200M www/yum/large
	settle www/yum/large
	service_configure 'hashers 2'
	run_faults kill.py stopped
}

# The cache may take a minute, and a walker two.
service_case stopped_others "So are a walker and the cache, or done without."
stopped_others_body()
{
	mkdir -p www/yum far
	small a b
	echo a >far/a
	settle www/yum/* far/a
	service_configure "root $here/www" "root /far $here/far" \
	    'hash-wait 150s'
	run_faults kill.py without
}
