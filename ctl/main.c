/* SPDX-License-Identifier: ISC */
/*
 * pkgtorrentctl: runs as root, or as the owner of the service, for as long as
 * one command takes; connects to the control socket and opens the files that
 * the command line names.  It holds no key.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define DEFAULT_SOCKET	"/run/pkgtorrentd/control.sock"

static const struct command commands[] = {
	{ "status", "[--all | --json]", command_status },
	{ "reload", "", command_reload },
	{ "warm", "path ...", command_warm },
	{ "check", "all | path ...", command_check },
	{ "purge", "path ...", command_purge },
	{ "export", "[file]", command_export },
	{ "import", "[file]", command_import },
	{ .name = NULL }
};

void
ctl_complain(const char *fmt, ...)
{
	va_list	 ap;

	(void)fprintf(stderr, CTL_PROGRAM ": ");
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

enum ctl_exit
ctl_usage(void)
{
	const struct command	*c;

	(void)fprintf(stderr, "usage: " CTL_PROGRAM " [-V] [-s socket] "
	    "command ...\n");
	for (c = commands; c->name != NULL; c++)
		(void)fprintf(stderr, "       " CTL_PROGRAM " [-s socket] "
		    "%s%s%s\n", c->name, c->usage[0] != '\0' ? " " : "",
		    c->usage);
	return CTL_USAGE;
}

static enum ctl_exit
run(struct ctl *ctl, int argc, char *argv[])
{
	const struct command	*c;
	enum ctl_exit		 status;

	for (c = commands; c->name != NULL; c++)
		if (strcmp(c->name, argv[0]) == 0)
			break;
	if (c->name == NULL) {
		ctl_complain("%s: no such command", argv[0]);
		return ctl_usage();
	}
	status = c->run(ctl, argc, argv);
	if (status == CTL_FINE && (fflush(stdout) == EOF || ferror(stdout))) {
		ctl_complain("standard output cannot be written");
		status = CTL_FAILED;
	}
	return status;
}

int
main(int argc, char *argv[])
{
	static struct ctl	 ctl = { .socket = DEFAULT_SOCKET,
				    .channel.fd = -1 };
	int			 ch;

	/* The options of a command come after it. */
	while ((ch = getopt(argc, argv, "+s:V")) != -1) {
		switch (ch) {
		case 's':
			ctl.socket = optarg;
			break;
		case 'V':
			(void)printf(CTL_PROGRAM " %s\n", VERSION);
			return CTL_FINE;
		default:
			return ctl_usage();
		}
	}
	if (optind == argc)
		return ctl_usage();
	return run(&ctl, argc - optind, argv + optind);
}
