#! /bin/sh
# SPDX-License-Identifier: ISC
# make deps: installs the dependencies of building and testing, where they are
# missing, and lets none of them serve, now or after the next boot.
#
#	deps.sh install		as root: build, tests and measurements
#	deps.sh install GROUP ...	of these only: build, basis, demo,
#				check, browser, bench; or field, for make field
#	deps.sh check		the same for building and testing; names the
#				missing ones for an ordinary user
#	deps.sh demo		for building and make demo alone
set -u

mode=${1:-install}
[ $# -eq 0 ] || shift

# The group; how to find out; its package for apt, dnf, zypper, pacman and apk.
# "-": it has none; tests that want it are skipped.
table() {
	cat <<-'TABLE'
	build cmd:cc gcc gcc gcc gcc gcc
	build cmd:make make make make make make
	build cmd:pkg-config pkg-config pkgconf-pkg-config pkg-config pkgconf pkgconf
	build file:/usr/include/stdio.h libc6-dev glibc-devel glibc-devel glibc musl-dev
	build file:/usr/include/linux/landlock.h linux-libc-dev kernel-headers linux-glibc-devel linux-api-headers linux-headers
	build lib:libevent_core libevent-dev libevent-devel libevent-devel libevent libevent-dev
	build lib:libcrypto libssl-dev openssl-devel libopenssl-devel openssl openssl-dev
	build lib:libseccomp libseccomp-dev libseccomp-devel libseccomp-devel libseccomp libseccomp-dev
	build lib:libbsd-overlay libbsd-dev libbsd-devel libbsd-devel libbsd libbsd-dev
	demo cmd:curl curl curl curl curl curl
	demo cmd:aria2c aria2 aria2 aria2 aria2 aria2
	basis cmd:kyua kyua kyua kyua - kyua
	basis lib:atf-c libatf-dev pkgconfig(atf-c) pkgconfig(atf-c) - atf-dev
	basis cmd:atf-sh atf-sh /usr/bin/atf-sh /usr/bin/atf-sh - atf
	check cmd:python3 python3 python3 python3 python python3
	check py:libtorrent python3-libtorrent rb_libtorrent-python3 python3-libtorrent-rasterbar libtorrent-rasterbar py3-libtorrent-rasterbar
	check cmd:transmission-cli transmission-cli transmission-cli transmission transmission-cli transmission-cli
	check cmd:wget2 wget2 wget2 wget2 - wget2
	check cmd:w3m w3m w3m w3m w3m w3m
	check cmd:xmllint libxml2-utils libxml2 libxml2-tools libxml2 libxml2-utils
	check cmd:ps procps procps-ng procps procps-ng procps
	check cmd:ip iproute2 iproute iproute2 iproute2 iproute2
	check cmd:nginx nginx-light nginx nginx nginx nginx
	check cmd:apache2 apache2-bin - - - -
	check cmd:haproxy haproxy haproxy haproxy haproxy haproxy
	check cmd:opentracker opentracker - - - opentracker
	check cmd:mktorrent mktorrent mktorrent mktorrent mktorrent mktorrent
	check cmd:mandoc mandoc mandoc mandoc mandoc mandoc
	check cmd:bmake bmake bmake bmake bmake bmake
	check cmd:clang clang clang clang clang clang
	check cmd:clang-format clang-format clang-tools-extra clang clang clang-extra-tools
	check fuzzer: libclang-rt-dev compiler-rt clang compiler-rt compiler-rt
	check cmd:systemd-analyze systemd systemd systemd systemd -
	check cmd:strace strace strace strace strace strace
	check cmd:git git git git git git
	check cmd:logrotate logrotate logrotate logrotate logrotate logrotate
	check cmd:apparmor_parser apparmor - apparmor-parser apparmor apparmor
	check cmd:rsync rsync rsync rsync rsync rsync
	check cmd:script bsdutils util-linux util-linux util-linux util-linux-misc
	check cmd:promtool prometheus golang-github-prometheus golang-github-prometheus-prometheus prometheus prometheus
	check cmd:rpmbuild rpm rpm-build rpm-build - rpm
	check cmd:file file file file file file
	browser cmd:chromium chromium chromium chromium chromium chromium
	browser cmd:npm npm npm npm npm npm
	field cmd:ip iproute2 iproute iproute2 iproute2 iproute2
	field cmd:debootstrap debootstrap debootstrap debootstrap debootstrap debootstrap
	field cmd:systemd-nspawn systemd-container systemd-container systemd-container systemd systemd
	field cmd:mksquashfs squashfs-tools squashfs-tools squashfs squashfs-tools squashfs-tools
	field cmd:mkfs.erofs erofs-utils erofs-utils erofs-utils erofs-utils erofs-utils
	bench cmd:wrk wrk wrk wrk wrk wrk
	bench cmd:fio fio fio fio fio fio
	bench cmd:valgrind valgrind valgrind valgrind valgrind valgrind
	bench cmd:faketime faketime libfaketime libfaketime libfaketime libfaketime
	bench cmd:tc iproute2 iproute-tc iproute2 iproute2 iproute2-tc
	bench cmd:mkfs.ext4 e2fsprogs e2fsprogs e2fsprogs e2fsprogs e2fsprogs
	bench cmd:slowhttptest slowhttptest slowhttptest - - -
	TABLE
}

usage() {
	echo "usage: deps.sh install [group ...] | check | demo" >&2
	echo "groups: $(table | awk '!seen[$1]++ { print $1 }' | xargs)" >&2
	exit 2
}

# $needed are those without which it has failed: a test is skipped for a
# client that is not there.
case $mode in
install) groups=${*:-build basis demo check browser bench}
	needed=${*:-build basis} ;;
check)	groups="build basis demo check"
	needed="build basis" ;;
demo)	groups="build demo"
	needed=$groups ;;
*)	usage ;;
esac
for group in $groups; do
	table | grep -q "^$group " || usage
done

managers="apt-get dnf zypper pacman apk"
column=3
manager=
for m in $managers; do
	if command -v "$m" >/dev/null; then
		manager=$m
		break
	fi
	column=$((column + 1))
done

# Servers are found there by root alone.
PATH=$PATH:/usr/sbin:/sbin

have() {
	case $1 in
	cmd:*)	command -v "${1#*:}" >/dev/null ;;
	file:*)	test -e "${1#*:}" ;;
	lib:*)	pkg-config --exists "${1#*:}" 2>/dev/null ;;
	py:*)	for python in /usr/bin/python3 python3; do
			$python -c "import ${1#*:}" 2>/dev/null && return 0
		done
		return 1 ;;
	fuzzer:) echo 'int LLVMFuzzerTestOneInput(const char *p, long n)' \
		    '{ return !p && n; }' | clang -fsanitize=fuzzer -x c \
		    -o /dev/null - 2>/dev/null ;;
	esac
}

# Sets $missing, all that is not there, and $packages, which have it.
look() {
	missing=
	packages=
	for group in $groups; do
		rows=$(table | awk -v g="$group" -v c="$column" \
		    '$1 == g { print $2, $c }')
		while read -r what package; do
			have "$what" && continue
			case $group,$package in
			basis,-) ;;
			*,-)	continue ;;
			*)	packages="$packages $package" ;;
			esac
			missing="$missing ${what#*:}"
		done <<-ROWS
		$rows
		ROWS
	done
}

# The starters of services at a boot: systemd's links, which a package makes for
# its units, and those of init scripts.
links() {
	find /etc/systemd/system /etc/rc[2-5].d/S* -type l 2>/dev/null | sort
}

# Packages for tests must not begin to serve the world at the next
# boot: new links go, others stay.  Packages take that for the administrator's
# decision, and leave it so at an upgrade.
disable_services() {
	links | grep -v -x -F -e "$links_before" | while read -r link; do
		case $link,$(readlink "$link") in
		# Not enabled but masked; and a service manager's own.
		*,/dev/null | */systemd-* | */getty* | */dbus* | *.target,*)
			continue ;;
		/etc/rc*)
			update-rc.d "${link##*/S[0-9][0-9]}" disable ;;
		*)	rm -f "$link" ;;
		esac
		echo "make deps: not enabled: ${link##*/}"
	done
	[ ! -d /run/systemd/system ] || systemctl daemon-reload
}

# Nor begin to serve while it is installed.
deny_starts() {
	policy=/usr/sbin/policy-rc.d
	if [ "$manager" != apt-get ] || [ -e $policy ]; then
		policy=
		return
	fi
	printf '#! /bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
}

add() {
	case $manager in
	apt-get) DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		    --no-install-recommends "$@" ;;
	dnf)	dnf install -y "$@" ;;
	zypper)	zypper --non-interactive install --no-recommends "$@" ;;
	pacman)	pacman -S --needed --noconfirm "$@" ;;
	apk)	apk add "$@" ;;
	esac
}

refresh() {
	case $manager in
	apt-get) apt-get update -q ;;
	pacman)	pacman -Sy ;;
	apk)	apk update ;;
	esac
}

# WebTorrent for browsers is one file of its package, and that has all that it
# needs in it: npm need not install the 160 other packages.  Without it a test
# is skipped.
get_webtorrent() {
	version=3.0.21
	digest=0d4457087237cd9fed0bd5b6db9c0b85e91b4fe037d4c5b007f4066bee595950
	here=$(cd "$(dirname "$0")/../client" && pwd)
	file=$here/webtorrent-$version.js
	if [ -e "$file" ] || ! command -v npm >/dev/null; then
		return
	fi
	dir=$(mktemp -d "${TMPDIR:-/tmp}/pkgtorrentd-npm.XXXXXX") || return
	if (cd "$dir" && npm pack --silent --cache "$dir/cache" \
	    --fetch-retries 1 webtorrent@$version &&
	    echo "$digest  webtorrent-$version.tgz" | sha256sum -c &&
	    tar xzf webtorrent-$version.tgz); then
		rm -f "$here"/webtorrent-*.js
		install -m 644 "$dir/package/dist/webtorrent.min.js" "$file"
	else
		echo "make deps: no WebTorrent" >&2
	fi
	rm -rf "$dir"
}

finish() {
	! $with_browser || get_webtorrent
	exit 0
}

case " $groups " in
*" browser "*) with_browser=true ;;
*)	with_browser=false ;;
esac
look
[ -n "$missing" ] || finish
if [ "$(id -u)" != 0 ]; then
	echo "missing:$missing" >&2
	[ -z "$manager" ] || echo "packages:$packages" >&2
	echo "to install them, as root: make deps${*:+ WHAT=\"$*\"}" >&2
	exit 1
fi
if [ -z "$manager" ]; then
	echo "missing:$missing" >&2
	echo "none of $managers is here to install them with" >&2
	exit 1
fi

echo "make deps: installing$packages"
links_before=$(links)
policy=
trap 'disable_services; [ -z "$policy" ] || rm -f "$policy"' EXIT
trap 'exit 1' HUP INT TERM
deny_starts
[ -z "$packages" ] || refresh
# In one go; where that fails, each that there is.
# shellcheck disable=SC2086
if [ -n "$packages" ] && ! add $packages; then
	for package in $packages; do
		add "$package" || echo "make deps: no $package" >&2
	done
fi

groups=$needed
look
[ -z "$missing" ] || { echo "make deps: still missing:$missing" >&2; exit 1; }
finish
