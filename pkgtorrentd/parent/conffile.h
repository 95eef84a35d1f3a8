#ifndef CONFFILE_H
#define CONFFILE_H

#include "common/conf/conf.h"

/* Read the configuration; NULL with complaints.  It may be a pipe only when
   starting. */
struct conf	*conffile_read(const char *file,
		    const struct strings *overrides, bool starting,
		    struct buf *errors);
/*
 * Check it against the system; -1 with complaints.  activated: listen is not
 * looked at.  With old, neither its unchanged values are looked at again, nor
 * roots, nor a cache on a file server: their processes do that.
 */
int	 conffile_check(const struct conf *, const struct conf *old,
	    const char *file, bool privileged, bool activated,
	    conf_look *look, struct buf *errors);
/* Is the cache directory another one, and not on a file server? */
bool	 conffile_has_new_cache(const struct conf *, const struct conf *old);

#endif
