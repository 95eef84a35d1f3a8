/* SPDX-License-Identifier: ISC */
/*
 * The page for people: the URLs of the service, commands to copy, and the links
 * of a path.  As HTML, or as plain text for terminals.  Pure.
 */
#ifndef PAGE_H
#define PAGE_H

#include "common/buf.h"
#include "common/str.h"

#define PAGE_MAX	16384		/* bytes */
#define PAGE_POLICY_MAX	256

struct page {
	const char	*base;		/* "http://host/path", without a final
					   slash */
	struct str	 name;		/* the URL's component above the
					   service, decoded */
	const char	*service;
	struct str	 path;		/* of files; len 0: none */
	bool		 tracked;	/* torrents name a tracker */
	bool		 html;
};

/*
 * Append the page.  A URL in it has only unreserved bytes, "/" and escapes
 * behind its host, and stands in single quotes in a command; the path is else
 * only in an attribute of the form, escaped.  0, or a status with *why one line
 * for the client and nothing appended: 414 if the page would be longer than
 * PAGE_MAX, 500 without memory.
 */
int	page_make(struct buf *, const struct page *, const char **why);

/* The value of Content-Security-Policy (CSP Level 3) that allows the style of
   the page, its form, and nothing else; with a NUL. */
void	page_policy(char out[PAGE_POLICY_MAX]);

#endif
