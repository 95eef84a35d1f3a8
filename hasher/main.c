/*
 * The program of the two roles that touch mirror files.  Only the parent of
 * pkgtorrentd starts it, with the role as the process title.
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

	/* Not the name of a file that was executed by descriptor. */
	(void)prctl(PR_SET_NAME, "pkgtorrentd", 0, 0, 0);
	if (strncmp(title, hasher, sizeof(hasher) - 1) == 0)
		hasher_main();
	/* With several roots the prefix tells walkers apart in ps(1). */
	if (strncmp(title, walker, len) == 0 &&
	    (title[len] == '\0' || title[len] == ' '))
		walker_main();
	fputs("pkgtorrent-hasher: is started by pkgtorrentd, not by hand\n",
	    stderr);
	return 2;
}
