#! /usr/bin/env atf-sh
# The cache's disk fails, fills up, loses power, or is written by others: the
# torrents are right all the same.

. "${0%/*}/lib.sh"
. "${0%/*}/marks.sh"

service_timeout=590

# run_disk WHAT [ARGUMENT ...]
run_disk()
{
	mkdir -p www/yum
	service_configure 'piece-length 16K' 'hot-size 1M' 'access-log no' \
	    'cache-age 30d' 'max-jobs-per-client 1000'
	run_python disk.py "$program" "$@"
}

service_case full_disk "A disk that is full or read-only." unshare
full_disk_body()
{
	service_prepare
	_unshare="unshare -m"
	if [ "$(id -u)" != 0 ]; then
		_unshare="unshare -U -r -m"
		cat >ordinary <<-END
			#! /bin/sh
			exec unshare -U --map-user=$(id -u) \
			    --map-group=$(id -g) "$program" "\$@"
		END
		chmod +x ordinary
		program=$here/ordinary
	fi
	$_unshare mount -t tmpfs none cache 2>/dev/null ||
	    atf_skip "no mounts in a name space of its own"
	python3()
	{
		$_unshare python3 "$@"
	}
	run_disk full
}

service_case damage "Damage to an entry is found, and it is made again."
damage_body()
{
	run_disk damage "$(number 60 0)"
}

service_case power_loss "What was not yet on the disk is made again."
power_loss_body()
{
	run_disk power "$(number 6 100)"
}

service_case replaced "Whatever is in an entry's place."
replaced_body()
{
	run_disk replaced
}

service_case directory "The directory, without its contents or permissions."
directory_body()
{
	run_disk directory
}

service_case writers "Two services and a scribbler in one cache."
writers_body()
{
	run_disk writers "$(number 10 300)" "$(free_port)"
}
