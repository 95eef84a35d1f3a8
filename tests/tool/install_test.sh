#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# What packagers want of the Makefile.

. "${0%/*}/../lib/cases.sh"

top=$(cd "$(atf_get_srcdir)/../.." && pwd)

# make, as if it were not run by another one; and of what was built here.
make="env -u MAKEFLAGS -u MAKELEVEL -u GNUMAKEFLAGS make -C"
install="$make $top install CC=false AR=false DESTDIR=$PWD/root"

# copy DIRECTORY: the source, without what was built.
copy()
{
	mkdir "$1" && (cd "$top" && tar cf - --exclude=./.git \
	    --exclude=./dist --exclude=./.flags --exclude=./tests \
	    --exclude='*.[oda]' .) | (cd "$1" && tar xf -) &&
	    mkdir -p "$1/tests/tool" && cp "$top"/tests/tool/*.sh "$1/tests/tool"
}

test_case flags "CPPFLAGS, CFLAGS, LDFLAGS, CC and AR are used everywhere."
flags_body()
{
	copy tree
	atf_check -e ignore -o save:said $make tree -n all CPPFLAGS=-DCPP_GIVEN \
	    CFLAGS=-DC_GIVEN LDFLAGS=-Wl,-z,given AR=the-ar
	grep -e ' -c -o ' said >compiled
	grep -e ' -o [a-z]*/pkgtorrent[a-z-]* ' said >linked
	grep -e ' rcs ' said >archived
	# Of each module one, of each program, of each archive.
	atf_check [ "$(wc -l <compiled)" -ge 100 ]
	atf_check [ "$(wc -l <linked)" -ge 3 ]
	atf_check [ "$(wc -l <archived)" -ge 3 ]
	atf_check -s exit:1 grep -v -e ' -DCPP_GIVEN .* -DC_GIVEN ' compiled
	atf_check -s exit:1 grep -v -e ' -Wl,-z,given ' linked
	atf_check -s exit:1 grep -v -e '; the-ar rcs ' archived
}

test_case fortify "No flag of a distribution weakens ours." cc
fortify_body()
{
	copy tree
	atf_check -e ignore -o save:said $make tree -n common/buf.o \
	    CPPFLAGS=-D_FORTIFY_SOURCE=2
	# The last of them is in force, and it is no redefinition.
	atf_check -o inline:'-D_FORTIFY_SOURCE=2\n-U_FORTIFY_SOURCE\n-D_FORTIFY_SOURCE=3\n' \
	    sh -c 'grep -e " -c -o " said | head -n 1 |
	    grep -o -e "-[DU]_FORTIFY_SOURCE[=0-9]*"'
}

test_case install "make install compiles nothing, and what it installs works."
install_body()
{
	atf_check -o save:said $install PREFIX=/opt/some
	atf_check -s exit:1 grep -e ' -c ' said
	atf_check cmp "$top/pkgtorrentd/pkgtorrentd" \
	    root/opt/some/sbin/pkgtorrentd
	# Manuals name files where these are.
	grep -r -h -o '/[a-z/]*/share/doc/pkgtorrentd/[a-z-]*' \
	    root/opt/some/share/man >named
	atf_check [ "$(wc -l <named)" -ge 3 ]
	while read -r file; do
		atf_check test -x "root$file"
	done <named
	mkdir www cache
	[ "$(id -u)" != 0 ] || chown nobody cache
	cat >conf <<-END
		root $PWD/www
		cache $PWD/cache
		user $(id -un | sed 's/^root$/nobody/')
	END
	# This starts both programs, wherever they are.
	mv root/opt/some elsewhere
	atf_check elsewhere/sbin/pkgtorrentd -n -f conf
	rm -r elsewhere/libexec
	atf_check -s exit:1 \
	    -e match:'elsewhere/sbin/../libexec/pkgtorrentd/pkgtorrent-hasher' \
	    elsewhere/sbin/pkgtorrentd -n -f conf
}

test_case places "It refuses directories that make was not told of."
places_body()
{
	atf_check -s exit:2 -o ignore -e match:'run "make" first' \
	    $install LIBEXECDIR=/somewhere/else
	atf_check -s exit:1 test -e root
	copy tree
	atf_check -s exit:2 -o ignore -e match:'run "make" first' \
	    $make tree install DESTDIR="$PWD/root"
	atf_check -s exit:1 test -e root
}

test_case uninstall "make uninstall removes all but what was changed in /etc."
uninstall_body()
{
	atf_check -o ignore $install PREFIX=/usr
	echo 'root /srv/mirror' >>root/etc/pkgtorrentd.conf
	# Not over it.
	atf_check -o ignore $install PREFIX=/usr
	atf_check -o inline:'root /srv/mirror\n' \
	    tail -n 1 root/etc/pkgtorrentd.conf
	atf_check -o ignore -e ignore $make "$top" uninstall PREFIX=/usr \
	    DESTDIR="$PWD/root"
	atf_check -o inline:'root/etc/pkgtorrentd.conf\n' find root -type f
}

test_case dist "make dist makes the same bytes of the same commit." git
dist_body()
{
	copy tree
	cd tree
	export GIT_CONFIG_NOSYSTEM=1 HOME="$PWD"
	git init -q . && git add . && GIT_COMMITTER_DATE='2026-01-02T03:04:05Z' \
	    git -c user.name=x -c user.email=x@example.org commit -q -m one ||
	    atf_fail "git"
	for n in 1 2; do
		atf_check -o ignore -e ignore $make . dist
		mv dist/*.tar.gz ../$n.gz
		find . -path ./.git -prune -o -exec touch -d 2020-02-02 {} +
		umask 077
		export TZ=Asia/Kathmandu
		echo "not committed" >>README.md
	done
	cd ..
	atf_check cmp 1.gz 2.gz
	version=$(sed -n 's/^VERSION	= //p' "$top/Makefile")
	gzip -dc 1.gz | tar tf - >names || atf_fail "tar"
	atf_check -s exit:1 grep -v "^pkgtorrentd-$version/" names
	atf_check -o ignore grep "^pkgtorrentd-$version/debian/rules$" names
	gzip -dc 1.gz | tar xOf - "pkgtorrentd-$version/README.md" |
	    atf_check cmp - "$top/README.md"
}

test_case versions "The package has the version of the program."
versions_body()
{
	atf_check -o inline:"$(sed -n 's/^VERSION	= //p' "$top/Makefile")\n" \
	    sed -n '1s/.*(\(.*\)-[0-9]*).*/\1/p' "$top/debian/changelog"
}

atf_test_case setup
describe_case root setup "make setup makes what systemd would make." unshare mount
setup_body()
{
	# Users in a copy of /etc, and directories in one of /var.
	mkdir -p etc var/cache var/lib bin
	cp -p /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/login.defs etc
	sed -i '/^_pkgtorrent/d' etc/passwd etc/group etc/shadow etc/gshadow
	for program in sh sed grep id useradd install dirname cat; do
		ln -s "$(command -v $program)" bin
	done
	cat >inside <<-END
		mount --bind etc /etc && mount --bind var/cache /var/cache &&
		    mount --bind var/lib /var/lib &&
		    PATH=$PWD/bin sh $top/etc/setup.sh all /dev/null &&
		    ls -ld /var/cache/torrent_service /var/lib/torrent_service &&
		    PATH=$PWD/bin sh $top/etc/setup.sh all /dev/null
	END
	atf_check -o save:said -e ignore unshare -m sh inside
	atf_check_equal 4 "$(grep -c '^_pkgtorrent' etc/passwd)"
	atf_check -o ignore grep ' _pkgtorrent *_pkgtorrent .*/cache/torr' said
	atf_check -o ignore grep ' root *root .*/lib/torrent_service' said
	# It was right the first time, and says what is left.
	atf_check -s exit:1 grep 'make setup' said
	atf_check -o ignore grep 'set "root"' said
}
