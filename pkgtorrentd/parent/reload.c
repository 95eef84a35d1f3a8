/* SPDX-License-Identifier: ISC */
/*
 * SIGHUP: a new configuration is read, and everything that can fail is tried
 * before anything changes.  Only a child itself can find out whether it can
 * work, so new children are started beside those at work.
 */
#include <inttypes.h>
#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "pkgtorrentd/parent/files.h"
#include "pkgtorrentd/parent/reload.h"
#include "pkgtorrentd/parent/root_watch.h"
#include "pkgtorrentd/parent/state.h"

/* Keep the old value of a string (either may be NULL).  Was there another? */
static bool
reload_keep(char **value, const char *old)
{
	if (*value == NULL && old == NULL)
		return false;
	if (*value != NULL && old != NULL && strcmp(*value, old) == 0)
		return false;
	free(*value);
	*value = NULL;
	if (old != NULL && (*value = strdup(old)) == NULL)
		fatal("out of memory");
	return true;
}

/*
 * A process changes its user and enters its sandbox once, and its number is
 * written once; the old values stay in force, also in the configuration that
 * children are sent.
 */
static void
reload_keep_fixed(struct conf *conf, const struct conf *old)
{
	bool	 users = false;
	int	 role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		users |= reload_keep(&conf->user[role], old->user[role]);
	if (reload_keep(&conf->pid_file, old->pid_file))
		log_warn("pid-file: a change needs a restart, the old one "
		    "stays");
	if (users)
		log_warn("user: a change needs a restart, the old one stays");
	if (conf->strict != old->strict) {
		conf->strict = old->strict;
		log_warn("sandbox: a change needs a restart, the old one "
		    "stays");
	}
}

static void
reload_discard(struct parent *parent, struct reload *new)
{
	if (new->access_fd >= 0)
		close(new->access_fd);
	if (new->log_fd >= 0)
		close(new->log_fd);
	if (!parent->listeners.activated)
		listen_close(&new->listeners, &parent->listeners);
	listen_close(&new->metrics, &parent->metrics);
	listen_close(&new->control, &parent->control.listeners);
	buf_free(&new->conf_text);
	conf_free(new->conf);
}

/* 0, or -1 with complaints and everything as it was. */
static int
reload_prepare(struct parent *parent, struct reload *new, struct buf *errors)
{
	memset(new, 0, sizeof(*new));
	new->access_fd = new->log_fd = -1;
	new->conf = files_read_conf(parent->opt->file, &parent->opt->overrides,
	    false, errors);
	if (new->conf == NULL)
		return -1;
	reload_keep_fixed(new->conf, parent->conf);
	if (files_check_conf(parent, new->conf, parent->conf, errors) == -1 ||
	    (!parent->listeners.activated &&
	    listen_open(&new->listeners, new->conf, &parent->listeners,
	    files_socket_group(parent, new->conf), errors) == -1) ||
	    listen_open_metrics(&new->metrics, new->conf, &parent->metrics,
	    files_socket_group(parent, new->conf), errors) == -1)
		goto fail;
	new->access_fd = files_open_access_log(new->conf, errors);
	new->log_fd = files_open_log(parent, new->conf, errors);
	if (control_open(parent, new->conf, &new->control,
	    &parent->control.listeners, errors) == -1 ||
	    new->access_fd == -2 || new->log_fd == -2 ||
	    files_read_tracker_key(new->conf,
	    new->tracker_key, errors) == -1 || files_make_cache(parent,
	    new->conf, parent->conf, errors) == -1)
		goto fail;
	if (conf_print(new->conf, &new->conf_text) == -1)
		fatal("out of memory");
	return 0;
fail:
	reload_discard(parent, new);
	return -1;
}

/*
 * Has the other configuration no process for this place?  Only values count
 * that a process sets up once, before it is confined; all others are sent.
 */
static bool
reload_is_missing(enum role role, uint32_t index, const struct conf *conf,
    const struct conf *other)
{
	switch (role) {
	case ROLE_WALKER:
		return conf_find_root(other, &conf->roots[index]) == -1;
	case ROLE_HASHER:
		return index >= other->hashers ||
		    conf->sha1_impl != other->sha1_impl;
	case ROLE_CACHE:
		return strcmp(conf->cache, other->cache) != 0;
	default:
		return false;
	}
}

/* A file is another one after each reload, as it may have been renamed. */
static void
reload_log(struct parent *parent, struct reload *new)
{
	if (new->log_fd != -1)
		log_open_file(new->log_fd);
	else if (parent->conf->log_file != NULL && !parent->opt->foreground)
		log_open_parent(_PATH_LOG, false);
}

static void
reload_take_over(struct parent *parent, struct reload *new)
{
	reload_log(parent, new);
	parent->conf = new->conf;
	buf_free(&parent->conf_text);
	parent->conf_text = new->conf_text;
	if (parent->access_fd != -1)
		close(parent->access_fd);
	parent->access_fd = new->access_fd;
	memcpy(parent->tracker_key, new->tracker_key, SEAL_LEN);
	if (!parent->listeners.activated)
		parent->listeners = new->listeners;
	parent->metrics = new->metrics;
	control_use(parent, &new->control);
	log_set_level(parent->opt->verbose ? LOG_DEBUG : new->conf->log_level);
	files_read_trackers(parent, true);
}

/* Retire processes without a place in the new configuration, and renumber the
   others. */
static void
reload_number(struct parent *parent, const struct conf *old,
    const struct conf *new)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (p->planned || p->retired)
			continue;
		if (reload_is_missing(p->role, p->index, old, new)) {
			p->retired = true;
			/* Its number is no index of the new roots. */
			p->ops = parent->ops;
		} else if (p->role == ROLE_WALKER)
			p->index = p->channel.index = (uint32_t)
			    conf_find_root(new, &old->roots[p->index]);
	}
}

/*
 * Link the new processes, and after a change of roots or layout the others,
 * too: both ends have closed that channel, so that no old answer is taken for
 * one under the new configuration, and no seal is checked by another root's
 * key.  The tracker knows neither.
 */
static void
reload_link(struct parent *parent, bool anew)
{
	struct process	*p, *front = processes_front(parent);

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (front != NULL && front->ready_ms != 0 && !p->retired &&
		    p->ready_ms != 0 && p != front &&
		    (p->planned || (anew && !p->reserve &&
		    p->role != ROLE_TRACKER)))
			process_link(front, p);
		if (p->planned) {
			p->reserve = p->planned = false;
			p->ops = parent->ops;
		}
	}
}

static void
reload_retire(struct parent *parent)
{
	struct process	*p, *next;

	TAILQ_FOREACH_SAFE(p, &parent->processes, entry, next)
		if (p->retired && (p->pid == 0 || p->channel.fd != -1))
			process_retire(p);
}

static void
reload_end(struct parent *parent)
{
	notify_ready(&parent->notify, parent->conf, parent->reload_refused);
	control_on_reloaded(parent, parent->reload_refused);
	if (parent->reload_refused)
		log_error("the old configuration stays in force");
	else
		log_info("reloaded");
	if (parent->reload_again)
		reload_run(parent);
}

/*
 * The front gets the configuration before the channels, which depend on it,
 * and the new listening sockets before the old ones are closed.
 */
static void
reload_commit(struct parent *parent)
{
	struct reload		*new = parent->reload;
	struct conf		*old = parent->conf;
	struct listeners	 old_listeners = parent->listeners;
	struct listeners	 old_metrics = parent->metrics;
	struct process		*p, *front = processes_front(parent);
	bool			 anew = !conf_same_params(old, new->conf) ||
				    !conf_same_roots(old, new->conf);

	parent->reload = NULL;
	reload_number(parent, old, new->conf);
	reload_take_over(parent, new);
	TAILQ_FOREACH(p, &parent->processes, entry)
		if (!p->retired && !p->planned)
			process_send_conf(p);
	if (front != NULL)
		files_send_front(parent, front);
	whitelist_socket_reload(parent, old);
	/* New walkers, still planned, have just entered theirs. */
	root_watch_check(parent, true);
	reload_link(parent, anew);
	reload_retire(parent);
	if (!parent->listeners.activated)
		listen_close(&old_listeners, &parent->listeners);
	listen_close(&old_metrics, &parent->metrics);
	conf_free(old);
	freezero(new, sizeof(*new));
	parent->reload_refused = false;
	reload_end(parent);
}

bool
reload_drop(struct parent *parent)
{
	struct process	*p, *next;

	if (parent->reload == NULL)
		return false;
	TAILQ_FOREACH_SAFE(p, &parent->processes, entry, next)
		if (p->planned) {
			p->planned = false;
			process_retire(p);
		}
	reload_discard(parent, parent->reload);
	free(parent->reload);
	parent->reload = NULL;
	return true;
}

/* By a signal for that alone, the configuration may be wrong for long. */
static void
reload_reopen_logs(struct parent *parent)
{
	struct buf	 errors = { 0 };
	struct process	*front = processes_front(parent);
	int		 fd = files_open_log(parent, parent->conf, &errors);

	if (fd >= 0)
		log_open_file(fd);
	fd = files_open_access_log(parent->conf, &errors);
	if (fd >= 0) {
		if (parent->access_fd != -1)
			close(parent->access_fd);
		parent->access_fd = fd;
		if (front != NULL)
			process_send(front, MSG_ACCESS_LOG, NULL, NULL, 0, fd);
	}
	log_complaints(&errors);
	buf_free(&errors);
}

static void
reload_refuse(struct parent *parent)
{
	(void)reload_drop(parent);
	reload_reopen_logs(parent);
	parent->reload_refused = true;
	reload_end(parent);
}

static void
reload_on_ready(struct parent *parent)
{
	struct process	*p;
	bool		 all = true;

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (!p->planned)
			continue;
		if (p->ready_ms != 0)
			(void)evtimer_del(&p->timer);
		else
			all = false;
	}
	if (all)
		reload_commit(parent);
}

static void
reload_on_end(struct process *p, pid_t pid, int status)
{
	char	 title[PROCESS_TITLE_LEN], how[64];

	(void)pid;
	process_describe_end(how, sizeof(how), status);
	process_title(p, title);
	log_error("%s cannot work by the new configuration: %s", title, how);
	reload_refuse(p->parent);
}

static void
reload_on_late(struct process *p)
{
	const struct conf	*conf = p->parent->reload->conf;

	log_error("%s %d is not ready after %d s%s%s", role_name(p->role),
	    (int)p->pid, READY_MS / 1000, p->role == ROLE_HASHER ? "" :
	    ", perhaps this does not answer: ", p->role == ROLE_WALKER ?
	    conf->roots[p->index].dir : p->role == ROLE_CACHE ? conf->cache :
	    "");
	reload_refuse(p->parent);
}

static void
reload_on_process_ready(struct process *p)
{
	reload_on_ready(p->parent);
}

/* For a process that will work by the new configuration. */
static const struct process_ops reload_ops = {
	.ready = reload_on_process_ready,
	.start = reload_on_late,
	.late = reload_on_late,
	.stuck = reload_on_late,
	.ended = reload_on_end,
};

/* Without a front nothing is started: its start will start them. */
static void
reload_start_children(struct parent *parent)
{
	const struct conf	*conf = parent->reload->conf;
	struct process		*p;
	int			 role;
	uint32_t		 i;

	for (role = ROLE_WALKER; role < ROLE_COUNT &&
	    processes_front(parent) != NULL; role++)
		for (i = 0; i < processes_count(conf, role); i++) {
			if (!reload_is_missing(role, i, conf, parent->conf))
				continue;
			p = process_new(parent, role, i);
			p->reserve = p->planned = true;
			p->ops = &reload_ops;
			process_start(p);
			process_set_timer(p, READY_MS);
		}
}

void
reload_run(struct parent *parent)
{
	struct buf	 errors = { 0 };
	struct reload	*new;

	parent->reload_again = parent->state == PARENT_STARTING;
	if (parent->reload_again)
		return;
	if (reload_drop(parent))
		log_info("the configuration is read again: the reload under "
		    "way is cancelled");
	log_info("reloading %s", parent->opt->file);
	notify_send(&parent->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64
	    "\n", clock_ms() * 1000);
	if ((new = calloc(1, sizeof(*new))) == NULL)
		fatal("out of memory");
	if (reload_prepare(parent, new, &errors) == -1) {
		log_complaints(&errors);
		free(new);
		reload_refuse(parent);
	} else {
		parent->reload = new;
		reload_start_children(parent);
		reload_on_ready(parent);
	}
	buf_free(&errors);
}
