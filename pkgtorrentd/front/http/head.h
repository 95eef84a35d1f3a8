/* SPDX-License-Identifier: ISC */
/*
 * The head of an answer: status line and fields.  Pure.
 */
#ifndef HEAD_H
#define HEAD_H

#include <string.h>

#include "pkgtorrentd/front/http/http.h"

#define HEAD_MAX	1024
#define HEAD_TEXT_MAX	512	/* of a body of plain text */

/* "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. */
#define HEAD_DATE_LEN	30

struct head {
	size_t	len;
	char	text[HEAD_MAX];
};

/* The fields that end every head.  Without a request (NULL) its protocol
   version is not known, and close must be true. */
struct head_ending {
	const char			*date;	/* Date's value */
	const struct http_request	*req;
	bool				 close;
	bool				 cors;	/* pages of any origin may read
						   the answer */
};

/* Begin anew with the status line. */
void	head_start(struct head *, int status);
/* Add to the fields; text for which there is no room is left out. */
void	head_add(struct head *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
/* Add the fields of every answer and the empty line. */
void	head_end(struct head *, const struct head_ending *);
/*
 * A whole head for a body of plain text, and that body: one line, why, without
 * its newline.  field is "" or one more field with its CRLF.  Returns the
 * length of the body, which an answer to HEAD leaves out.
 */
size_t	head_make_text(struct head *, char body[HEAD_TEXT_MAX], int status,
	    const char *why, const char *field, const struct head_ending *);
/* An IMF-fixdate (RFC 9110 5.6.7), in no locale.  Seconds outside the years
   1970 to 9999 become the nearest that are inside. */
void	head_format_date(char out[HEAD_DATE_LEN], int64_t seconds);
/*
 * Is the field the date that head_format_date() makes of these seconds?  Other
 * forms of the same date do not count: a client repeats the date that it was
 * told.  Negative seconds have no date.
 */
bool	head_is_date(struct str field, int64_t seconds);

/* As head_add(), but fast. */
static inline void
head_add_text(struct head *h, const char *text, size_t len)
{
	if (len < sizeof(h->text) - h->len) {
		memcpy(h->text + h->len, text, len);
		h->len += len;
	}
}

#endif
