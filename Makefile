# GNU make and bmake.
CC	?= cc
VERSION	= 0.1.0
PREFIX	?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec/pkgtorrentd
OPT	?= -O2 -g

PKGS	= libevent_core libcrypto libseccomp libbsd-overlay
PKG_CFLAGS != pkg-config --cflags $(PKGS) 2>/dev/null || true
PKG_LIBS != pkg-config --libs $(PKGS) 2>/dev/null || true
ATF_LIBS != pkg-config --libs atf-c 2>/dev/null || echo -latf-c

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
HARDEN	= -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE -fcf-protection
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. -Icommon $(OPT) $(WARN) $(HARDEN) \
	-MMD -MP -DVERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(LDFLAGS)

COMMON_SRC != echo common/*.c
FRONT_SRC != echo pkgtorrentd/*.c
HASHER_SRC != echo hasher/*.c
TEST_SRC != echo tests/*_test.c

COMMON_OBJ = $(COMMON_SRC:.c=.o)
FRONT_OBJ = $(FRONT_SRC:.c=.o)
HASHER_OBJ = $(HASHER_SRC:.c=.o)
TESTS	= $(TEST_SRC:.c=)

all: pkgtorrentd/pkgtorrentd hasher/pkgtorrent-hasher

.SUFFIXES: .c .o
.c.o:
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

common/libcommon.a: $(COMMON_OBJ)
	rm -f $@; ar rcs $@ $(COMMON_OBJ)
pkgtorrentd/pkgtorrentd: $(FRONT_OBJ) common/libcommon.a
	$(CC) $(ALL_LDFLAGS) -o $@ $(FRONT_OBJ) common/libcommon.a $(PKG_LIBS)
hasher/pkgtorrent-hasher: $(HASHER_OBJ) common/libcommon.a
	$(CC) $(ALL_LDFLAGS) -o $@ $(HASHER_OBJ) common/libcommon.a $(PKG_LIBS)
