#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# README.md and docs/ describe the tree as it is.

. "${0%/*}/../lib/cases.sh"

readme=$(atf_get_srcdir)/../../README.md
top=$(atf_get_srcdir)/../..
architecture=$top/docs/ARCHITECTURE.md

# papers: all that somebody reads before the source.
papers()
{
	cat "$readme" "$top/CONTRIBUTING.md" "$top/SECURITY.md" "$top"/docs/*.md
}

# sources SUFFIX ...: the files of the tree with one of these suffixes.
sources()
{
	for _suffix; do
		find "$top/common" "$top/ctl" "$top/hasher" \
		    "$top/pkgtorrentd" "$top/tests" -name "*.$_suffix"
	done
}

test_case messages "The list of messages is that of the message table."
messages_body()
{
	"$top/tests/tool/msg_table" >expected || atf_fail "msg_table"
	sed -n '/^<!-- messages -->$/,/^<!-- \/messages -->$/p' \
	    "$architecture" | sed '1d;$d' >listed
	atf_check -o file:listed cat expected
}

test_case files "The files that README and docs name exist."
files_body()
{
	{
		# Links in docs/ are to sections and to neighbours.
		grep -o '](\([^)#]*\))' "$readme" | sed 's/^](//; s/)$//'
		papers | grep -o '`[a-z.][a-z./_]*/[A-Za-z0-9._-]*`' |
		    tr -d '`'
		papers | grep -o '[A-Za-z_][A-Za-z0-9_./-]*/[A-Z]*\.md'
		papers | grep -o '[a-z0-9_][a-z0-9_./]*\.[ch]\>'
	} | grep -v '^http' | sort -u >names
	atf_check [ -s names ]
	while read -r name; do
		case $name in
		# Directories of the cache; headers of libbsd.
		info/|pieces/|queue.h|tree.h) continue ;;
		# Folders below the one that the text is about.
		serve/|job/|conn/|worker/|http/) name=pkgtorrentd/front/$name ;;
		parent/|cache/) name=pkgtorrentd/$name ;;
		walker/|hash/) name=hasher/$name ;;
		*/*) ;;
		*)	[ -n "$(find "$top" -name "$name" -print -quit)" ] ||
			    echo "$name"
			continue ;;
		esac
		[ -e "$top/$name" ] || echo "$name"
	done <names >missing
	atf_check cat missing
}

test_case functions "The functions and constants that docs name exist."
functions_body()
{
	# shellcheck disable=SC2046
	cat $(sources c h) >source
	# A definition begins a line.
	grep -o '^[a-z_][a-z0-9_]*(' source | sort -u >defined
	papers | grep -o '`[a-z_][a-z0-9_]*()`' | tr -d '`)' |
	    sort -u >names
	atf_check [ -s names ]
	grep -v -x -F -f defined names | sed 's/$/)/' >missing
	grep -o '`\(struct \)*[A-Za-z][A-Za-z0-9_]*`' "$architecture" |
	    tr -d '`' | grep '_\|struct' | sort -u >names
	atf_check [ -s names ]
	while read -r name; do
		grep -q -w -e "$name" source || echo "$name"
	done <names >>missing
	atf_check cat missing
}

test_case tests "The tests and cases that SECURITY.md names exist."
tests_body()
{
	grep -o '`[a-z_]*:[a-z_0-9]*`' "$top/SECURITY.md" | tr -d '`' |
	    sort -u >names
	atf_check [ "$(wc -l <names)" -ge 50 ]
	while IFS=: read -r noun case; do
		# Scripts have a number before their noun.
		find "$top/tests" -name "${noun}_test.[cs]*" -o \
		    -name "[0-9][0-9][0-9]_${noun}_test.sh" >files
		# shellcheck disable=SC2046
		cat $(grep -v '_test$' files) /dev/null |
		    grep -q -e "^[a-z_]*_case $case[ \\]" \
		    -e "^[a-z_]*_case $case\$" \
		    -e "^TEST[A-Z_]*($case[,)]" || echo "$noun:$case"
	done <names >missing
	atf_check cat missing
}

test_case places "Files define or call the functions of their rows."
places_body()
{
	# Rows of tables that name a file and a function.
	grep '^|.*`[a-z_./0-9]*\.[ch]`.*`[a-z_0-9]*()`' "$architecture" >rows
	atf_check [ -s rows ]
	while read -r row; do
		echo "$row" | grep -o '`[a-z_./0-9]*\.[ch]`' | tr -d '`' \
		    >files
		sed "s,^,$top/," files | xargs cat >source
		echo "$row" | grep -o '`[a-z_0-9]*()`' | tr -d '`()' |
		    while read -r name; do
			grep -q -w -e "$name" source ||
			    echo "$name() in $(xargs <files)"
		done
	done <rows >missing
	atf_check cat missing
}

test_case targets "make knows the targets and variables that README names."
targets_body()
{
	for target in demo check deps all lint bench fuzz field install \
	    uninstall clean; do
		grep -q -w -e "$target" "$readme" || atf_fail "no $target"
		grep -q "^$target:" "$top/Makefile" || atf_fail "no $target"
	done
	for target in $(papers | grep -o '^    make [a-z]*' |
	    sed 's/.* //; /^make$/d' | sort -u); do
		grep -q "^$target:\|^\.PHONY:.* $target" "$top/Makefile" ||
		    atf_fail "no $target in the Makefile"
	done
	for variable in $(papers | grep -o '\<[A-Z]\{3,\}=' | sort -u); do
		grep -q -e "(${variable%=})" "$top/Makefile" ||
		    grep -q -w -e "${variable%=}" "$top/.ci/run" ||
		    atf_fail "no $variable in the Makefile"
	done
}

test_case short "README stays below 150 lines."
short_body()
{
	atf_check [ "$(wc -l <"$readme")" -lt 150 ]
}
