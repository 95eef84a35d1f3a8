# SPDX-License-Identifier: ISC
# field: machine 180
# pkgtorrentd.service, as the manual says that it is set up.
. /field/lib.sh

unit=pkgtorrentd.service

# Between the end of the old process and the start of the new one nobody
# listens: connections are refused (7), or reset (56) if they are made in the
# moment when the queue was emptied but the socket is not closed yet.
only_refused()
{
	restart_under_requests $unit &&
	    grep -q ' 0 200$' seen &&
	    ! grep -v -e ' 0 200$' -e ' 7 000$' -e ' 56 000$' seen
}

begin $unit
check "it starts" systemctl enable --now pkgtorrentd
check "walker and cache have one user" runs_as _pkgtorrent walker cache
check "the front has another" runs_as _pkgtorrent-front front
check "the hashers a third" runs_as _pkgtorrent-hasher hasher
check "the tracker a fourth" runs_as _pkgtorrent-tracker tracker
serves
reloads $unit
survives $unit
check "requests during a restart" only_refused
stops $unit
finish
