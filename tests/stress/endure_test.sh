#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# After many requests nothing has grown, and nothing was left open.
#
# soak endure: endures:user endures_as_root:root

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

endure()
{
	mkdir -p www/yum/directory
	for n in $(seq 0 59); do
		head -c $((n * n * 40)) /dev/urandom >www/yum/$n
	done
	head -c 5000000 /dev/urandom >www/yum/large
	settle www/yum/*
	service_configure 'serve-files yes' 'access-log no' 'hot-size 1M' \
	    'cache-size 8M' 'revalidate 1s' 'hashers 2' \
	    'max-jobs-per-client 1000'
	run_python endure.py "$program" "$1"
}

service_timeout=590

service_case endures "Requests of every kind, and nothing grows."
body endures endure "$(number 20000 1000000)"

# Only root may count descriptors of processes that lock themselves down.
root_case endures_as_root "As root: and nothing is left open."
body endures_as_root endure "$(number 20000 1000000)"
