#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Clients that take their time, and crowds of them.  Times are printed.
#
# soak crowd: crowd
# soak slow: dawdlers
# soak slowhttptest: slowhttptest

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

slow_files()
{
	echo small >www/yum/a
	truncate -s 256M www/yum/big
	good_files
	settle www/yum/* www/good/?
}

service_case dawdlers "Whoever dawdles is cut, and nobody else notices."
dawdlers_body()
{
	may_open 4000
	start_with slow_files 'serve-files yes' 'header-timeout 2s' \
	    'body-timeout 3s' 'write-timeout 2s' 'idle-timeout 3s'
	python dawdle "$(number 60 190)" 2 3 2 2 3
	want 200 $service/single/yum/a
}

service_case slowhttptest "A thousand slow ones of each known kind." \
    slowhttptest
slowhttptest_body()
{
	may_open 6000
	start_with slow_files 'serve-files yes' 'header-timeout 2s' \
	    'body-timeout 2s' 'write-timeout 2s' 'access-log no' \
	    'max-connections 1100'
	python attack "$(number 5 30)" 1000
	want 200 $service/single/yum/a
}

service_case crowd "5,000 connections against 64 descriptors."
crowd_body()
{
	may_open 5400
	slow_files
	limit_descriptors 64
	service_start 'max-connections 10000'
	python crowd 5000 "$pid" "$(number 5 30)"
	want 200 $service/single/yum/a
}
