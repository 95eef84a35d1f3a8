# SPDX-License-Identifier: ISC
# field: package 150
# The Debian package: installed on a fresh machine, configured, upgraded,
# removed and purged.
. /field/lib.sh

tested=pkgtorrentd.service
since=-1min
conf=/etc/pkgtorrentd.conf
cd "$(mktemp -d)" || exit 1

# As unattended upgrades do it; the output stays in "said".
apt_get()
{
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
	    -o Dpkg::Options::=--force-confdef \
	    -o Dpkg::Options::=--force-confold "$@" >said 2>&1 </dev/null ||
	    { cat said; false; }
}


property()
{
	[ "$(systemctl show --property="$1" --value pkgtorrentd.service)" = "$2" ]
}

users()
{
	getent passwd _pkgtorrent _pkgtorrent-front _pkgtorrent-hasher \
	    _pkgtorrent-tracker | wc -l
}

# Neither a failure nor silence: it waits for the administrator.
unconfigured()
{
	check "the configuration has no root" not grep '^root' $conf
	check "apt-get has said so" grep "no root" said
	check "nothing has failed" not systemctl is-failed pkgtorrentd.service
	check "it does not run" property ActiveState inactive
	check "its start is skipped" property Result exec-condition
	check "and its status says why" sh -c \
	    'systemctl status pkgtorrentd | grep "set root in /etc"'
	check "a start by hand is no failure" systemctl start pkgtorrentd
	check "but skipped as well" property ActiveState inactive
}

units_of_the_default()
{
	check "it starts at a boot" \
	    [ "$(systemctl is-enabled pkgtorrentd.service)" = enabled ]
	for unit in pkgtorrentd-confined.service pkgtorrentd.socket; do
		check "$unit does not" \
		    [ "$(systemctl is-enabled $unit)" = static ]
		check "nor was it started" not systemctl is-active $unit
	done
}

# The access log, with the file for logrotate as it was installed.
rotates()
{
	log=/var/log/pkgtorrentd/access
	check "requests are logged" grep b.rpm $log
	check "logrotate takes its file" \
	    logrotate --force /etc/logrotate.d/pkgtorrentd
	check "it has renamed the log" grep b.rpm $log.1
	check "there is a new one" wait_for 10 test -e $log
	check "a request" status 404 "$service/single/after"
	check "is in the new one" wait_for 10 grep /after $log
	check "and not in the old one" not grep /after $log.1
}

gone()
{
	for _place in /var/cache/torrent_service /var/lib/torrent_service \
	    /var/log/pkgtorrentd $conf /etc/logrotate.d/pkgtorrentd; do
		[ ! -e "$_place" ] || { echo "$_place"; return 1; }
	done
	find /etc /usr /run /var/lib -name '*pkgtorrent*' >left
	! grep . left
}

check "the older one is installed" apt_get install /packages/old/*.deb
unconfigured
units_of_the_default
check "its users are there" [ "$(users)" = 4 ]
check "and the cache, of one of them" \
    [ "$(stat -c %U /var/cache/torrent_service)" = _pkgtorrent ]

sed -i 's,^#[[:blank:]]*\(root /srv/mirror\)$,\1,' $conf
printf '%s\n' 'serve-files yes' 'access-log /var/log/pkgtorrentd/access' >>$conf
check "its configuration is right" pkgtorrentd -n
check "it starts" systemctl start pkgtorrentd
serves
check "another request" status 200 "$service/single/pub/b.rpm"
rotates

pid=$(main_pid pkgtorrentd.service)
cp $conf changed
check "an upgrade" apt_get install /packages/pkgtorrentd_*.deb
check "has taken place" sh -c 'dpkg-query -W pkgtorrentd | grep -v 0.0.1'
check "another process" wait_for 30 restarted pkgtorrentd.service "$pid"
check "serves" status 200 "$service/single/pub/b.rpm"
check "as the changed configuration says" cmp changed $conf
check "the new one is beside it" not grep 'An older line' $conf.dpkg-dist
check "unchanged files are the new ones" \
    not grep 'An older line' /etc/logrotate.d/pkgtorrentd
units_of_the_default

check "the other unit" systemctl disable --now pkgtorrentd.service
check "is wanted instead" sh -c '
    systemctl add-wants multi-user.target pkgtorrentd-confined.service &&
    systemctl add-wants sockets.target pkgtorrentd.socket &&
    systemctl start pkgtorrentd-confined.service'
pid=$(main_pid pkgtorrentd-confined.service)
check "installed again" apt_get --reinstall install /packages/pkgtorrentd_*.deb
check "it runs anew" wait_for 30 restarted pkgtorrentd-confined.service "$pid"
check "and serves" status 200 "$service/single/pub/b.rpm"
check "the first one stays disabled" \
    [ "$(systemctl is-enabled pkgtorrentd.service)" = disabled ]

check "it is removed" apt_get remove pkgtorrentd
check "no process is left" not grep -l pkgtorrent /proc/[0-9]*/comm
check "its users stay" [ "$(users)" = 4 ]
check "and its files" \
    test -e $conf -a -e /var/cache/torrent_service/tracker.key
check "it is purged" apt_get purge pkgtorrentd
check "with its users" [ "$(users)" = 0 ]
check "and all files" gone

check "the new one is installed" apt_get install /packages/pkgtorrentd_*.deb
unconfigured
units_of_the_default
check "and purged at once" apt_get purge pkgtorrentd
check "nothing is left of it" gone
finish
