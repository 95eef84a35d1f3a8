/*
 * The files of the mirror, where it is its own web seed, and null files, which
 * stand for padding.
 */
#ifndef FILES_H
#define FILES_H

#include "pkgtorrentd/front/http/request.h"
#include "pkgtorrentd/front/serve/exchange.h"

/* Answer a request for a file; its head is at bytes. */
void	files_answer(const struct exchange *, const char *bytes,
	    struct request *);
/* Answer with so many zeros. */
void	files_give_zeros(const struct exchange *, uint64_t len);

#endif
