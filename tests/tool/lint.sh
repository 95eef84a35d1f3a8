#! /bin/sh
# SPDX-License-Identifier: ISC
# make lint: the house style as far as machines can tell, and the complaints
# of other programs, if they are here.
set -u

cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-lint.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
status=0

# report NAME: the complaints that a check has left in out.
report() {
	[ -s "$work/out" ] || return 0
	echo "# $1"
	cat "$work/out"
	status=1
}

here() {
	command -v "$1" >/dev/null || { echo "# no $1 here"; false; }
}

# style FUNCTION-LINES FILE-LINES FILE ...
style() {
	long_function=$1
	long_file=$2
	shift 2
	awk '
	function say(what) { print FILENAME ":" FNR ": " what }
	function width(line,    i, n) {
		gsub(/[\200-\277]/, "", line)	# all but the first of UTF-8
		for (i = 1; i <= length(line); i++)
			n += substr(line, i, 1) == "\t" ? 8 - n % 8 : 1
		return n
	}
	FNR == 1 { start = 0 }
	/[ \t]$/ { say("blanks at the end") }
	/^ +\t/ || /^\t*        / { say("blanks for tabs") }
	width($0) > 80 { say("more than 80 columns") }
	/(^|[^A-Za-z.])(TODO|FIXME|XXX)([^A-Za-z]|$)/ { say("left for later") }
	/^\{/ { start = FNR }
	/^\}/ {
		if (start && FNR - start > long_function)
			say("a function of " FNR - start " lines")
		start = 0
	}
	# A file is as long as its idea: a long one is a remark, no fault.
	FNR == long_file + 1 {
		print "# " FILENAME ": more than " long_file " lines" \
		    >"/dev/stderr"
	}
	' long_function="$long_function" long_file="$long_file" "$@"
}

# The beginnings of statements, on which clang-format and we agree: indent
# and first word of each line after the end of another.
statements() {
	awk '
	{ gsub(/"([^"\\]|\\.)*"/, "\"\"") }
	comment { if (/\*\//) comment = 0; next }
	/^}/ { depth = 0 }
	/^[ \t]*\/\*/ { if (!/\*\//) comment = 1; next }
	/^[ \t]*$/ { next }
	/^#/ { macro = 1 }
	macro { macro = /\\$/; next }
	{
		sub(/[ \t]*\/\*.*\*\/[ \t]*$/, "")
		if (/\/\*/) {
			comment = 1
			sub(/[ \t]*\/\*.*/, "")
		}
		# Some have several in a line.
		if (/^[ \t]*case .*:$/) {
			ended = 1
			next
		}
		if (ended) {
			match($0, /^[ \t]*([A-Za-z0-9_]+|.)/)
			print substr($0, 1, RLENGTH)
		}
		depth += gsub(/\(/, "(") - gsub(/\)/, ")")
		ended = (/[;{}]$/ && depth <= 0) || /^[ \t]*[a-z_]+:$/
	}'
}

indent() {
	# Breaks stay where they are, or nothing could be compared.
	sed 's/^ColumnLimit:.*/ColumnLimit: 0/' .clang-format \
	    >"$work/.clang-format"
	for file; do
		statements <"$file" >"$work/ours"
		clang-format --style=file --assume-filename="$work/x.c" \
		    <"$file" | statements >"$work/theirs"
		diff -U 1 -L "$file" -L "clang-format" "$work/ours" \
		    "$work/theirs"
	done
}

# shellcheck disable=SC2046
set -- $(find common ctl hasher pkgtorrentd -name "*.[ch]" | sort)
style 60 1000 "$@" >"$work/out"
report "style"
style 100 1000 tests/*/*.[ch] >"$work/out"
report "style of tests"
if here clang-format; then
	indent "$@" tests/*/*.[ch] >"$work/out"
	report "indent, as the difference to clang-format's"
fi

if here python3; then
	python3 tests/tool/includes.py >"$work/out"
	report "includes that do not point down"
	# More than 2 in 1,000 words.
	python3 tests/tool/words.py -v 2 >"$work/out" && : >"$work/out"
	report "comments without a noun"
fi

set --
for script in tests/*/*.sh tests/*/*/*.sh etc/*.rc etc/*.sh \
    etc/whitelist-opentracker etc/whitelist-torrust etc/post-rsync \
    debian/*.p[or]* .ci/run; do
	[ ! -e "$script" ] || set -- "$@" "$script"
done
for script; do
	case $(head -n 1 "$script") in
	*bash)	bash -n "$script" ;;
	*)	sh -n "$script" ;;
	esac
done >"$work/out" 2>&1
report "scripts"
if here shellcheck; then
	# atf-sh is not known to it, a bracket after a name is no array.
	shellcheck -S error -s sh -e SC1087 "$@" >"$work/out"
	report "shellcheck"
fi

if here mandoc; then
	# Which manuals this machine has is another matter.
	mandoc -Tlint man/*.[1-8] 2>&1 | grep -v \
	    'referenced manual not found\|outdated mandoc.db' >"$work/out"
	report "manual"
fi
exit $status
