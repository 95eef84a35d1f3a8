/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/channel.h"
#include "common/log.h"
#include "common/tree_path.h"
#include "ctl/ctl.h"

struct str
ctl_path(const char *arg)
{
	struct str	 path = { arg, strlen(arg) };

	while (path.len > 1 && path.p[path.len - 1] == '/')
		path.len--;
	return path;
}

bool
ctl_check_paths(char *paths[])
{
	struct str	 path;

	for (; *paths != NULL; paths++) {
		path = ctl_path(*paths);
		if (tree_path_is_plain(path) ||
		    (path.len == 1 && *path.p == '/'))
			continue;
		ctl_complain("%s: not a path as in the mirror's URLs: it "
		    "begins with a slash, and has no empty, . or .. component",
		    *paths);
		return false;
	}
	return true;
}

bool
ctl_purge(const char *path, struct str tree, struct msg_controlled *out)
{
	static struct ctl		 ctl = { .channel.fd = -1 };
	const struct msg_controlled	*body;
	bool				 done = false;

	ctl.socket = path;
	if (!ctl_begin(&ctl, CONTROL_PURGE, 0, tree.p, tree.len, -1))
		return false;
	while (!done && ctl_next(&ctl, -1)) {
		body = ctl_controlled(&ctl);
		done = body != NULL && body->state == CONTROL_DONE;
		if (done && out != NULL)
			*out = *body;
	}
	channel_close(&ctl.channel);
	return done;
}

enum ctl_exit
command_purge(struct ctl *ctl, int argc, char *argv[])
{
	enum ctl_exit		 status = CTL_FINE;
	struct msg_controlled	 sum;
	char			 text[4 * SPEC_MAX + 1];
	struct str		 path;

	if (argc < 2 || !ctl_check_paths(argv + 1))
		return ctl_usage();
	for (argv++; *argv != NULL; argv++) {
		path = ctl_path(*argv);
		(void)log_escape(text, sizeof(text), path.p, path.len);
		if (!ctl_purge(ctl->socket, path, &sum)) {
			ctl_complain("%s: not all of it is purged", text);
			status = CTL_FAILED;
			continue;
		}
		(void)printf("%s: %" PRIu64 " piece lists and %" PRIu64
		    " torrents removed from the cache, %" PRIu64
		    " torrents from memory\n", text, sum.files, sum.done,
		    sum.skipped);
	}
	return status;
}
