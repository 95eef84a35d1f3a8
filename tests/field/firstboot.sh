# SPDX-License-Identifier: ISC
# field: firstboot 60
# systemd enables by itself every unit that no preset forbids: one of ours.
. /field/lib.sh

enabled()
{
	[ "$(systemctl is-enabled "$1")" = "$2" ]
}

tested=$units
since=-1min
check "systemd took it for the first boot" enabled pkgtorrentd.service enabled
check "it runs" wait_for 20 systemctl is-active pkgtorrentd.service
check "and serves" status 200 "$service/single/pub/b.rpm"
for unit in pkgtorrentd-confined.service pkgtorrentd.socket; do
	check "$unit is not enabled" enabled $unit static
	check "nor started" not systemctl is-active $unit
done
check "of the template no instance is enabled" \
    not ls /etc/systemd/system/*.wants/pkgtorrentd@*
check "with its users" systemctl is-active systemd-sysusers.service
tidy
finish
