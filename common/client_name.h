/* SPDX-License-Identifier: ISC */
/*
 * File names that BitTorrent clients change.  Some clients replace characters
 * that their own systems could not store, and then request the changed name
 * from web seeds, which do not have it.  They do so in torrents of two or more
 * files; a torrent of one file contains its whole URL.  Pure.
 */
#ifndef CLIENT_NAME_H
#define CLIENT_NAME_H

#include <stddef.h>

/* Bits that client_name_rewriters() returns. */
#define REWRITTEN_BY_TRANSMISSION	1	/* 3.00 */
#define REWRITTEN_BY_LIBTORRENT		2	/* 2.0, also in qBittorrent
						   and Deluge */
#define REWRITTEN_BY_ALL		4	/* aria2 1.36 as well */

/* Returns the clients that change a component of this path ("/a/b"); 0:
   none. */
unsigned	client_name_rewriters(const char *path, size_t len);

/* The names of these clients, for a log line; "" for none. */
const char	*client_name_list(unsigned rewriters);

#endif
