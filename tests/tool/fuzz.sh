#! /bin/sh
# SPDX-License-Identifier: ISC
# make fuzz: runs the fuzzers that are named as arguments, each for TIME
# seconds on its corpus.  New inputs that they find stay outside the tree.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-fuzz.XXXXXX") || exit 1
failed=
[ $# -gt 0 ] || { echo "make fuzz: no such fuzzer" >&2; exit 1; }

for fuzzer; do
	noun=$(basename "$fuzzer" _fuzz)
	corpus=tests/fuzz/corpus/$noun
	mkdir "$work/$noun"
	[ -d "$corpus" ] || corpus=
	echo "make fuzz: $noun"
	"$fuzzer" -max_total_time="${TIME:-60}" -timeout=10 \
	    -artifact_prefix="$work/$noun-" "$work/$noun" $corpus \
	    >"$work/$noun.log" 2>&1 || failed="$failed $noun"
	grep "^Done" "$work/$noun.log"
done

if [ -n "$failed" ]; then
	for noun in $failed; do
		tail -n 60 "$work/$noun.log"
	done
	echo "make fuzz: failed:$failed; inputs and logs in $work" >&2
	exit 1
fi
rm -rf "$work"
echo "make fuzz: $# fuzzers, nothing found"
