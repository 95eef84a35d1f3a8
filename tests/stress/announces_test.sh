#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# Floods of announces, through a trusted proxy.  Times are printed.
#
# soak announces: tokens torn one_address many_addresses

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

flood()
{
	echo hot >www/yum/hot
	good_files
	settle www/yum/hot www/good/?
	service_start 'access-log no' "$@"
	python flood "$flood" "$(number 4 60)"
	# The tracker that was there at the beginning.
	! grep 'ended' log || fail "a process has ended"
}

service_case tokens "Announces with a wrong token are refused, at no cost."
tokens_body()
{
	flood=tokens
	flood
}

service_case torn "So are queries that are torn anywhere."
torn_body()
{
	flood=torn
	flood
}

service_case one_address "One address gets its share of the tracker."
one_address_body()
{
	flood=one_address
	flood 'tracker-peers 10000'
}

service_case many_addresses "Ten thousand addresses share the tracker."
many_addresses_body()
{
	flood=many_addresses
	flood 'tracker-peers 20000'
}
