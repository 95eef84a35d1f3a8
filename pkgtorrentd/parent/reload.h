#ifndef RELOAD_H
#define RELOAD_H

#include <stdbool.h>

struct parent;

/*
 * At SIGHUP.  Children that the new configuration needs are started beside
 * those at work, and it is in force once all of them are ready; if one of
 * them ends, or is late, nothing has happened.  Told again before that, it
 * gives up the one under way.
 */
void	 reload_run(struct parent *);
/* Forget the one under way, if there is one: true. */
bool	 reload_drop(struct parent *);

#endif
