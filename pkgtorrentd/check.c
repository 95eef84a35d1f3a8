#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parent.h"
#include "role.h"
#include "timer.h"

/* A root on a file server that is away takes for ever. */
#define CHECK_S		10

/* "walker /prefix", as in its title. */
static const char *
check_name(const struct process *p, char title[SPAWN_TITLE_LEN])
{
	spawn_title(title, SPAWN_TITLE_LEN, p->role, p->index,
	    p->parent->conf);
	return title + strlen("pkgtorrentd: ");
}

static void
check_part_with(struct process *p)
{
	struct parent	*parent = p->parent;

	process_free(p);
	if (TAILQ_EMPTY(&parent->processes))
		(void)event_base_loopbreak(parent->base);
}

void
check_on_ready(struct process *p)
{
	process_hang_up(p);
}

/* The first error is the reason why it ends. */
void
check_on_line(struct process *p, int priority, const void *line, size_t len)
{
	char	 title[SPAWN_TITLE_LEN], text[2048 + 1];

	if (priority > LOG_ERR)
		return;
	parent_copy_line(text, sizeof(text), line, len);
	(void)buf_addf(p->parent->complaints, "%s: %s\n",
	    check_name(p, title), text);
}

void
check_on_end(struct process *p, int status)
{
	char	 title[SPAWN_TITLE_LEN], how[64];

	if (status == -1)
		(void)buf_addf(p->parent->complaints, "%s cannot be started: "
		    "%s\n", check_name(p, title), strerror(errno));
	else if (!p->said_why && (p->ready_ms == 0 || status != 0)) {
		spawn_describe_end(how, sizeof(how), status);
		(void)buf_addf(p->parent->complaints, "%s ended%s: %s%s\n",
		    check_name(p, title), p->ready_ms == 0 ?
		    " before it was ready" : "", how, parent_without_words);
	}
	check_part_with(p);
}

static void
check_on_children(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	parent_on_children(arg);
}

/* What does not even end when it is killed is left to the kernel. */
static void
check_on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct parent	*parent = arg;
	struct process	*p;
	char		 title[SPAWN_TITLE_LEN];

	(void)fd;
	(void)what;
	while ((p = TAILQ_FIRST(&parent->processes)) != NULL) {
		(void)buf_addf(parent->complaints, "%s was not ready within "
		    "%d s\n", check_name(p, title), CHECK_S);
		process_kill(p);
		process_free(p);
	}
	(void)event_base_loopbreak(parent->base);
}

static void
check_open_loop(struct parent *parent)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if ((parent->base = event_base_new()) == NULL ||
	    (parent->signals[0] = evsignal_new(parent->base, SIGCHLD,
	    check_on_children, parent)) == NULL ||
	    (parent->tick = evtimer_new(parent->base, check_on_timeout,
	    parent)) == NULL || event_add(parent->signals[0], NULL) == -1 ||
	    timer_add(parent->tick, CHECK_S * 1000) == -1)
		fatal("the event loop cannot be set up");
}

static void
check_start(struct parent *parent, enum role role, uint32_t index)
{
	process_start(process_new(parent, role, index));
}

int
check_run(struct parent *parent, struct buf *errors)
{
	const struct conf	*conf = parent->conf;
	size_t			 before = errors->len;
	struct stat		 st;
	uint32_t		 i;

	parent->state = PARENT_CHECKING;
	parent->complaints = errors;
	check_open_loop(parent);
	check_start(parent, ROLE_FRONT, 0);
	for (i = 0; i < conf->nroots; i++)
		check_start(parent, ROLE_WALKER, i);
	check_start(parent, ROLE_HASHER, 0);
	/* One that is not there is made when the service starts. */
	if (stat(conf->cache, &st) == 0)
		check_start(parent, ROLE_CACHE, 0);
	if (event_base_dispatch(parent->base) == -1)
		fatal("event_base_dispatch");
	parent_free(parent);
	return errors->len == before ? 0 : -1;
}
