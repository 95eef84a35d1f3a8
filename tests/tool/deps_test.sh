#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# How make deps and make check understand their arguments.

. "${0%/*}/../lib/cases.sh"

deps=$(atf_get_srcdir)/deps.sh

# A machine with nothing on it but a shell, and apt-get to install more with.
bare_machine()
{
	mkdir bin
	for program in sh awk cat grep id xargs tr sed echo; do
		ln -s "$(command -v $program)" bin
	done
	printf '#! /bin/sh\nexit 1\n' >bin/apt-get
	chmod 755 bin/apt-get
}

atf_test_case build
describe_case unprivileged build "WHAT=build wants what building needs and no more."
build_body()
{
	bare_machine
	atf_check -s exit:1 -e save:build env PATH="$PWD/bin" \
	    sh "$deps" install build
	atf_check -s exit:1 -e save:all env PATH="$PWD/bin" sh "$deps" install
	for package in gcc make pkg-config libevent-dev libssl-dev \
	    libseccomp-dev libbsd-dev; do
		grep -q "^packages:.* $package\( \|\$\)" build ||
		    atf_fail "$package is not wanted"
	done
	grep -q '^to install them, as root: make deps WHAT="build"$' build ||
	    atf_fail "it does not say how to install them"
	for package in kyua curl aria2 clang mktorrent; do
		! grep -q -w -e "$package" build ||
		    atf_fail "$package is wanted"
		grep -q -w -e "$package" all || atf_fail "no $package in all"
	done
}

test_case unknown "Unknown groups and tests are named, with those there are."
unknown_body()
{
	atf_check -s exit:2 -e match:'^groups: build .*bench' \
	    sh "$deps" install biuld
	# It looks before it runs anything.
	atf_check -s exit:2 -e match:'no test "maan_test"; there are:' \
	    -e match:"\<man_test\>" -e match:"\<http_test\>" \
	    sh "${deps%/*}/check.sh" match_test maan_test
}

test_case names "make check knows a test by each of its names." kyua
names_body()
{
	mkdir -p tree/tests/tool tree/tests/unit tree/tests/service
	cp "${deps%/*}/check.sh" tree/tests/tool
	touch tree/tests/service/910_man_test.sh tree/tests/unit/http_test.c
	printf '#! /bin/sh\necho "$@" >>"%s/asked"\n' "$PWD" >kyua
	chmod 755 kyua
	sed -i "s|kyua --logfile|\"$PWD/kyua\" --logfile|" tree/tests/tool/check.sh
	# There is no report of kyua's: only its arguments count.
	CHECK_USER=none sh tree/tests/tool/check.sh man_test man_test.sh man \
	    man_test:lint man_test.sh:lint http_test http_test:head >out 2>&1
	atf_check -o match:' service/910_man_test.sh service/910_man_test.sh:lint unit/http_test unit/http_test:head$' \
	    grep ' test ' asked
}
