#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# The cache's disk fails, fills up, loses power, or is written by others: the
# torrents are right all the same.
#
# soak damage: damage
# soak disk: failing_calls full_disk power_loss replaced directory writers

. "${0%/*}/../lib/lib.sh"
. "${0%/*}/../lib/marks.sh"

service_timeout=590

# run_disk DRIVER WHAT [ARGUMENT ...]
run_disk()
{
	_driver=$1
	shift
	service_configure 'piece-length 16K' 'hot-size 1M' 'access-log no' \
	    'cache-age 30d' 'max-jobs-per-client 1000'
	run_python "$_driver" "$program" "$@"
}

service_case failing_calls "Each call of the cache fails, in each way."
failing_calls_body()
{
	service_prepare
	use_faulty
	run_disk disk.py calls
}

# As root, or in a name space where one may mount without being root, and out
# of which the service is an ordinary user again.
service_case full_disk "A disk that is full or read-only." unshare
full_disk_body()
{
	service_prepare
	_unshare="unshare -m"
	if [ "$(id -u)" != 0 ]; then
		_unshare="unshare -U -r -m"
		start_by "unshare -U --map-user=$(id -u) --map-group=$(id -g)"
	fi
	$_unshare mount -t tmpfs none cache 2>/dev/null ||
	    atf_skip "no mounts in a name space of its own"
	python3()
	{
		$_unshare python3 "$@"
	}
	run_disk disk.py full
}

service_case damage "Damage to an entry is found, and it is made again."
body damage run_disk damage.py bits "$(number 60 0)"

service_case power_loss "What was not yet on the disk is made again."
body power_loss run_disk damage.py power "$(number 6 100)"

service_case replaced "Whatever is in an entry's place."
body replaced run_disk damage.py replaced

service_case directory "The directory, without its contents or permissions."
body directory run_disk disk.py directory

service_case writers "Two services and a scribbler in one cache."
writers_body()
{
	run_disk disk.py writers "$(number 10 300)" "$(free_port)"
}
