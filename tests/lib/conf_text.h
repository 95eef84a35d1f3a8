/* SPDX-License-Identifier: ISC */
/* Configurations that tests parse, given as text. */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include "common/conf/conf.h"

#define ROOT	"root /srv/mirror\n"

/* Both take a file's text, then arguments of -o, then NULL.  The first fails
   at any complaint; the second returns the complaints, to be freed, and fails
   if there are none. */
struct conf *good(const char *text, ...);
char	*bad(const char *text, ...);

/* As conf_print() writes it, to be freed. */
char	*printed(const struct conf *conf);

#endif
