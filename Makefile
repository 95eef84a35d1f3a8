# SPDX-License-Identifier: ISC
# For GNU make and bmake alike: no conditionals, the shell decides instead.
#
#	make			both programs, to be used from here
#	make demo check		try it out, test it (WHAT="http_test" for one)
#	make lint bench		style; measurements (WHAT=noun for one)
#	make soak		tests in full, for hours (WHAT=name for one)
#	make deps		as root: installs all dependencies (WHAT=build for the
#				little that building does)
#	make field		as root: each distribution and its systemd, see
#				tests/tool/field.sh (WHAT=name for one step)
#	make fuzz TIME=60	each fuzzer for so many seconds (FUZZ=noun for one)
#	make install		what make has built (DESTDIR=… PREFIX=…)
#	make setup		as root: users and directories of the service
#	make dist		dist/pkgtorrentd-VERSION.tar.gz, of the last commit
#	make deb		as root: dist/SUITE/*.deb, each built in a chroot of
#				its Debian (FIELD_SUITES="bookworm trixie")
#	make rpm		dist/rpm/*.rpm, by rpmbuild
#
# SANITIZE=address,undefined builds, and tests, with sanitizers.
# CC, AR and PKG_CONFIG of another architecture build for that; CPPFLAGS, CFLAGS
# and LDFLAGS are added to those below.

VERSION	= 0.1.0

CC	?= cc
AR	?= ar
PKG_CONFIG ?= pkg-config
OPT	?= -O2 -g
PREFIX	?= /usr/local
SBINDIR	?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/pkgtorrentd
MANDIR	?= $(PREFIX)/share/man
DOCDIR	?= $(PREFIX)/share/doc/pkgtorrentd
UNITDIR	?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
# The daemon looks for its configuration in /etc unless told otherwise.
SYSCONFDIR ?= /etc
# It finds the other program from its own directory.
HASHER_DIR != realpath -m -s --relative-to=$(SBINDIR) $(LIBEXECDIR)
TIME	?= 60

# An environment sets this for GNU make alone.
SUBMAKE	= GNUMAKEFLAGS=--no-print-directory $(MAKE) -j$(JOBS)
JOBS	!= nproc 2>/dev/null || echo 2
PKGS	= libevent_core libcrypto libseccomp libbsd-overlay
PKG_CFLAGS != $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null || true
PKG_LIBS != $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null || true
ATF_LIBS != $(PKG_CONFIG) --libs atf-c 2>/dev/null || echo -latf-c

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
WERROR_FLAG != test -z "$(WERROR)" || echo -Werror

# Without the flags that this compiler does not know for this machine.
HARDEN	!= for f in -fstack-protector-strong -fstack-clash-protection \
	    -fcf-protection -mbranch-protection=standard; do \
		$(CC) -Werror $$f -x c -c -o /dev/null /dev/null \
		    2>/dev/null && echo $$f; \
	done; true
# Of no use without optimization, and in the sanitizers' way.
FORTIFY	!= case "$(OPT) $(CPPFLAGS) $(CFLAGS) $(SANITIZE)" in \
	*-O0*|*address*|*memory*) ;; \
	*) echo -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 ;; esac
SANITIZE_FLAGS != test -z "$(SANITIZE)" || echo -fsanitize=$(SANITIZE) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -DKEEP_STDERR

# Files of any size and times past 2038, on 32-bit machines too.
WIDE	= -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64

# Ours of _FORTIFY_SOURCE is the stricter one, so it comes last.
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WIDE) -I. $(OPT) $(WARN) \
	$(WERROR_FLAG) $(HARDEN) $(CPPFLAGS) $(FORTIFY) -fPIE \
	$(SANITIZE_FLAGS) -MMD -MP -DVERSION='"$(VERSION)"' \
	-DHASHER_DIR='"$(HASHER_DIR)"' $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -fPIE -pie -Wl,-z,relro,-z,now $(SANITIZE_FLAGS) $(LDFLAGS)

COMMON_SRC != find common -name "*.c" | sort
FRONT_SRC != find pkgtorrentd -name "*.c" ! -path pkgtorrentd/main.c | sort
HASHER_SRC != find hasher -name "*.c" ! -path hasher/main.c | sort
CTL_SRC	!= find ctl -name "*.c" | sort
TEST_SRC != ls tests/unit/*.c tests/role/*.c
TOOL_SRC != ls tests/service/*.c tests/stress/*.c tests/tool/*.c
TEST_LIB_SRC != ls tests/lib/*.c
BENCH_SRC != ls tests/bench/*.c 2>/dev/null; true
FUZZ_SRC != f='$(FUZZ)'; ls tests/fuzz/$${f:-*}_fuzz.c 2>/dev/null; true

COMMON_OBJ = $(COMMON_SRC:.c=.o)
FRONT_OBJ = $(FRONT_SRC:.c=.o)
HASHER_OBJ = $(HASHER_SRC:.c=.o)
CTL_OBJ	= $(CTL_SRC:.c=.o)
ALL_OBJ	= $(COMMON_OBJ) $(FRONT_OBJ) $(HASHER_OBJ) $(CTL_OBJ) \
	pkgtorrentd/main.o hasher/main.o
TEST_LIB_OBJ = $(TEST_LIB_SRC:.c=.o)
CHECK_PROGS = $(TEST_SRC:.c=) $(TOOL_SRC:.c=)
BENCH_PROGS = $(BENCH_SRC:.c=)
FUZZ_PROGS = $(FUZZ_SRC:.c=)
OTHER_PROGS = $(CHECK_PROGS) $(BENCH_PROGS) $(FUZZ_PROGS)

DAEMON	= pkgtorrentd/pkgtorrentd
HASHER	= hasher/pkgtorrent-hasher
CTL	= ctl/pkgtorrentctl
# What "make install" takes as it is: to read, and to run.
DOCS	= README.md NEWS LICENSE SECURITY.md etc/pkgtorrentd.conf etc/trackers \
	etc/*.snippet etc/whitelist-*.* etc/*.apparmor etc/*.yml
SCRIPTS	= etc/post-rsync etc/whitelist-opentracker etc/whitelist-torrust
LIBS	= pkgtorrentd/libfront.a hasher/libhasher.a common/libcommon.a
TEST_LIB = tests/lib/libtest.a

.PHONY: all require tests benches fuzzers deps check demo bench soak field lint \
	fuzz install uninstall setup dist deb rpm clean FORCE

all: $(DAEMON) $(HASHER) $(CTL)

.SUFFIXES:
.SUFFIXES: .c .o
.c.o:
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
.c:
	$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ $(ALL_LDFLAGS) -o $@ $< \
	    $(TEST_LIB) $(LIBS) $(PKG_LIBS) $(ATF_LIBS)

common/libcommon.a: $(COMMON_OBJ)
	rm -f $@; $(AR) rcs $@ $(COMMON_OBJ)
pkgtorrentd/libfront.a: $(FRONT_OBJ)
	rm -f $@; $(AR) rcs $@ $(FRONT_OBJ)
hasher/libhasher.a: $(HASHER_OBJ)
	rm -f $@; $(AR) rcs $@ $(HASHER_OBJ)

$(TEST_LIB): $(TEST_LIB_OBJ)
	rm -f $@; $(AR) rcs $@ $(TEST_LIB_OBJ)

$(DAEMON): pkgtorrentd/main.o pkgtorrentd/libfront.a common/libcommon.a
	$(CC) $(ALL_LDFLAGS) -o $@ pkgtorrentd/main.o \
	    pkgtorrentd/libfront.a common/libcommon.a $(PKG_LIBS)
$(HASHER): hasher/main.o hasher/libhasher.a common/libcommon.a
	$(CC) $(ALL_LDFLAGS) -o $@ hasher/main.o \
	    hasher/libhasher.a common/libcommon.a $(PKG_LIBS)

$(CTL): $(CTL_OBJ) common/libcommon.a
	$(CC) $(ALL_LDFLAGS) -o $@ $(CTL_OBJ) common/libcommon.a $(PKG_LIBS)

# Compiler, libraries and system.
require: FORCE
	@$(PKG_CONFIG) --exists --print-errors $(PKGS) || \
	    { echo "run as root: make deps WHAT=build" >&2; exit 1; }
	@sh tests/tool/require.sh $(CC) $(ALL_CFLAGS) -MF /dev/null

# Other flags: this file changes, and everything that was made with the old ones
# is made again.
$(ALL_OBJ) $(TEST_LIB_OBJ) $(OTHER_PROGS): .flags
.flags: require
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' >$@
FORCE:

$(OTHER_PROGS): $(TEST_LIB) $(LIBS)
tests: $(CHECK_PROGS)
benches: $(BENCH_PROGS)
fuzzers: $(FUZZ_PROGS)

deps:
	@sh tests/tool/deps.sh install $(WHAT)

# Made by another make, which finds new files at its start.
check:
	@sh tests/tool/deps.sh check
	@$(SUBMAKE) all tests
	@SANITIZE='$(SANITIZE)' MAKE='$(MAKE)' sh tests/tool/check.sh $(WHAT)
demo:
	@sh tests/tool/deps.sh demo
	@$(SUBMAKE) all
	@MIRROR='$(MIRROR)' sh tests/tool/demo.sh
bench:
	@$(SUBMAKE) all benches
	@sh tests/tool/bench.sh $(WHAT)
# For hours; no part of the check of a change.
soak:
	@$(SUBMAKE) all tests
	@sh tests/tool/soak.sh $(WHAT)
# Distributions and their systemd, in chroots; as root.
field:
	@WHAT='$(WHAT)' FIELD_SUITES='$(FIELD_SUITES)' \
	    FIELD_MIRROR='$(FIELD_MIRROR)' FIELD_CACHE='$(FIELD_CACHE)' \
	    bash tests/tool/field.sh
fuzz:
	@$(SUBMAKE) CC=clang SANITIZE=fuzzer-no-link,address,undefined \
	    LDFLAGS=-fsanitize=fuzzer ATF_LIBS= fuzzers
	@TIME='$(TIME)' sh tests/tool/fuzz.sh $(FUZZ_PROGS)
lint:
	@sh tests/tool/lint.sh

# Packages of Debian, built in chroots by field.sh.
deb:
	@WHAT=package FIELD_SUITES='$(FIELD_SUITES)' \
	    FIELD_MIRROR='$(FIELD_MIRROR)' FIELD_CACHE='$(FIELD_CACHE)' \
	    bash tests/tool/field.sh
# The same bytes for the same commit, wherever and whenever.
dist:
	@mkdir -p dist
	git archive --format=tar --prefix=pkgtorrentd-$(VERSION)/ HEAD \
	    >dist/pkgtorrentd-$(VERSION).tar
	gzip -9nf dist/pkgtorrentd-$(VERSION).tar
rpm: dist
	@sh rpm/build.sh dist/pkgtorrentd-$(VERSION).tar.gz dist/rpm

# An existing configuration stays.  Nothing is built, and least of all by root
# with other flags than those of "make".
install:
	@grep -q -s -F -e '-DHASHER_DIR=$(HASHER_DIR) ' .flags && \
	    test -x $(DAEMON) && test -x $(HASHER) && test -x $(CTL) || \
	    { echo 'run "make" first, with the same directories' >&2; exit 1; }
	for dir in $(SBINDIR) $(LIBEXECDIR) $(MANDIR)/man5 $(MANDIR)/man8 \
	    $(SYSCONFDIR)/logrotate.d $(SYSCONFDIR)/pkgtorrentd \
	    $(DOCDIR)/docs $(UNITDIR) $(SYSUSERSDIR) $(TMPFILESDIR); do \
		mkdir -p $(DESTDIR)$$dir || exit 1; done
	install -m 755 $(DAEMON) $(CTL) $(DESTDIR)$(SBINDIR)
	install -m 755 $(HASHER) $(DESTDIR)$(LIBEXECDIR)
	for page in man/*.[58]; do \
		file=$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} && \
		sed 's,/usr/local/share/doc/pkgtorrentd,$(DOCDIR),' $$page \
		    >$$file && chmod 644 $$file || exit 1; done
	install -m 644 $(DOCS) $(DESTDIR)$(DOCDIR)
	install -m 755 $(SCRIPTS) $(DESTDIR)$(DOCDIR)
	install -m 644 docs/*.md $(DESTDIR)$(DOCDIR)/docs
	sed 's,/usr/sbin/,$(SBINDIR)/,' etc/pkgtorrentd.rc \
	    >$(DESTDIR)$(DOCDIR)/pkgtorrentd.rc
	chmod 755 $(DESTDIR)$(DOCDIR)/pkgtorrentd.rc
	for unit in etc/pkgtorrentd*.service etc/pkgtorrentd*.socket; do \
		file=$(DESTDIR)$(UNITDIR)/$${unit##*/} && \
		sed 's,/usr/sbin/,$(SBINDIR)/,' $$unit >$$file && \
		chmod 644 $$file || exit 1; done
	install -m 644 etc/pkgtorrentd.sysusers \
	    $(DESTDIR)$(SYSUSERSDIR)/pkgtorrentd.conf
	install -m 644 etc/pkgtorrentd.tmpfiles \
	    $(DESTDIR)$(TMPFILESDIR)/pkgtorrentd.conf
	test -e $(DESTDIR)$(SYSCONFDIR)/pkgtorrentd.conf || install -m 644 \
	    etc/pkgtorrentd.conf $(DESTDIR)$(SYSCONFDIR)/pkgtorrentd.conf
	test -e $(DESTDIR)$(SYSCONFDIR)/logrotate.d/pkgtorrentd || \
	    install -m 644 etc/pkgtorrentd.logrotate \
	    $(DESTDIR)$(SYSCONFDIR)/logrotate.d/pkgtorrentd
	@test -n "$(DESTDIR)" || sh etc/setup.sh left
# Changed files of /etc stay.
uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/pkgtorrentd \
	    $(DESTDIR)$(SBINDIR)/pkgtorrentctl \
	    $(DESTDIR)$(LIBEXECDIR)/pkgtorrent-hasher \
	    $(DESTDIR)$(SYSUSERSDIR)/pkgtorrentd.conf \
	    $(DESTDIR)$(TMPFILESDIR)/pkgtorrentd.conf
	for page in man/*.[58]; do rm -f \
	    $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done
	for unit in etc/pkgtorrentd*.service etc/pkgtorrentd*.socket; do \
		rm -f $(DESTDIR)$(UNITDIR)/$${unit##*/}; done
	! cmp -s etc/pkgtorrentd.logrotate \
	    $(DESTDIR)$(SYSCONFDIR)/logrotate.d/pkgtorrentd || \
	    rm $(DESTDIR)$(SYSCONFDIR)/logrotate.d/pkgtorrentd
	rm -rf $(DESTDIR)$(DOCDIR)
	-rmdir $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(SYSCONFDIR)/pkgtorrentd
setup:
	@sh etc/setup.sh all $(DOCDIR)/pkgtorrentd.rc

clean:
	find common pkgtorrentd hasher ctl tests -name "*.[oda]" -exec rm -f {} +
	rm -f $(DAEMON) $(HASHER) $(CTL) $(OTHER_PROGS) .flags

-include $(ALL_OBJ:.o=.d) $(TEST_LIB_OBJ:.o=.d) $(OTHER_PROGS:=.d)
