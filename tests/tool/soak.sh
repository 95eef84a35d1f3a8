#! /bin/sh
# make soak: what make check does in a small way, in full and judged by the
# full marks, in pieces of less than ten minutes each.  Runs the pieces that
# are named as arguments, or all of them, one after the other: the machine is
# taken to have nothing else to do.
#
# A piece is tests/stress/soak/NAME.sh.  It is read by a shell of its own, in an empty
# directory, says what it measured, and has these to work with:
#
#	$tests			the directory of all tests
#	full_case TEST CASE	a case of TEST_test.sh with FULL=1 and FULL_MARKS=1 (tests/lib/marks.sh)
#	skip WHY		not here
#
# It has failed if it ends with another status than 0.
set -u

tests=$(cd "$(dirname "$0")/.." && pwd)
limit=${SOAK_LIMIT:-600}

# For pieces.

skip()
{
	echo "skipped: $*"
	exit 77
}

# A case's output without what atf-sh has to say about kyua.
full_case()
{
	for _program in "$tests"/*/"$1"_test.sh "$tests"/*/[0-9]*_"$1"_test.sh; do
		[ ! -f "$_program" ] || break
	done
	_dir=$(pwd)/$1.$2
	mkdir "$_dir" && chmod 755 "$_dir" && cd "$_dir" || exit 1
	echo "$_program $2 $_dir" >>"$cases"
	FULL=1 FULL_MARKS=1 "$_program" -s "${_program%/*}" -r "$_dir.result" \
	    "$2:body" >"$_dir.out" 2>&1
	grep -av 'WARNING: .*kyua\|WARNING: No isolation' "$_dir.out"
	"$_program" -s "${_program%/*}" "$2:cleanup" >/dev/null 2>&1
	_result=$(cat "$_dir.result" 2>/dev/null)
	cd .. || exit 1
	case $_result in
	passed*) rm -rf "$_dir" ;;
	skipped*) skip "${_result#*: }" ;;
	*)	echo "$1 $2: ${_result:-no result}"
		exit 1 ;;
	esac
}

if [ "${1:-}" = --piece ]; then
	cases=$3
	# shellcheck disable=SC1090
	. "$tests/stress/soak/$2.sh"
	exit
fi

# For all of them.

work=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-soak.XXXXXX") || exit 1
# The service's users look into it.
chmod 755 "$work"
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
if [ $# -eq 0 ]; then
	for piece in "$tests"/stress/soak/*.sh; do
		piece=${piece##*/}
		set -- "$@" "${piece%.sh}"
	done
fi
begun=$(date +%s)
passed=0 skipped=0 failed=

for name; do
	[ -f "$tests/stress/soak/$name.sh" ] || {
		echo "make soak: no piece $name; there are:" \
		    "$(cd "$tests/stress/soak" && echo *.sh)" >&2
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
	# What a piece that was cut short left running.
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
