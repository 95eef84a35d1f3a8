#! /usr/bin/env atf-sh
# README.md and docs/ describe the tree as it is.

readme=$(atf_get_srcdir)/../../README.md
top=$(atf_get_srcdir)/../..
architecture=$top/docs/ARCHITECTURE.md

atf_test_case messages
messages_head()
{
	atf_set descr "The list of messages is that of the message table."
}
messages_body()
{
	"$top/tests/tool/msg_table" >expected || atf_fail "msg_table"
	sed -n '/^<!-- messages -->$/,/^<!-- \/messages -->$/p' \
	    "$architecture" | sed '1d;$d' >listed
	atf_check -o file:listed cat expected
}

atf_test_case files
files_head()
{
	atf_set descr "The files that README names exist."
}
files_body()
{
	{
		grep -o '](\([^)]*\))' "$readme" | sed 's/^](//; s/)$//'
		grep -o '`[a-z.][a-z./_]*/[A-Za-z0-9._]*`' "$readme" | tr -d '`'
	} | grep -v '^http' | sort -u >names
	atf_check [ -s names ]
	while read -r name; do
		# The cache's directories are not of the tree.
		case $name in info/|pieces/) continue ;; esac
		[ -e "$top/$name" ] || [ -e "$top/tests/$name" ] ||
		    atf_fail "no $name"
	done <names
}

atf_test_case targets
targets_head()
{
	atf_set descr "make knows the targets and variables that README names."
}
targets_body()
{
	for target in demo check deps all lint bench fuzz field install \
	    uninstall clean; do
		grep -q -w -e "$target" "$readme" || atf_fail "no $target"
		grep -q "^$target:" "$top/Makefile" || atf_fail "no $target"
	done
	for variable in $(grep -o '[A-Z]\{3,\}=' "$readme" | sort -u); do
		grep -q -e "(${variable%=})" "$top/Makefile" ||
		    atf_fail "no $variable in the Makefile"
	done
}

atf_test_case short
short_head()
{
	atf_set descr "README stays below 150 lines."
}
short_body()
{
	atf_check [ "$(wc -l <"$readme")" -lt 150 ]
}

atf_init_test_cases()
{
	atf_add_test_case messages
	atf_add_test_case files
	atf_add_test_case targets
	atf_add_test_case short
}
