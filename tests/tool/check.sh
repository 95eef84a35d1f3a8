#! /bin/sh
# SPDX-License-Identifier: ISC
# make check: runs kyua over the programs that were built, or over those named
# as arguments (man, or man:lint for a case, or unit for all of that folder),
# shows the failures and sums up.
#
#	SANITIZE=	as given to make: sets the sanitizers' options
#	CHECK_USER=	as root: the user for cases that do not ask for root
#			(nobody); "none": only those that do
#	CHECK_AGAIN=	how often a case that fails is run again, alone (0); one
#			that then passes every time is named as unsteady, and
#			fails the run only if there are more than two such
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
user=${CHECK_USER:-nobody}
work=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-check.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"

# Whether that user can run the built programs.
reachable() {
	su -s /bin/sh "$user" -c "cd '$top/tests' && test -r Kyuafile &&
	    test -x ../pkgtorrentd/pkgtorrentd" 2>/dev/null
}

copy_tree() {
	echo "make check: $user cannot read $top: testing a copy of it"
	mkdir "$work/tree"
	(cd "$top" && tar cf - --exclude=./.git .) |
	    (cd "$work/tree" && tar xpf -) || exit 1
	# Recorded answers, which are beside the tree if they are here.
	[ ! -d "$top/../shared" ] || ln -s "$top/../shared" "$work/shared"
	top=$work/tree
	chmod -R a+rX "$top"
}

if [ -n "${SANITIZE:-}" ]; then
	# Children that their filters hold cannot be searched for leaks, nor
	# look up names and colours for a report.
	ASAN_OPTIONS=detect_leaks=0:color=never:symbolize=0
	UBSAN_OPTIONS=print_stacktrace=1
fi

all_tests() {
	(cd "$top/tests" && ls */*_test.c */*_test.sh)
}

# The same names for kyua, which wants the folder, the number and ".sh".
named() {
	for word; do
		name=${word%%:*}
		case=${word#"$name"}
		if [ -e "$top/tests/$name/Kyuafile" ]; then
			echo "$name"
			continue
		fi
		name=${name%.sh}
		name=${name%.c}
		name=${name%_test}_test
		file=$(all_tests | awk -v name="${name##*/}" '{
			noun = $0
			gsub(/^.*\/([0-9]+_)?|\.[a-z]*$/, "", noun)
			if (noun == name || index($0, "/" name ".")) {
				print
				exit
			}
		}')
		if [ -z "$file" ]; then
			echo "make check: no test \"$word\"; there are:"
			all_tests | sed 's/\.[a-z]*$//; s,.*/,,; s/^[0-9]*_//' |
			    xargs | fold -s -w 78
			return 1
		fi
		echo "${file%.c}$case"
	done
}

names=$(named "$@") || { echo "$names" >&2; exit 2; }
# It refuses to be told of a test twice.
# shellcheck disable=SC2046
set -- $(echo "$names" | awk '!seen[$0]++')

jobs=$(nproc 2>/dev/null || echo 2)
[ "$jobs" -ge 2 ] || jobs=2
[ "$jobs" -le 4 ] || jobs=4
unprivileged=
if [ "$(id -u)" = 0 ] && [ "$user" != none ]; then
	reachable || copy_tree
	unprivileged=--variable=unprivileged_user=$user
fi

# Nothing of the caller's environment, of which proxies would be the worst;
# and first the programs that make deps installs.  Newer versions of libatf keep a test
# case's result file open as descriptor 3: no test shall rely on its being
# free, so it is taken everywhere.
run_kyua() {
	env -i PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH" HOME="$work" \
	    TMPDIR="${TMPDIR:-/tmp}" \
	    ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
	    UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" \
	    kyua --logfile="$work/kyua.log" "$@" 3</dev/null
}

# run RESULTS JOBS [NAME ...]
run() {
	results=$1
	parallel=$2
	shift 2
	# shellcheck disable=SC2086
	run_kyua $unprivileged --variable=parallelism="$parallel" test \
	    --kyuafile=Kyuafile --results-file="$results" "$@"
}

cd "$top/tests" || exit 1
run "$work/results.db" "$jobs" "$@"
status=$?

report() {
	run_kyua report --results-file="$work/results.db" \
	    --results-filter=broken,failed "$@"
}
report --verbose >"$work/report" || exit 1

# "Test cases: 10 total, 1 skipped, 0 expected failures, 0 broken, 2 failed"
counts=$(sed -n 's/^Test cases: //p' "$work/report" | sed 's/[^0-9]/ /g')
# shellcheck disable=SC2086
set -- $counts
[ $# -eq 5 ] || exit 1
total=$1
skipped=$2
failed=$(($4 + $5))
[ "$failed" -eq 0 ] || cat "$work/report"

passes_alone() {
	turn=0
	while [ "$turn" -lt "${CHECK_AGAIN:-0}" ]; do
		turn=$((turn + 1))
		run "$work/again-$turn-$(echo "$1" | tr / -).db" 1 "$1" ||
		    return 1
	done
	[ "$turn" -gt 0 ]
}

found=$failed
report | sed -n 's/^\([^ :]*:[^ ]*\)  *->  /\1 /p' >"$work/failed"
while read -r case reason; do
	verdict=FAILED
	if [ "$found" -le 2 ] && passes_alone "$case" </dev/null; then
		verdict=UNSTEADY
		failed=$((failed - 1))
	fi
	echo "$verdict: $case: $reason"
done <"$work/failed"
[ "$found" -eq 0 ] || [ "$failed" -gt 0 ] || status=0
echo "$((total - skipped - failed)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$status" -eq 0 ]
