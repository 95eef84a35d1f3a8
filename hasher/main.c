/* SPDX-License-Identifier: ISC */
/*
 * The program of walkers and hashers, the two roles that read mirror files.
 * Only the parent of pkgtorrentd starts it, with the role as process title.
 */
#include <sys/prctl.h>

#include <stdio.h>
#include <string.h>

#include "common/child.h"

int
main(int argc, char *argv[])
{
	static const char	 hasher[] = "pkgtorrentd: hasher ";
	static const char	 walker[] = "pkgtorrentd: walker";
	const char		*title = argc == 1 ? argv[0] : "";
	size_t			 len = sizeof(walker) - 1;

	/* A program executed by descriptor has a number as its name. */
	(void)prctl(PR_SET_NAME, "pkgtorrentd", 0, 0, 0);
	if (strncmp(title, hasher, sizeof(hasher) - 1) == 0)
		hasher_main();
	/* With several roots the title of a walker ends with its prefix. */
	if (strncmp(title, walker, len) == 0 &&
	    (title[len] == '\0' || title[len] == ' '))
		walker_main();
	fputs("pkgtorrent-hasher: is started by pkgtorrentd, not by hand\n",
	    stderr);
	return 2;
}
