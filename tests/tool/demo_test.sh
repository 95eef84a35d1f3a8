#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# make demo ends by itself, and shows the download and the swarm.

. "${0%/*}/../lib/cases.sh"

service_timeout=200

test_case swarm "Three clients take less of the mirror than three downloads." \
    aria2c curl
swarm_body()
{
	demo=$(cd "$(atf_get_srcdir)" && pwd)/demo.sh
	TMPDIR=$PWD sh "$demo" >out 2>err ||
	    atf_fail "exit status $?: $(tail -n 20 out err)"
	cat out
	# It fails if it is not less, so the figures need only be there.
	atf_check -o match:'^ *[0-9]+ by three plain downloads$' \
	    -o match:'^ *[0-9]+ by the three aria2: [0-9]+ %$' tail -n 2 out
	atf_check_equal 3 "$(grep -c -e '^\$ aria2c .*=random --split=1' out)"
	# Nothing is left, no process either.
	find . -name 'pkgtorrentd-demo*' >left
	pgrep -f "$PWD/pkgtorrentd-demo" >>left
	atf_check cat left
}
