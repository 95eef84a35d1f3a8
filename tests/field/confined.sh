# SPDX-License-Identifier: ISC
# field: machine 180
# pkgtorrentd-confined.service with pkgtorrentd.socket, as its first lines say.
. /field/lib.sh

unit=pkgtorrentd-confined.service

# systemd holds the sockets, so that requests wait for the new process.
none_fails()
{
	restart_under_requests $unit &&
	    grep -q ' 0 200$' seen && ! grep -v ' 0 200$' seen
}

never_root()
{
	for dir in /proc/[0-9]*; do
		case $(readlink "$dir/exe") in
		*/pkgtorrent*)
			grep -q '^Uid:.*[[:blank:]]0[[:blank:]]' \
			    "$dir/status" && return 1 ;;
		esac
	done 2>/dev/null
	return 0
}

begin $unit pkgtorrentd.socket
# Not looked at: sockets come from pkgtorrentd.socket.
echo 'listen /nowhere/socket' >>/etc/pkgtorrentd.conf
check "both are wanted" sh -c '
    systemctl add-wants multi-user.target pkgtorrentd-confined.service &&
    systemctl add-wants sockets.target pkgtorrentd.socket'
check "the sockets are there" systemctl start pkgtorrentd.socket
check "no service yet" not systemctl is-active $unit
check "a request starts it" status 200 "$service/single/pub/b.rpm"
check "it runs" systemctl is-active $unit
check "no process is root" never_root
check "all have one user" \
    runs_as _pkgtorrent parent front walker hasher cache tracker
serves
check "a reload does not look at listen either" systemctl reload $unit
reloads $unit
survives $unit
check "requests during a restart" none_fails
check "and back" systemctl disable --now pkgtorrentd-confined.service \
    pkgtorrentd.socket
check "neither runs" \
    not systemctl is-active pkgtorrentd-confined.service pkgtorrentd.socket
check "nor is wanted" \
    not ls /etc/systemd/system/*.wants/pkgtorrentd*
check "no process is left" not grep -l pkgtorrent /proc/[0-9]*/comm
check "the other unit" systemctl enable --now pkgtorrentd.service
check "serves" status 200 "$service/single/pub/b.rpm"
finish
