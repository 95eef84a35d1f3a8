#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The manual is well-formed, and says all that there is to say.

. "${0%/*}/../lib/cases.sh"

man=$(atf_get_srcdir)/../../man
top=$(atf_get_srcdir)/../..

test_case lint "mandoc has nothing to say about the manual." mandoc
lint_body()
{
	for page in "$man"/*.[1-8]; do
		# Which manuals this machine has is another matter.
		mandoc -Tlint "$page" 2>&1 |
		    grep -v 'referenced manual not found\|outdated mandoc.db'
	done >lint
	atf_check cat lint
}

test_case options "The options are those of the usage line."
options_body()
{
	"$top/pkgtorrentd/pkgtorrentd" -x 2>usage
	atf_check_equal 2 $?
	grep -o -e '\[-[a-zA-Z]*' usage | tr -d '[-' | fold -w 1 | sort >used
	sed -n 's/^\.It Fl \([a-zA-Z]\).*/\1/p' "$man/pkgtorrentd.8" |
	    sort >described
	atf_check -o file:described cat used
}

test_case commands "The commands are those of the usage line."
commands_body()
{
	"$top/ctl/pkgtorrentctl" 2>usage
	atf_check_equal 2 $?
	sed -n 's/.*\[-s socket\] \([a-z]*\).*/\1/p' usage | tail -n +2 |
	    sort -u >used
	atf_check [ -s used ]
	sed -n 's/^\.It Ic \([a-z]*\).*/\1/p' "$man/pkgtorrentctl.8" |
	    sort -u >described
	atf_check -o file:described cat used
}

test_case keywords "Each keyword is described, and in the example."
keywords_body()
{
	"$top/pkgtorrentd/pkgtorrentd" -nv -f /dev/null \
	    -o "root $(pwd)" -o "cache $(pwd)" -o "user nobody" >printed ||
	    atf_fail "-nv"
	cut -d ' ' -f 1 printed | sort -u >keywords
	atf_check [ -s keywords ]
	while read -r keyword; do
		grep -q "^\.It Ic $keyword " "$man/pkgtorrentd.conf.5" ||
		    atf_fail "$keyword is not in pkgtorrentd.conf(5)"
		grep -q "^#*[[:blank:]]*$keyword " \
		    "$top/etc/pkgtorrentd.conf" ||
		    atf_fail "$keyword is not in the example"
	done <keywords
}

test_case statuses "Each status that an answer can have is listed."
statuses_body()
{
	find "$top/pkgtorrentd" -name '*.c' -exec sed -n \
	    '/_reason(/,/^}/s/{ \([0-9][0-9]*\), "/\n\1\n/gp' {} + | grep '^[0-9]*$' | sort -u >sent
	atf_check [ -s sent ]
	sed -n 's/^\.It \([0-9][0-9][0-9]\)$/\1/p' "$man/pkgtorrentd.8" |
	    sort -u >listed
	atf_check -o file:listed cat sent
}

test_case proxy "The manual's proxy lines are those of the snippet."
proxy_body()
{
	sed -n '/^location/,/^}/p' "$man/pkgtorrentd.8" | grep proxy_ |
	    grep -v proxy_pass | tr -d '\t' >lines
	atf_check [ -s lines ]
	while read -r line; do
		grep -q -F -e "$line" "$top/etc/nginx.conf.snippet" ||
		    atf_fail "not in the snippet: $line"
	done <lines
}
