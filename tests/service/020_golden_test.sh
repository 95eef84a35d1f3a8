#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The answers of the original service, recorded, against ours.

. "${0%/*}/../lib/lib.sh"

# It waits, again and again, until its files count as settled.
service_timeout=300
service_case replay "The original's answers: the same torrents, its bugs not."
replay_body()
{
	golden=$tests/../../shared/golden
	[ -e "$golden/replay.py" ] || atf_skip "no golden cases at $golden"
	"$golden/mktree.py" "$here" || fail "no tree"
	python3 - "$golden/cases.json" >trackers <<-'END'
		import json, sys
		with open(sys.argv[1]) as f:
		    print("\n".join(json.load(f)["meta"]["trackers"]))
	END
	service_start
	settle www
	# Files that are written meanwhile make rm(1) find a directory that is
	# not empty: once more, then.
	wipe="rm -rf '$here'/cache/*/* 2>/dev/null"
	"$golden/replay.py" --wipe "$wipe || { sleep 0.2; $wipe; } ||
	    { sleep 0.5; $wipe; }" "$port" "$here/www" ||
	    fail "not as recorded"
}
