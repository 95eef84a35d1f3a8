/* SPDX-License-Identifier: ISC */
/*
 * warm and check: a walk counts the files of a tree, then another one works on
 * them.  The walk of check waits at each file that differs, until that is
 * purged by a command of its own.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/size_text.h"
#include "common/tree_path.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"

/* Answers that were on their way as a purge ended have come by then. */
#define AGAIN_MS	2000
/* Of a path, in printable characters. */
#define TEXT_LEN	(4 * SPEC_MAX + 1)

static volatile sig_atomic_t interrupted;

struct walk {
	struct ctl		*ctl;
	enum control_command	 command;
	struct str		 tree;		/* as it was said, or "/" */
	const char		*text;		/* of that, printable */
	struct progress		 progress;
	size_t			 purged_len;	/* 0: none yet */
	char			 purged[SPEC_MAX];	/* the last one */
	uint64_t		 purged_ms;	/* when that had ended */
};

static void
on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* The answer if it is one of a walk; or NULL. */
static const struct msg_warmed *
walk_answer(const struct ctl *ctl)
{
	const struct msg_warmed	*r = ctl->answer.body;

	return ctl->answer.type == MSG_WARMED && r->position_len <= SPEC_MAX &&
	    r->at_hand_len <= SPEC_MAX && r->position_len + r->at_hand_len ==
	    ctl->answer.tail_len ? r : NULL;
}

static struct str
walk_at_hand(const struct ctl *ctl, const struct msg_warmed *r)
{
	return (struct str){ (const char *)ctl->answer.tail + r->position_len,
	    r->at_hand_len };
}

static void
walk_show(struct walk *w, const struct msg_warmed *r)
{
	struct str	 at = walk_at_hand(w->ctl, r);
	char		 text[TEXT_LEN] = "";

	if (at.len > 0)
		(void)log_escape(text, sizeof(text), at.p, at.len);
	progress_show(&w->progress, r->done_bytes, text);
}

/* Purge the file at hand, unless that was done since this answer was sent; it
   may be wrong again if the walk has begun again meanwhile.  false, with a
   complaint: it is not purged. */
static bool
walk_purge(struct walk *w, const struct msg_warmed *r)
{
	struct str	 at = walk_at_hand(w->ctl, r);
	struct str	 tree = w->tree.len == 1 ? (struct str){ "", 0 } :
			    w->tree;
	char		 text[TEXT_LEN];
	bool		 fine;

	/* The front names it, which may have been broken into. */
	if (!tree_path_is_plain(at) || !tree_path_is_in(at, tree)) {
		ctl_complain("not an answer of this version");
		return false;
	}
	if (at.len == w->purged_len && memcmp(at.p, w->purged, at.len) == 0 &&
	    clock_ms() - w->purged_ms < AGAIN_MS)
		return true;
	w->purged_len = at.len;
	memcpy(w->purged, at.p, at.len);
	progress_hide(&w->progress);
	fine = ctl_purge(w->ctl->socket, at, NULL);
	w->purged_ms = clock_ms();
	ctl_complain("%s: the remembered pieces differ; %s",
	    log_escape(text, sizeof(text), at.p, at.len), fine ? "purged" :
	    "they could not be purged, and are used further");
	return fine;
}

/* One walk to its end.  false, with a complaint: it has not ended well; the
   last answer, if there was one, is in *last in any case. */
static bool
walk_run(struct walk *w, uint32_t flags, struct msg_warmed *last)
{
	const struct msg_warmed	*r;

	memset(last, 0, sizeof(*last));
	if (!ctl_begin(w->ctl, w->command, flags, w->tree.p, w->tree.len, -1))
		return false;
	while (!interrupted && ctl_next(w->ctl, -1)) {
		if ((r = walk_answer(w->ctl)) == NULL)
			continue;
		*last = *r;
		if (r->state == WARM_DIFFERS && !walk_purge(w, r))
			return false;
		if (flags == 0)
			walk_show(w, r);
		if (r->state != WARM_RUNNING && r->state != WARM_DIFFERS)
			return true;
	}
	return false;
}

/* Complain of the reason, if there is one, for which a walk has not come to
   its end. */
static enum ctl_exit
walk_failed(struct walk *w, const struct msg_warmed *last)
{
	progress_hide(&w->progress);
	if (interrupted)
		ctl_complain("stopped; what is done stays done, and another "
		    "run goes on from there");
	else if (last->state == WARM_MISSING)
		ctl_complain("%s: the mirror has no such file or directory, or "
		    "does not serve it; paths are those of its URLs", w->text);
	else if (last->state > WARM_DONE)
		ctl_complain("%s: the walk has ended early; the log of the "
		    "service has the reason", w->text);
	return CTL_FAILED;
}

/* The work that is ahead; and whether the lists have room. */
static void
walk_announce(const struct walk *w, const struct msg_warmed *r)
{
	char	 a[SIZE_TEXT_LEN], b[SIZE_TEXT_LEN], c[SIZE_TEXT_LEN];

	(void)printf("%s: %" PRIu64 " files, %s", w->text, r->files,
	    size_text(a, r->bytes));
	if (w->command == CONTROL_WARM)
		(void)printf("; they need a cache-size of %s, and it is %s",
		    size_text(b, r->need),
		    size_text(c, r->cache_size));
	(void)putchar('\n');
	(void)fflush(stdout);
	if (w->command == CONTROL_WARM && r->need > r->cache_size)
		ctl_complain("warning: cache-size is too small: with less than "
		    "%s, files of %s are forgotten again", b, w->text);
}

static enum ctl_exit
walk_conclude(struct walk *w, const struct msg_warmed *r)
{
	char	 bytes[SIZE_TEXT_LEN];

	progress_hide(&w->progress);
	(void)size_text(bytes, r->hashed_bytes);
	if (w->command == CONTROL_WARM)
		(void)printf("%s: %" PRIu64 " files: %" PRIu64 " were "
		    "remembered, %" PRIu64 " hashed (%s), %" PRIu64
		    " skipped, %" PRIu64 " could not be read\n", w->text,
		    r->files, r->found, r->hashed, bytes, r->skipped,
		    r->failed);
	else
		(void)printf("%s: %" PRIu64 " files: %" PRIu64 " are as "
		    "remembered (%s), %" PRIu64 " skipped, %" PRIu64
		    " differed, %" PRIu64 " could not be read\n", w->text,
		    r->files, r->found + r->hashed, bytes, r->skipped,
		    r->bad, r->failed);
	(void)fflush(stdout);
	if (r->failed > 0)
		ctl_complain("%s: the log of the service has examples of what "
		    "could not be read", w->text);
	return r->failed == 0 && r->bad == 0 ? CTL_FINE : CTL_FAILED;
}

/* One path.  The walk that counts is WARM's for check as well. */
static enum ctl_exit
walk_tree(struct ctl *ctl, enum control_command command, const char *path)
{
	struct walk		 w = { .ctl = ctl, .command = CONTROL_WARM };
	char			 text[TEXT_LEN];
	struct msg_warmed	 last;

	w.tree = ctl_path(path);
	w.progress.what = w.text = log_escape(text, sizeof(text), w.tree.p,
	    w.tree.len);
	if (!walk_run(&w, CONTROL_WARM_COUNT, &last) ||
	    last.state != WARM_DONE)
		return walk_failed(&w, &last);
	w.command = command;
	walk_announce(&w, &last);
	w.progress.bytes = last.bytes;
	if (!walk_run(&w, 0, &last) || last.state != WARM_DONE)
		return walk_failed(&w, &last);
	return walk_conclude(&w, &last);
}

static enum ctl_exit
walk_trees(struct ctl *ctl, enum control_command command, char *paths[])
{
	struct sigaction	 sa = { .sa_handler = on_signal };
	enum ctl_exit		 status = CTL_FINE, one;

	ctl->interrupted = &interrupted;
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	for (; *paths != NULL && !interrupted; paths++) {
		one = walk_tree(ctl, command, *paths);
		if (status < one)
			status = one;
	}
	return status;
}

enum ctl_exit
command_warm(struct ctl *ctl, int argc, char *argv[])
{
	return argc < 2 || !ctl_check_paths(argv + 1) ? ctl_usage() :
	    walk_trees(ctl, CONTROL_WARM, argv + 1);
}

enum ctl_exit
command_check(struct ctl *ctl, int argc, char *argv[])
{
	char	 top[] = "/", *all[] = { top, NULL };

	if (argc == 2 && strcmp(argv[1], "all") == 0)
		return walk_trees(ctl, CONTROL_CHECK, all);
	return argc < 2 || !ctl_check_paths(argv + 1) ? ctl_usage() :
	    walk_trees(ctl, CONTROL_CHECK, argv + 1);
}
