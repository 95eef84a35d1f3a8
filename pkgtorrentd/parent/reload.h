/* SPDX-License-Identifier: ISC */
#ifndef RELOAD_H
#define RELOAD_H

#include <stdbool.h>

struct parent;

/*
 * At SIGHUP: start the children that the new configuration needs beside those
 * at work.  It is in force when all of them are ready; if one of them ends or
 * is late, the old one stays.  Another SIGHUP before that cancels the reload.
 */
void	 reload_run(struct parent *);
/* Cancel the reload under way.  False: there is none. */
bool	 reload_drop(struct parent *);

#endif
