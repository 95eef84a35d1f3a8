#ifndef OPTIONS_H
#define OPTIONS_H

#include "common/conf/conf.h"

/* The command line. */
struct options {
	char		*file;		/* absolute */
	const char	*hasher;	/* the other program */
	struct strings	 overrides;	/* of -o */
	bool		 foreground;	/* -d */
	bool		 check;		/* -n: only see whether it could work */
	bool		 verbose;
};

#endif
