#! /bin/sh
# SPDX-License-Identifier: ISC
# field: chroot 400 network
# 32 bits: the same distribution for i386, in a chroot of its own on this
# kernel.  Builds there with the distribution's compiler, runs tests of modules
# and the shortest ways through the whole, and has a file of 6 GiB hashed and
# served.  The chroot goes with that which this runs in, the mounts with their
# namespace.
set -u

# A 64-bit kernel of this kind runs 32-bit programs.
[ "$(uname -m)" = x86_64 ] || exit 77

# As debootstrap has written it: deb MIRROR SUITE main.
read -r _ mirror suite _ </etc/apt/sources.list
root=/i386
# Besides those of modules; the README has the sizes of messages.
services="smoke wire golden syscalls readme large"

in_i386()
{
	chroot $root linux32 sh -c "cd /src/tree && $1"
}

timed()
{
	_start=$(date +%s)
	"$@" || exit 1
	echo "# $1: $(($(date +%s) - _start)) s"
}

install_debootstrap()
{
	apt-get -q update &&
	    apt-get -q -y --no-install-recommends install debootstrap
}

# Nothing of it has to outlive a power failure.
make_chroot()
{
	debootstrap --arch=i386 --variant=minbase \
	    --include=make,ca-certificates "$suite" $root "$mirror" &&
	    echo force-unsafe-io >$root/etc/dpkg/dpkg.cfg.d/unsafe &&
	    mount -t proc proc $root/proc && mount --rbind /dev $root/dev &&
	    cp /etc/resolv.conf $root/etc/resolv.conf &&
	    mkdir -p $root/src && cp -a /src/. $root/src
}

# "make check" would bring all that the tests of clients and web servers want.
install_packages()
{
	in_i386 'make clean >/dev/null &&
	    make deps WHAT="build basis demo" &&
	    apt-get -q -y --no-install-recommends install python3 procps strace'
}

build()
{
	in_i386 'gcc -dumpmachine &&
	    make -s -j"$(nproc)" CC=gcc WERROR=1 all tests'
}

check()
{
	in_i386 "sh tests/tool/check.sh unit role $services"
}

timed install_debootstrap
timed make_chroot
timed install_packages
timed build
check
