#! /bin/sh
# SPDX-License-Identifier: ISC
# make setup, as root: the users and directories of the service, where they are
# missing, by systemd or else by what every system has.
#
#	setup.sh all SCRIPT	SCRIPT is for systems without systemd
#	setup.sh left		says what is left to do, and does nothing
set -eu

cd "$(dirname "$0")"
conf=/etc/pkgtorrentd.conf

has() {
	command -v "$1" >/dev/null
}

# From the files for systemd: u NAME ..., d DIRECTORY MODE USER GROUP ...
make_users() {
	sed -n 's/^u \([^ ]*\) .*/\1/p' pkgtorrentd.sysusers |
	    while read -r name; do
		id -u "$name" >/dev/null 2>&1 ||
		    useradd -r -U -d /nonexistent -s /usr/sbin/nologin "$name"
	done
}

make_dirs() {
	grep '^d ' pkgtorrentd.tmpfiles |
	    while read -r _ dir mode user group _; do
		install -d -m "$mode" -o "$user" -g "$group" "$dir"
	done
}

setup() {
	[ "$(id -u)" = 0 ] || { echo "make setup: only as root" >&2; exit 1; }
	if has systemd-sysusers && has systemd-tmpfiles; then
		systemd-sysusers "$PWD/pkgtorrentd.sysusers"
		systemd-tmpfiles --create "$PWD/pkgtorrentd.tmpfiles"
	else
		make_users
		make_dirs
	fi
	if [ ! -d /run/systemd/system ] && [ -d /etc/init.d ]; then
		install -m 755 "$1" /etc/init.d/pkgtorrentd
	fi
}

# left: a line for each thing, each in the words of a command if there is one.
left() {
	echo "Left to do, as root:"
	if ! id -u _pkgtorrent-tracker >/dev/null 2>&1 ||
	    [ ! -d /var/cache/torrent_service ]; then
		echo "	make setup"
		echo "		(the users of the service, and its cache)"
	fi
	if ! grep -q -s -i '^[[:blank:]]*root[[:blank:]]' $conf; then
		echo "	set \"root\" in $conf to the mirror's document root"
	fi
	echo "	have the web server pass requests on, see the README"
	if [ -d /run/systemd/system ]; then
		echo "	systemctl enable --now pkgtorrentd"
	else
		echo "	service pkgtorrentd start"
	fi
	echo "Torrents name the tracker of the house, unless other trackers are"
	echo "in /var/lib/torrent_service/trackers, one per line."
}

case ${1:-} in
all)	setup "$2"
	left ;;
left)	left ;;
*)	echo "usage: setup.sh all script | left" >&2
	exit 2 ;;
esac
