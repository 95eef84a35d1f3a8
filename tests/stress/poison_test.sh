#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Files and entries over which walkers, or the cache, end whenever they are
# asked for them: two end, and the request is refused.
#
# soak poison: look open info pieces

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

# run_poison CASE: while others ask for other things.
run_poison()
{
	service_prepare
	use_faulty
	mkdir www/yum/own
	small poison own/poison $(seq 40)
	settle www/yum
	service_configure 'revalidate 0s' 'serve-files yes' 'access-log no' \
	    'max-jobs-per-client 1000' 'hot-size 1M'
	run_python poison.py "$program" "$1"
}

service_case look "A file that ends the walker that looks at it."
body look run_poison look

service_case open "A file that ends the walker that opens it."
body open run_poison open

service_case info "An entry of a digest that ends the cache."
body info run_poison info

service_case pieces "An entry of a file's pieces that ends the cache."
body pieces run_poison pieces
