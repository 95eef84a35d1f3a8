/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/parent/state.h"
#include "pkgtorrentd/parent/status.h"

#define ADD(out, ...) do {						\
	if (buf_addf(out, __VA_ARGS__) == -1)				\
		fatal("out of memory");					\
} while (0)

static const char *
status_of_process(const struct process *p)
{
	if (p->pid == 0)
		return "waiting";
	if (p->killed)
		return "killed";
	if (p->retired)
		return "ending";
	return p->ready_ms == 0 ? "starting" : "working";
}

static void
status_add_process(const struct process *p, struct buf *out)
{
	char		 title[PROCESS_TITLE_LEN], text[PROCESS_TITLE_LEN];
	bool		 layers = p->ready_ms != 0 && p->layers != NULL &&
			    p->layers[0] != '\0' &&
			    strchr(p->layers, ' ') == NULL;
	uint64_t	 up_ms = p->ready_ms == 0 ? 0 :
			    clock_ms() - p->ready_ms;

	process_title(p, title);
	(void)log_escape(text, sizeof(text), title, strlen(title));
	ADD(out, "process %s %u %d %s %" PRIu64 " %u %s %s\n",
	    role_name(p->role), p->index, (int)p->pid, status_of_process(p),
	    up_ms / 1000, p->restarts, layers ? p->layers : "-", text);
}

static void
status_add_troubles(const struct troubles *t, struct buf *out)
{
	const struct trouble	*line;
	size_t			 i = t->n < TROUBLES_MAX ? 0 :
				    t->n - TROUBLES_MAX;

	for (; i < t->n; i++) {
		line = &t->last[i % TROUBLES_MAX];
		ADD(out, "trouble %" PRId64 " %d %s\n", line->time_s,
		    line->priority, line->text);
	}
}

static size_t
status_lines(const struct buf *text)
{
	size_t	 i, n = 0;

	for (i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

void
status_write(const struct parent *parent, struct buf *out)
{
	static const char *const states[] = {
		[PARENT_STARTING] = "starting",
		[PARENT_SERVING] = "serving",
		[PARENT_STOPPING] = "stopping",
	};
	const struct process	*p;
	char			 file[PATH_MAX];

	(void)log_escape(file, sizeof(file), parent->opt->file,
	    strlen(parent->opt->file));
	ADD(out, "version %s\npid %d\nstate %s\nup %" PRIu64 "\nconf %s\n"
	    "layers %s\n", VERSION, (int)getpid(), parent->reload != NULL ?
	    "reloading" : states[parent->state],
	    (clock_ms() - parent->started_ms) / 1000, file, parent->layers);
	ADD(out, "listening %zu\ntrackers %zu\n", parent->listeners.n,
	    status_lines(&parent->trackers));
	TAILQ_FOREACH(p, &parent->processes, entry)
		status_add_process(p, out);
	status_add_troubles(&parent->troubles, out);
	if (totals_write(parent, out) == -1)
		fatal("out of memory");
}

void
status_keep_line(struct parent *parent, int priority, const char *text,
    size_t len)
{
	struct troubles	*t = &parent->troubles;
	struct trouble	*line = &t->last[t->n % TROUBLES_MAX];

	parent->totals.counts[priority == LOG_WARNING ? COUNT_LINES_WARNING :
	    COUNT_LINES_ERROR]++;
	t->n++;
	line->time_s = time(NULL);
	line->priority = priority;
	if (len >= sizeof(line->text))
		len = sizeof(line->text) - 1;
	memcpy(line->text, text, len);
	line->text[len] = '\0';
}
