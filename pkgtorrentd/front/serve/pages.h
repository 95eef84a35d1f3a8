/* SPDX-License-Identifier: ISC */
/*
 * The page for people.
 */
#ifndef PAGES_H
#define PAGES_H

#include "pkgtorrentd/front/serve/service.h"

/* Answer a request for the page, perhaps with a path in its query.  Neither
   walkers nor the cache are asked. */
void	pages_answer(const struct exchange *, const struct request *);

#endif
