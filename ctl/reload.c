/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "ctl/ctl.h"

/* Warnings and errors of the log come until the outcome is known. */
enum ctl_exit
command_reload(struct ctl *ctl, int argc, char *argv[])
{
	const struct msg_controlled	*body;

	(void)argv;
	if (argc != 1)
		return ctl_usage();
	if (!ctl_begin(ctl, CONTROL_RELOAD, 0, NULL, 0, -1))
		return CTL_FAILED;
	while (ctl_next(ctl, -1)) {
		if ((body = ctl_controlled(ctl)) == NULL)
			continue;
		if (body->state == CONTROL_DONE)
			return CTL_FINE;
		/* The log has escaped them. */
		(void)fprintf(stderr, "%.*s\n", (int)ctl->answer.tail_len,
		    (const char *)ctl->answer.tail);
	}
	return CTL_FAILED;
}
