#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# make refuses systems that it is not built for, a line for each thing.

. "${0%/*}/../lib/cases.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)

# refused LINE [FLAG ...]: by each compiler that is here.
refused()
{
	_line=$1
	shift
	for _cc in gcc clang; do
		command -v $_cc >/dev/null || continue
		atf_check -s exit:1 -e "inline:$_line\n" \
		    sh "$top/tests/tool/require.sh" $_cc -std=c11 -D_GNU_SOURCE "$@"
	done
}

test_case accepted "This machine is accepted."
accepted_body()
{
	atf_check sh "$top/tests/tool/require.sh" cc -std=c11 -D_GNU_SOURCE
}

test_case old_libc "glibc before 2.34, and another C library."
old_libc_body()
{
	cat >features.h <<-'EOT'
	#include_next <features.h>
	#undef __GLIBC_MINOR__
	#define __GLIBC_MINOR__ 33
	EOT
	refused "this glibc is too old: 2.34 or later is needed" -I.
	echo >features.h
	refused "this C library is not supported: use glibc 2.34 or later" -I.
}

test_case old_headers "Kernel headers before 5.13."
old_headers_body()
{
	mkdir linux
	cat >linux/version.h <<-'EOT'
	#include_next <linux/version.h>
	#undef LINUX_VERSION_CODE
	#define LINUX_VERSION_CODE KERNEL_VERSION(5, 12, 0)
	EOT
	refused "these kernel headers are too old: Linux 5.13 or later is \
needed" -I.
	# And so says make, which has not begun to compile.
	MAKEFLAGS='' make -C "$top" require CFLAGS="-I$(pwd)" >out 2>err &&
	    atf_fail "make goes on"
	atf_check -o match:"kernel headers are too old" cat err
}

test_case architectures \
    "Architectures whose system calls the filters cannot see." \
    gcc
architectures_body()
{
	refused "s390x is not supported: its mmap(2) hides its arguments from \
filters" -U__x86_64__ -D__s390x__
	refused "x32 is not supported: build for x86_64 or i386" -D__ILP32__
	# The file with the table refuses too, with any flags.
	atf_check -s exit:1 -e match:"x32 is not supported" \
	    gcc -std=c11 -D_GNU_SOURCE -I"$top" -I"$top/common" \
	    -D__ILP32__ -fsyntax-only "$top/common/sandbox/seccomp.c"
}

test_case packages "Libraries are found by the pkg-config that is given."
packages_body()
{
	cat >pkg <<-EOT
	#! /bin/sh
	echo "\$*" >>"$(pwd)/asked"
	case \$* in *--exists*) exit 1 ;; esac
	EOT
	chmod +x pkg
	MAKEFLAGS='' make -C "$top" require PKG_CONFIG="$(pwd)/pkg" >out 2>err &&
	    atf_fail "make goes on"
	atf_check -o match:"make deps WHAT=build" cat err
	for option in exists cflags libs; do
		atf_check -o match:"--$option.* libevent_core" cat asked
	done
}
