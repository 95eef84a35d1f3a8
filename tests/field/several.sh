# SPDX-License-Identifier: ISC
# field: machine 120
# pkgtorrentd@.service: two mirrors on one machine, as the manual says.
. /field/lib.sh

one=pkgtorrentd@one.service
two=pkgtorrentd@two-b.service
units="$units $one $two"
url_one=http://127.0.0.1:8081
url_two=http://127.0.0.1:8082

# mirror NAME PORT [LINE ...]: its files, and a configuration by the example.
mirror()
{
	mkdir -p "/srv/$1/pub" /etc/pkgtorrentd
	head -c 1500001 /dev/urandom >"/srv/$1/pub/of-$1"
	grep -v '^root ' /field/conf >"/etc/pkgtorrentd/$1.conf"
	printf 'root /srv/%s\nlisten 127.0.0.1:%s\n' "$1" "$2" \
	    >>"/etc/pkgtorrentd/$1.conf"
	_name=$1
	shift 2
	for _line; do
		echo "$_line" >>"/etc/pkgtorrentd/$_name.conf"
	done
}

# of_mirror URL NAME: it serves this mirror, and no other.
of_mirror()
{
	status 200 "$1/mirror/torrent_service/single/pub/of-$2" &&
	    status 200 "$1/pub/of-$2" && cmp body "/srv/$2/pub/of-$2" &&
	    status 404 "$1/mirror/torrent_service/single/pub/a.rpm"
}

# owned DIRECTORY: the cache of an instance, with something in it.
owned()
{
	[ "$(stat -c '%U:%G %a' "$1")" = "_pkgtorrent:_pkgtorrent 755" ] &&
	    [ -s "$1/tracker.key" ] && find "$1/pieces" -type f | grep .
}

# answers_ctl UNIT NAME: its control socket is that of its parent.
answers_ctl()
{
	pkgtorrentctl -s "/run/pkgtorrentd-$2/control.sock" status >status &&
	    grep "pid $(main_pid "$1")," status
}

clear()
{
	tidy
	rm -rf /etc/pkgtorrentd /srv/one /srv/two-b \
	    /var/cache/torrent_service-*
}

begin $one $two
trap clear EXIT
# Its socket is in the runtime directory, its log beside the others'.
mirror one 8081 'listen /run/pkgtorrentd-one/socket' \
    'access-log /var/log/pkgtorrentd/one'
mirror two-b 8082 'pid-file /run/pkgtorrentd-two-b/pid'
# Files that have just been made are not remembered on disk.
sleep 3
check "no configuration is an error" not systemctl start pkgtorrentd@none
check "that names the file" sh -c 'journalctl --quiet -u pkgtorrentd@none |
    grep "/etc/pkgtorrentd/none.conf: No such file"'
systemctl stop pkgtorrentd@none
systemctl reset-failed pkgtorrentd@none
check "two start" systemctl enable --now pkgtorrentd@one pkgtorrentd@two-b
check "the first serves its mirror" of_mirror $url_one one
check "the second its own" of_mirror $url_two two-b
check "a client of the first" download \
    "$url_one/mirror/torrent_service/simple/pub/of-one" ../one/pub/of-one
check "by its socket, too" curl -fsS -o /dev/null \
    --unix-socket /run/pkgtorrentd-one/socket http://m.example/pub/of-one
check "each has a cache" wait_for 10 owned /var/cache/torrent_service-one
check "of its own" wait_for 10 owned /var/cache/torrent_service-two-b
check "none uses that of the single service" \
    not test -e /var/cache/torrent_service/tracker.key
check "the keys differ" not cmp \
    /var/cache/torrent_service-one/tracker.key \
    /var/cache/torrent_service-two-b/tracker.key
check "the access log is where the file says" \
    grep pub/of-one /var/log/pkgtorrentd/one
check "and the pid" \
    [ "$(cat /run/pkgtorrentd-two-b/pid)" = "$(main_pid $two)" ]
check "each answers pkgtorrentctl" answers_ctl $one one
check "for itself" answers_ctl $two two-b
check "the single service runs beside them" systemctl start pkgtorrentd
check "and serves its mirror" status 200 "$service/single/pub/a.rpm"
check "and stops" systemctl stop pkgtorrentd

pid_one=$(main_pid $one)
pid_two=$(main_pid $two)
echo 'deny /pub' >>/etc/pkgtorrentd/two-b.conf
check "one is reloaded" systemctl reload pkgtorrentd@two-b
check "by its file" wait_for 20 \
    status 403 $url_two/mirror/torrent_service/single/pub/of-two-b
check "the other is not" of_mirror $url_one one
echo 'no-such-keyword' >>/etc/pkgtorrentd/two-b.conf
check "an error in its file is found" not systemctl reload pkgtorrentd@two-b
check "it runs on" [ "$(main_pid $two)" = "$pid_two" ]
check "a restart fails" not systemctl restart pkgtorrentd@two-b
check "the other runs on" [ "$(main_pid $one)" = "$pid_one" ]
check "and serves" of_mirror $url_one one
mirror two-b 8081
systemctl reset-failed pkgtorrentd@two-b
check "an address in use is an error" not systemctl start pkgtorrentd@two-b
check "of that one" sh -c "journalctl --quiet -u $two |
    grep '127.0.0.1:8081: Address already in use'"
check "not of the other" of_mirror $url_one one
mirror two-b 8082
systemctl reset-failed pkgtorrentd@two-b
check "mended, it starts" systemctl start pkgtorrentd@two-b
check "and serves" of_mirror $url_two two-b
check "the first is stopped" systemctl stop pkgtorrentd@one
check "nobody serves its mirror" not curl -s -o /dev/null $url_one/
check "its directory is gone" not test -e /run/pkgtorrentd-one
check "its cache stays" owned /var/cache/torrent_service-one
check "the second serves" of_mirror $url_two two-b
check "the second is stopped" systemctl disable --now pkgtorrentd@one \
    pkgtorrentd@two-b
check "no process is left" not grep -l pkgtorrent /proc/[0-9]*/comm
finish
