# SPDX-License-Identifier: ISC
# For tests that are run twice: in make check as much as a shared machine can
# bear, with times printed and only judged when they are out of all bounds;
# in make soak (FULL=1) with all there is, and judged by the full marks
# (FULL_MARKS=1).  To be read after lib.sh.

# number QUICK FULL: as much as is asked for.
number()
{
	[ "$FULL" = 1 ] && echo "$2" || echo "$1"
}

# Connections are descriptors, here and in started programs.
may_open()
{
	_hard=$(ulimit -H -n)
	[ "$_hard" = unlimited ] || [ "$_hard" -ge "$1" ] ||
	    atf_skip "needs a limit of $1 open files"
	ulimit -S -n "$1"
}

# The service with a disk and a clock that tests control.
use_faulty()
{
	_from=${FAULTY:-$tests/stress}
	cp "$_from/faulty" pkgtorrentd
	cp "$_from/faulty_hasher" pkgtorrent-hasher
	program=$here/pkgtorrentd
}

# The files of a good client (good.py).
good_files()
{
	mkdir -p www/good/new
	for _n in 0 1 2 3 4 5 6 7 8 9; do
		echo $_n >www/good/$_n
	done
}
