# SPDX-License-Identifier: ISC
# field: chroot 240
# rpm/pkgtorrentd.spec: two builds are the same bytes; the package is installed,
# serves, is upgraded and removed by rpm.  Here its scripts run, but no systemd.
set -u

passed=0
failed=0
pid=
work=$(mktemp -d)
trap 'leave' EXIT
trap 'exit 1' HUP INT TERM
version=$(sed -n 's/^VERSION[[:blank:]]*= //p' Makefile)
tarball=$work/pkgtorrentd-$version.tar.gz
name=pkgtorrentd-$version-1

leave()
{
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	rpm --quiet -q pkgtorrentd && change -e pkgtorrentd
	rm -rf "$work" /etc/pkgtorrentd.conf* /var/cache/torrent_service \
	    /var/lib/torrent_service
}

# change OPTION ...: of what is installed.  A plugin of rpm's wants the root
# directory to be a mount point, which that of a chroot is not.
change()
{
	rpm --noplugins --nodeps "$@"
}

check()
{
	_what=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		passed=$((passed + 1))
		echo "ok: $_what"
	else
		failed=$((failed + 1))
		echo "FAILED: $_what ($*)"
		tail -n 40 "$work/out"
	fi
}

finish()
{
	echo "$passed passed, $failed failed, 0 skipped"
	[ $failed = 0 ]
	exit
}

not()
{
	! "$@"
}

# make_tarball [LINE]: the sources, as they are here, with that line in the
# configuration.
make_tarball()
{
	rm -f "$tarball"
	mkdir "$work/pkgtorrentd-$version" &&
	    tar cf - --exclude=./.git . |
	    tar xf - -C "$work/pkgtorrentd-$version" &&
	    make -C "$work/pkgtorrentd-$version" clean &&
	    echo "${1:-}" >>"$work/pkgtorrentd-$version/etc/pkgtorrentd.conf" &&
	    tar czf "$tarball" -C "$work" "pkgtorrentd-$version" &&
	    rm -r "$work/pkgtorrentd-$version"
}

# build NAME [RPMBUILD-OPTION ...]: somewhere else, by another machine.
build()
{
	_dir=$work/$1
	shift
	mkdir "$_dir" && unshare --uts sh -c '
	    hostname "$1" && shift && exec "$@"' sh "${_dir##*/}" \
	    env TMPDIR="$_dir" sh rpm/build.sh "$tarball" "$_dir/rpms" "$@"
}

# The next release: another configuration, and nothing that takes time.
build_next()
{
	make_tarball '# of the next release' &&
	    build next -D 'pkgrelease 2' -D 'optflags -O0'
}

# same_files DIRECTORY DIRECTORY: as many, the same bytes.
same_files()
{
	ls "$1" "$2"
	[ -n "$(find "$1" -name '*.rpm')" ] && diff -r "$1" "$2"
}

# files PACKAGE: each with its mode, owner, and flags (c: a configuration, n: it
# is not replaced, d: documentation, g: not in the package).
files()
{
	rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags} %{FILENAMES}\n]' "$1" |
	    sed 's/  */ /g'
}

# has LINE ...: each is a line of files.
has()
{
	for _line; do
		grep -q -x -e "$_line" "$work/files" || {
			echo "no $_line"
			grep -F -e "${_line##* }" "$work/files"
			return 1
		}
	done
}

# Nothing else than root's, nothing that others may write, nothing setuid.
roots_files()
{
	! grep -v -E '^[-d]r[w-][x-]r-[x-]r-[x-] root:root ' "$work/files" |
	    grep -v -x 'drwxr-xr-x _pkgtorrent:_pkgtorrent g /var/cache/torrent_service'
}

# Of each script its program, and that that takes it.
scripts()
{
	for _script in PREIN POSTIN PREUN POSTUN; do
		rpm -qp --qf "%{$_script}" "$1" >"$work/$_script" || return 1
		[ "$(cat "$work/$_script")" = "(none)" ] ||
		    sh -n "$work/$_script" || return 1
	done
	rpm -qp --scripts "$1"
	grep -q systemd-sysusers "$work/POSTIN" &&
	    sed -n '/systemd-sysusers/,$p' "$work/POSTIN" |
	    grep -q systemd-tmpfiles &&
	    grep -q 'preset pkgtorrentd.service' "$work/POSTIN" &&
	    grep -q 'disable pkgtorrentd.service' "$work/PREUN" &&
	    grep -q 'try-restart' "$work/POSTUN"
}

installed()
{
	change -i "$1" && rpm -V --nodeps pkgtorrentd &&
	    for _user in _pkgtorrent _pkgtorrent-front _pkgtorrent-hasher \
	    _pkgtorrent-tracker; do
		id $_user || return 1
	    done
}

answers()
{
	mkdir -p "$work/mirror/pub"
	chmod 755 "$work"
	head -c 300000 /dev/urandom >"$work/mirror/pub/a"
	pkgtorrentd -d -o "root $work/mirror" >"$work/log" 2>&1 &
	pid=$!
	_n=0
	until grep ': ready: ' "$work/log"; do
		_n=$((_n + 1))
		[ $_n -lt 200 ] || { cat "$work/log"; return 1; }
		sleep 0.1
	done
	curl -fsS -o "$work/a.torrent" \
	    http://127.0.0.1:8080/mirror/torrent_service/single/pub/a
	_status=$?
	[ $_status = 0 ] || cat "$work/log"
	kill $pid && wait $pid
	pid=
	[ $_status = 0 ] && grep -q 'd5:files\|6:length' "$work/a.torrent"
}

# The configuration of the administrator stays, that of the package is beside it.
upgraded()
{
	echo 'root /srv/mine' >/etc/pkgtorrentd.conf
	change -U "$1" &&
	    [ "$(cat /etc/pkgtorrentd.conf)" = 'root /srv/mine' ] &&
	    grep 'of the next release' /etc/pkgtorrentd.conf.rpmnew &&
	    enabled
}

enabled()
{
	[ -L /etc/systemd/system/multi-user.target.wants/pkgtorrentd.service ]
}

removed()
{
	systemctl enable pkgtorrentd@one.service || return 1
	change -e pkgtorrentd || return 1
	[ "$(cat /etc/pkgtorrentd.conf.rpmsave)" = 'root /srv/mine' ] || return 1
	! find /etc /usr /var/cache /var/lib -xdev \
	    \( -name '*pkgtorrent*' -o -name torrent_service \) | grep -v -x -e /etc/pkgtorrentd.conf.rpmsave \
	    -e /etc/pkgtorrentd.conf.rpmnew \
	    -e /var/cache/torrent_service
}

check "a tarball" make_tarball
check "a package is built" build one
export TZ=Asia/Tokyo LC_ALL=C.UTF-8
check "again" build two -D '_smp_mflags -j1'
check "the same bytes" same_files "$work/one/rpms" "$work/two/rpms"
package=$(echo "$work/one/rpms/$name".*.rpm)
files "$package" >"$work/files"
cat "$work/files"
check "programs, units and manuals" has \
    '-rwxr-xr-x root:root  */usr/sbin/pkgtorrentd' \
    '-rwxr-xr-x root:root  */usr/sbin/pkgtorrentctl' \
    '-rwxr-xr-x root:root  */usr/libexec/pkgtorrentd/pkgtorrent-hasher' \
    '-rw-r--r-- root:root  */usr/lib/systemd/system/pkgtorrentd.service' \
    '-rw-r--r-- root:root  */usr/lib/systemd/system/pkgtorrentd@.service' \
    '-rw-r--r-- root:root  */usr/lib/sysusers.d/pkgtorrentd.conf' \
    '-rw-r--r-- root:root  */usr/lib/tmpfiles.d/pkgtorrentd.conf' \
    '-rw-r--r-- root:root d /usr/share/man/man8/pkgtorrentd.8.*'
check "a configuration that is not replaced" has \
    '-rw-r--r-- root:root cn /etc/pkgtorrentd.conf' \
    '-rw-r--r-- root:root cn /etc/logrotate.d/pkgtorrentd' \
    'drwxr-xr-x root:root  */etc/pkgtorrentd'
check "directories of the service" has \
    'drwxr-xr-x _pkgtorrent:_pkgtorrent g /var/cache/torrent_service' \
    'drwxr-xr-x root:root g /var/lib/torrent_service'
check "root owns the rest" roots_files
check "no name of a directory of the build is in it" not grep -a -l \
    "$work" "$package"
check "its scripts" scripts "$package"
check "it is installed" installed "$package"
check "it is enabled" enabled
check "it serves" answers
check "the next release is built" build_next
check "an upgrade" upgraded "$work/next/rpms/pkgtorrentd-$version-2".*.rpm
check "it is removed" removed
finish
