#! /bin/sh
# make deps: installs what building and testing need, where it is missing.
#
#	deps.sh install		as root: build, tests and measurements
#	deps.sh check		the same for building and testing; an ordinary
#				user is told what is missing
#	deps.sh demo		for building and make demo alone
set -u

mode=${1:-install}

# What for; how to find out; its package for apt, dnf, zypper, pacman and apk.
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
	bench cmd:wrk wrk wrk wrk wrk wrk
	bench cmd:fio fio fio fio fio fio
	bench cmd:valgrind valgrind valgrind valgrind valgrind valgrind
	bench cmd:faketime faketime libfaketime libfaketime libfaketime libfaketime
	bench cmd:slowhttptest slowhttptest slowhttptest - - -
	TABLE
}

case $mode in
install) groups="build basis demo check bench" ;;
check)	groups="build basis demo check" ;;
demo)	groups="build demo" ;;
*)	echo "usage: deps.sh install | check | demo" >&2; exit 2 ;;
esac

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

# Sets $missing, what is not there, and $packages, what has it.
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

# What is installed for tests must not begin to serve the world.
without_services() {
	policy=/usr/sbin/policy-rc.d
	if [ -e $policy ]; then
		"$@"
		return
	fi
	trap 'rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#! /bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	"$@"
}

add() {
	case $manager in
	apt-get) DEBIAN_FRONTEND=noninteractive without_services apt-get \
		    install -y -q --no-install-recommends "$@" ;;
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

look
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing:$missing" >&2
	[ -z "$manager" ] || echo "packages:$packages" >&2
	echo "to install them, as root: make deps" >&2
	exit 1
fi
if [ -z "$manager" ]; then
	echo "missing:$missing" >&2
	echo "none of $managers is here to install them with" >&2
	exit 1
fi

echo "make deps: installing$packages"
[ -z "$packages" ] || refresh
# In one go; where that fails, each that there is.
# shellcheck disable=SC2086
if [ -n "$packages" ] && ! add $packages; then
	for package in $packages; do
		add "$package" || echo "make deps: no $package" >&2
	done
fi

# A test is skipped for a client that is not there; these are for all.
case $mode in
demo)	groups="build demo" ;;
*)	groups="build basis" ;;
esac
look
[ -z "$missing" ] || { echo "make deps: still missing:$missing" >&2; exit 1; }
