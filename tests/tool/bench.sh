#! /bin/sh
# SPDX-License-Identifier: ISC
# make bench: every measurement in tests/bench, or those named as arguments.
set -u

# First the programs that make deps installs.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
cd "$(dirname "$0")/../bench" || exit 1
[ $# -gt 0 ] || set -- *.sh
status=0
for bench; do
	bench=${bench%.sh}.sh
	[ -x "$bench" ] || { echo "make bench: no $bench" >&2; exit 1; }
	echo "# ${bench%.sh}"
	"./$bench" || status=1
done
exit $status
