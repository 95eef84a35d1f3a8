/*
 * The configuration: read at start, and again at SIGHUP, when everything that
 * can fail is tried before anything changes.  Only a child itself knows
 * whether it can work where it is to: it is started beside those at work.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/parent/mount_table.h"
#include "pkgtorrentd/parent/parent.h"

#define CONF_FILE_MAX	(1U << 20)	/* bytes */

/*
 * At start it may be a pipe, whose end one waits for.  What is there later
 * must not stop the parent.
 */
static int
reload_read_file(const char *path, bool starting, struct buf *text,
    struct buf *errors)
{
	const char	*reason = NULL;
	struct stat	 st;
	uint8_t		*at;
	ssize_t		 n = 1;
	int		 fd;

	fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC |
	    (starting ? 0 : O_NONBLOCK));
	if (fd == -1 || fstat(fd, &st) == -1)
		reason = strerror(errno);
	else if (!starting && !S_ISREG(st.st_mode))
		reason = "not a regular file";
	while (reason == NULL && n > 0) {
		if ((at = buf_reserve(text, 65536)) == NULL)
			fatal("no memory");
		if ((n = read(fd, at, 65536)) == -1)
			reason = strerror(errno);
		else if ((text->len += (size_t)n) > CONF_FILE_MAX)
			reason = "longer than 1 MiB";
	}
	if (fd != -1)
		close(fd);
	if (reason != NULL)
		(void)buf_addf(errors, "%s: %s\n", path, reason);
	return reason == NULL ? 0 : -1;
}

struct conf *
reload_read_conf(const struct options *opt, bool starting,
    struct buf *errors)
{
	struct buf	 text = { 0 };
	struct conf	*conf = NULL;

	if (reload_read_file(opt->file, starting, &text, errors) == 0)
		conf = conf_parse(opt->file, text.data == NULL ? "" :
		    (const char *)text.data, text.len, &opt->overrides,
		    errors);
	buf_free(&text);
	return conf;
}

/*
 * Root may write everywhere; what counts is the user that the cache becomes,
 * whose groups and rights are taken on for the question.
 */
static int
reload_check_cache(const struct conf *conf, const char *file,
    struct buf *errors)
{
	const char	*user = conf->user[ROLE_CACHE];
	struct passwd	*pw = getpwnam(user);
	gid_t		 gid = getegid(), groups[NGROUPS_MAX];
	uid_t		 uid = geteuid();
	int		 ngroups = getgroups(NGROUPS_MAX, groups);
	int		 rv = 0, error = 0;

	if (pw == NULL || ngroups == -1)
		return 0;
	/* A container without those capabilities cannot know, and finds out
	   from the cache itself. */
	if (initgroups(user, pw->pw_gid) == 0 && setegid(pw->pw_gid) == 0 &&
	    seteuid(pw->pw_uid) == 0) {
		rv = faccessat(AT_FDCWD, conf->cache, R_OK | W_OK | X_OK,
		    AT_EACCESS);
		error = errno;
	}
	if (seteuid(uid) == -1 || setegid(gid) == -1 ||
	    (setgroups((size_t)ngroups, groups) == -1 && errno != EPERM))
		fatal("becoming user %u again: %s", (unsigned)uid,
		    strerror(errno));
	/* What is not there will be made. */
	if (rv == 0 || error == ENOENT)
		return 0;
	(void)buf_addf(errors, "%s: cache \"%s\": %s for user %s%s; %s or set "
	    "cache to another directory\n", file, conf->cache,
	    strerror(error), user, selftest_hint(error),
	    error == EROFS ? "mount it writable," : "give it to that user,");
	return -1;
}

/* One that did not change is the business of the process that is in it, and
   one on a file server that may be away that of the one that is to be. */
static bool
reload_has_new_cache(const struct conf *conf, const struct conf *old)
{
	dev_t	 dev;

	return old == NULL || (strcmp(conf->cache, old->cache) != 0 &&
	    mount_table_follow(conf->cache, &dev) == MOUNT_LOCAL);
}

int
reload_check(const struct conf *conf, const struct conf *old,
    const char *file, bool root, bool activated, conf_look *look,
    struct buf *errors)
{
	struct conf	 used = *conf;

	/* Sockets that we were handed replace those lines, so what these say
	   need not be possible. */
	if (activated)
		used.nlisten = 0;
	/* A server may be away, for which a walker can wait. */
	if (old != NULL)
		used.nroots = 0;
	if (!reload_has_new_cache(conf, old))
		used.cache = NULL;
	/* It is opened again, which tells as much. */
	if (old != NULL && conf->access_log == ACCESS_LOG_FILE &&
	    old->access_log == ACCESS_LOG_FILE &&
	    strcmp(conf->access_log_file, old->access_log_file) == 0)
		used.access_log = ACCESS_LOG_NO;
	if (conf_check_system(&used, file, root, look, errors) == -1)
		return -1;
	if (used.cache == NULL)
		return 0;
	if (look != NULL)
		look("cache", conf->cache, errors);
	return root ? reload_check_cache(conf, file, errors) : 0;
}

/*
 * Users and sandboxes are entered once in a process's life; the old values
 * stay in force, and in what the children are told.
 */
static void
reload_keep_fixed(struct conf *conf, const struct conf *old)
{
	bool	 users = false;
	int	 role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		if (strcmp(conf->user[role], old->user[role]) == 0)
			continue;
		users = true;
		free(conf->user[role]);
		if ((conf->user[role] = strdup(old->user[role])) == NULL)
			fatal("no memory");
	}
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
	if (!parent->listeners.activated)
		listen_close(&new->listeners, &parent->listeners);
	buf_free(&new->conf_text);
	conf_free(new->conf);
}

/* 0, or -1 with complaints and everything as it was. */
static int
reload_prepare(struct parent *parent, struct reload *new, struct buf *errors)
{
	memset(new, 0, sizeof(*new));
	new->access_fd = -1;
	if ((new->conf = reload_read_conf(parent->opt, false, errors)) ==
	    NULL)
		return -1;
	reload_keep_fixed(new->conf, parent->conf);
	if (reload_check(new->conf, parent->conf, parent->opt->file,
	    parent->root, parent->listeners.activated, NULL, errors) ==
	    -1)
		goto fail;
	if (!parent->listeners.activated &&
	    listen_open(&new->listeners, new->conf, &parent->listeners,
	    supply_socket_group(parent, new->conf), errors) == -1)
		goto fail;
	new->access_fd = supply_open_access_log(new->conf, errors);
	if (new->access_fd == -2 ||
	    (reload_has_new_cache(new->conf, parent->conf) &&
	    supply_make_cache(new->conf, parent->root, errors) == -1))
		goto fail;
	if (conf_print(new->conf, &new->conf_text) == -1)
		fatal("no memory");
	return 0;
fail:
	reload_discard(parent, new);
	return -1;
}

/*
 * Is what this one does under a configuration done by nobody under the other?
 * What is set up once in a process's life, before it locks itself down; all
 * else they are told.
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
		    conf->digest != other->digest;
	case ROLE_CACHE:
		return strcmp(conf->cache, other->cache) != 0;
	default:
		return false;
	}
}

/* Without a front all are started together with it. */
static void
reload_start_children(struct parent *parent)
{
	const struct conf	*conf = parent->reload->conf;
	struct process		*p;
	int			 role;
	uint32_t		 i;

	for (role = ROLE_WALKER; role < ROLE_COUNT &&
	    parent_front(parent) != NULL; role++)
		for (i = 0; i < parent_count_role(conf, role); i++) {
			if (!reload_is_missing(role, i, conf, parent->conf))
				continue;
			p = process_new(parent, role, i);
			p->reserve = p->planned = true;
			process_start(p);
			process_set_timer(p, READY_MS);
		}
}

static void
reload_take_over(struct parent *parent, struct reload *new)
{
	parent->conf = new->conf;
	buf_free(&parent->conf_text);
	parent->conf_text = new->conf_text;
	if (parent->access_fd != -1)
		close(parent->access_fd);
	parent->access_fd = new->access_fd;
	if (!parent->listeners.activated)
		parent->listeners = new->listeners;
	log_set_level(parent->opt->verbose ? LOG_DEBUG : new->conf->log_level);
	(void)supply_read_trackers(parent, true);
}

/* Whose place is gone leaves; the others may have another number. */
static void
reload_number(struct parent *parent, const struct conf *old,
    const struct conf *new)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (p->planned || p->retired)
			continue;
		if (reload_is_missing(p->role, p->index, old, new))
			p->retired = true;
		else if (p->role == ROLE_WALKER)
			p->index = p->channel.index = (uint32_t)
			    conf_find_root(new, &old->roots[p->index]);
	}
}

/*
 * The new ones, and those that the front asked for other paths, or for the
 * same with other rules, until now: no answer to that is to be taken for one
 * under the new configuration, so both ends have given up that channel.
 */
static void
reload_link(struct parent *parent, bool walkers, bool cache)
{
	struct process	*p, *front = parent_front(parent);

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (front != NULL && front->ready_ms != 0 && !p->retired &&
		    p->ready_ms != 0 && (p->planned || (!p->reserve &&
		    ((p->role == ROLE_WALKER && walkers) ||
		    (p->role == ROLE_CACHE && cache)))))
			process_link(front, p);
		if (p->planned)
			p->reserve = p->planned = false;
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
	parent_notify_ready(parent);
	if (parent->reload_refused)
		log_error("the old configuration stays in force");
	else
		log_info("reloaded");
	if (parent->reload_again)
		reload_run(parent);
}

/*
 * The front is told before it is given new channels, so that it knows the
 * places that they are for; it gets the new set of listening sockets before
 * the old ones are closed.
 */
static void
reload_commit(struct parent *parent)
{
	struct reload		*new = parent->reload;
	struct conf		*old = parent->conf;
	struct listeners	 old_listeners = parent->listeners;
	struct process		*p, *front = parent_front(parent);
	bool			 layout = !conf_same_layout(old, new->conf);

	parent->reload = NULL;
	reload_number(parent, old, new->conf);
	reload_take_over(parent, new);
	TAILQ_FOREACH(p, &parent->processes, entry)
		if (!p->retired && !p->planned)
			process_send_conf(p);
	if (front != NULL)
		supply_send_front(parent, front);
	/* Not of those that are new: they have just looked. */
	roots_renew(parent);
	reload_link(parent, layout || !conf_same_roots(old, new->conf),
	    layout);
	reload_retire(parent);
	if (!parent->listeners.activated)
		listen_close(&old_listeners, &parent->listeners);
	conf_free(old);
	free(new);
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

static void
reload_refuse(struct parent *parent)
{
	(void)reload_drop(parent);
	parent->reload_refused = true;
	reload_end(parent);
}

void
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

void
reload_on_end(struct process *p, const char *how)
{
	char	 title[SPAWN_TITLE_LEN];

	spawn_title(title, sizeof(title), p->role, p->index, process_conf(p));
	log_error("%s cannot work by the new configuration: %s", title, how);
	reload_refuse(p->parent);
}

void
reload_on_late(struct process *p)
{
	const struct conf	*conf = process_conf(p);

	log_error("%s %d is not ready after %d s%s%s", role_name(p->role),
	    (int)p->pid, READY_MS / 1000, p->role == ROLE_HASHER ? "" :
	    ", perhaps this does not answer: ", p->role == ROLE_WALKER ?
	    conf->roots[p->index].dir : p->role == ROLE_CACHE ? conf->cache :
	    "");
	reload_refuse(p->parent);
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
		    "way is given up");
	log_info("reloading %s", parent->opt->file);
	notify_send(&parent->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64
	    "\n", clock_ms() * 1000);
	if ((new = calloc(1, sizeof(*new))) == NULL)
		fatal("no memory");
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
