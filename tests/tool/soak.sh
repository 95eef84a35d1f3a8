#! /bin/sh
# SPDX-License-Identifier: ISC
# make soak: cases that make check runs in a small way, in full and judged by
# the full marks, in pieces of less than ten minutes each.  Runs the pieces that
# are named as arguments, or all of them, one after the other: the machine is
# taken to have nothing else to do.
#
# A line in the head of a script marks the cases that are a piece, with ":root"
# or ":user" for those of one kind of user alone:
#
#	# soak PIECE: CASE ...
#
# They are run one after the other, with FULL=1 and FULL_MARKS=1 (lib/marks.sh).
# A case that is skipped ends its piece.
set -u

tests=$(cd "$(dirname "$0")/.." && pwd)
limit=${SOAK_LIMIT:-600}
user=user
[ "$(id -u)" != 0 ] || user=root

# marks [PIECE]: the script, the piece and a case of each line.
marks()
{
	grep "^# soak ${1:-[a-z_]*}: " "$tests"/*/*_test.sh |
	    sed 's/:# soak / /; s/: / /' |
	    while read -r script piece words; do
		for word in $words; do
			case $word in
			*:$user)	echo "$script $piece ${word%:*}" ;;
			*:*)	;;
			*)	echo "$script $piece $word" ;;
			esac
		done
	done
}

# A case's output without atf-sh's remarks about kyua.
full_case()
{
	_program=$1
	_dir=$(pwd)/$2
	mkdir "$_dir" && chmod 755 "$_dir" && cd "$_dir" || exit 1
	echo "$_program $2 $_dir" >>"$cases"
	FULL=1 FULL_MARKS=1 "$_program" -s "${_program%/*}" -r "$_dir.result" \
	    "$2:body" >"$_dir.out" 2>&1
	grep -av 'WARNING: .*kyua\|WARNING: No isolation' "$_dir.out"
	"$_program" -s "${_program%/*}" "$2:cleanup" >/dev/null 2>&1
	_result=$(cat "$_dir.result" 2>/dev/null)
	cd .. || exit 1
	# Files stay until the piece is over, since removing them takes time too.
	case $_result in
	passed*) ;;
	skipped*)
		echo "skipped: ${_result#*: }"
		exit 77 ;;
	*)	echo "${1##*/} $2: ${_result:-no result}"
		exit 1 ;;
	esac
}

if [ "${1:-}" = --piece ]; then
	cases=$3
	marks "$2" >"$cases.all"
	while read -r program _ name; do
		full_case "$program" "$name" </dev/null
	done <"$cases.all"
	exit
fi

# For all of them.

work=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-soak.XXXXXX") || exit 1
# The service's users look into it.
chmod 755 "$work"
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046
	set -- $(marks | cut -d ' ' -f 2 | sort -u)
fi
begun=$(date +%s)
passed=0 skipped=0 failed=

for name; do
	marks "$name" | grep -q . || {
		echo "make soak: no piece $name; there are:" \
		    "$(marks | cut -d ' ' -f 2 | sort -u | xargs)" >&2
		rm -rf "$work"
		exit 1
	}
done
for name; do
	mkdir "$work/$name"
	started=$(date +%s)
	(cd "$work/$name" && timeout -k 10 "$limit" sh "$tests/tool/soak.sh" \
	    --piece "$name" "$work/$name.cases") >"$work/$name.log" 2>&1
	status=$?
	took=$(($(date +%s) - started))
	sed 's/^/    /' "$work/$name.log"
	case $status in
	0)	result=passed passed=$((passed + 1)) ;;
	77)	result=skipped skipped=$((skipped + 1)) ;;
	124|137) result="not done within $limit s" failed="$failed $name" ;;
	*)	result=FAILED failed="$failed $name" ;;
	esac
	echo "make soak: $name: $result, $took s"
	# Processes of a piece that was cut short.
	[ ! -f "$work/$name.cases" ] || while read -r program case dir; do
		[ ! -d "$dir" ] || (cd "$dir" &&
		    "$program" -s "${program%/*}" "$case:cleanup") >/dev/null 2>&1
	done <"$work/$name.cases"
	case " $failed " in
	*" $name "*) ;;
	*) rm -rf "${work:?}/$name" ;;
	esac
done

echo "make soak: $passed passed, $skipped skipped, failed:${failed:- none};" \
    "$(($(date +%s) - begun)) s in all"
[ -z "$failed" ] || {
	echo "make soak: what they left is in $work" >&2
	exit 1
}
rm -rf "$work"
