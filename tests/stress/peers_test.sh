#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Floods of peers, of the tracker alone: no client is between.
#
# soak peers: floods

. "${0%/*}/../lib/lib.sh"

service_case floods "A flood of peers takes no place from the others."
floods_body()
{
	FULL=${FULL:-0} "$tests/role/tracker_test" -r result tracker__floods ||
	    fail "$(cat result)"
	same "$(cat result)" passed "the result"
}
