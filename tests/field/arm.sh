#! /bin/sh
# SPDX-License-Identifier: ISC
# field: chroot 300 network
# arm64 and armhf: both programs and the tests of modules, built by the
# distribution's cross compilers; tests that ask little of the kernel run under
# qemu's emulation of such a processor.  A program's libraries come out
# of that architecture's packages, without running anything of them.
set -u

# Filters, namespaces and other processes' calls are beyond qemu-user.
tests="buf chunked client_name conf conf_print
    entry http http_host listing match msg
    request seal sha1_lanes torrent trackers"
# It does not say that there were more descriptors than fit.
beyond=msg__every_row_wrong_fds
libraries=libc6-dev,libevent-dev,libssl-dev,libseccomp-dev,libbsd-dev,libatf-dev

# Where the compilers are cross compilers, and have packages.
[ "$(uname -m)" = x86_64 ] || exit 77

# As debootstrap has written it: deb MIRROR SUITE main.
read -r _ mirror suite _ </etc/apt/sources.list

timed()
{
	_start=$(date +%s)
	if ! "$@"; then
		echo "FAILED: $*"
		echo "0 passed, 1 failed, 0 skipped"
		exit 1
	fi
	echo "# $1 ${2:-}: $(($(date +%s) - _start)) s"
}

install_packages()
{
	apt-get -q update &&
	    apt-get -q -y --no-install-recommends install debootstrap \
	    qemu-user gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf
}

# make_root ARCHITECTURE: not installed, only unpacked.
make_root()
{
	debootstrap --arch="$1" --foreign --variant=minbase \
	    --include=$libraries "$suite" "/$1" "$mirror" >"/$1.log" 2>&1 ||
	    { cat "/$1.log"; return 1; }
	for deb in "/$1"/var/cache/apt/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar xf - -C "/$1" \
		    --keep-directory-symlink || return 1
	done
}

# build ARCHITECTURE MACHINE
build()
{
	cp -a /src/tree "/$1/tree" && cd "/$1/tree" && make clean >/dev/null &&
	    export PKG_CONFIG_SYSROOT_DIR="/$1" \
	    PKG_CONFIG_LIBDIR="/$1/usr/lib/$2/pkgconfig" || return 1
	# shellcheck disable=SC2086
	make -s -j"$(nproc)" CC="$2-gcc --sysroot=/$1" AR="$2-ar" WERROR=1 \
	    all $(printf 'tests/unit/%s_test ' $tests)
}

# run_case ARCHITECTURE QEMU TEST CASE
run_case()
{
	rm -rf case result out
	mkdir case || return 1
	(cd case && timeout 60 "$2" -L "/$1" "/$1/tree/tests/unit/${3}_test" \
	    -s "/$1/tree/tests/unit" -r ../result "$4" >../out 2>&1)
	case $(cat result 2>/dev/null) in
	passed*) passed=$((passed + 1)) ;;
	skipped*) skipped=$((skipped + 1)) ;;
	*)	echo "FAILED: $1: $3:$4: $(cat result)"
		tail -n 20 out
		failed=$((failed + 1)) ;;
	esac
}

# run ARCHITECTURE QEMU: every case of these tests.
run()
{
	for test in $tests; do
		cases=$("$2" -L "/$1" "/$1/tree/tests/unit/${test}_test" -l |
		    sed -n 's/^ident: //p')
		if [ -z "$cases" ]; then
			echo "FAILED: $1: $test does not run"
			failed=$((failed + 1))
		fi
		for case in $cases; do
			[ "$case" = $beyond ] ||
			    run_case "$1" "$2" "$test" "$case"
		done
	done
}

# port ARCHITECTURE MACHINE QEMU
port()
{
	passed=0
	failed=0
	skipped=0
	timed make_root "$1"
	timed build "$1" "$2"
	cd "$(mktemp -d)" || exit 1
	timed run "$1" "$3"
	rm -rf "/$1"
	echo "$passed passed, $failed failed, $skipped skipped"
	exit $((failed > 0))
}

timed install_packages
# Each waits for the network, and then for the processor.
port arm64 aarch64-linux-gnu qemu-aarch64 &
arm64=$!
port armhf arm-linux-gnueabihf qemu-arm &
status=0
wait $! || status=1
wait $arm64 || status=1
exit $status
