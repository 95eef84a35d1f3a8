/*
 * File names that BitTorrent clients rewrite.  Some clients replace what
 * their own systems could not store, and then ask web seeds for the rewritten
 * name, which no mirror has.  They do so in torrents of two or more files; a
 * torrent of one file has its whole URL.  Pure.
 */
#ifndef CLIENT_NAME_H
#define CLIENT_NAME_H

#include <stddef.h>

/* Bits of what client_name_rewriters() returns. */
#define REWRITTEN_BY_TRANSMISSION	1	/* 3.00 */
#define REWRITTEN_BY_LIBTORRENT		2	/* 2.0, also in qBittorrent
						   and Deluge */
#define REWRITTEN_BY_ALL		4	/* aria2 1.36 as well */

/* Which clients rewrite some component of this path ("/a/b"); 0: none. */
unsigned	client_name_rewriters(const char *path, size_t len);

/* The clients of such a set, for people; "" for none. */
const char	*client_name_list(unsigned rewriters);

#endif
