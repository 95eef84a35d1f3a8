/*
 * The configuration: read at start, and again at SIGHUP, when everything that
 * can fail is tried before anything changes.
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

#include "log.h"
#include "parent.h"
#include "role.h"

#define CONF_FILE_MAX	(1U << 20)	/* bytes */

/* What a reload needs, got before the old is given up. */
struct reload {
	struct conf		*conf;
	struct buf		 conf_text;
	struct listeners	 listeners;
	int			 access_fd;
};

void
log_complaints(const struct buf *errors)
{
	const char	*line = (const char *)errors->data, *end, *nl;

	if (errors->len == 0)
		return;
	for (end = line + errors->len; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			nl = end;
		log_error("%.*s", (int)(nl - line), line);
	}
}

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
	(void)buf_addf(errors, "%s: cache \"%s\": %s for user %s; give it to "
	    "that user, or set cache to another directory\n", file,
	    conf->cache, strerror(error), user);
	return -1;
}

/* One that is in use is not looked at: its server may be away. */
static bool
reload_has_root(const struct conf *old, const char *dir)
{
	size_t	 i;

	for (i = 0; old != NULL && i < old->nroots; i++)
		if (strcmp(old->roots[i].dir, dir) == 0)
			return true;
	return false;
}

int
reload_check(const struct conf *conf, const struct conf *old,
    const char *file, bool root, bool activated, struct buf *errors)
{
	struct conf	 used = *conf;
	size_t		 i;
	int		 result;

	/* Sockets that we were handed replace those lines, so what these say
	   need not be possible. */
	if (activated)
		used.nlisten = 0;
	used.roots = calloc(conf->nroots, sizeof(*used.roots));
	if (used.roots == NULL)
		fatal("no memory");
	used.nroots = 0;
	for (i = 0; i < conf->nroots; i++)
		if (!reload_has_root(old, conf->roots[i].dir))
			used.roots[used.nroots++] = conf->roots[i];
	result = conf_check_system(&used, file, root, errors);
	free(used.roots);
	if (result == -1)
		return -1;
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
	    parent->root, parent->listeners.activated, errors) == -1)
		goto fail;
	if (!parent->listeners.activated &&
	    listen_open(&new->listeners, new->conf, &parent->listeners,
	    supply_socket_group(parent, new->conf), errors) == -1)
		goto fail;
	new->access_fd = supply_open_access_log(new->conf, errors);
	if (new->access_fd == -2 ||
	    supply_make_cache(new->conf, parent->root, errors) == -1)
		goto fail;
	if (conf_print(new->conf, &new->conf_text) == -1)
		fatal("no memory");
	return 0;
fail:
	reload_discard(parent, new);
	return -1;
}

/*
 * What is set up once in a process's life, before it locks itself down.  A
 * cache owner that makes entries of another layout is of no use to the front
 * either, which drops its channel to it.
 */
static bool
reload_role_differs(enum role role, const struct conf *a, const struct conf *b)
{
	switch (role) {
	case ROLE_WALKER:
		return !conf_same_roots(a, b);
	case ROLE_HASHER:
		return a->hashers != b->hashers || a->digest != b->digest;
	case ROLE_CACHE:
		return strcmp(a->cache, b->cache) != 0 ||
		    !conf_same_roots(a, b) || !conf_same_layout(a, b);
	default:
		return false;
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

/*
 * The front is told before new children are started, so that it knows the
 * places that they are for; it gets the new set of listening sockets before
 * the old ones are closed.
 */
static void
reload_commit(struct parent *parent, struct reload *new)
{
	struct conf		*old = parent->conf;
	struct listeners	 old_listeners = parent->listeners;
	struct process		*p, *front = parent_front(parent);
	bool			 differs[ROLE_COUNT];
	int			 role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		differs[role] = reload_role_differs(role, new->conf, old);
		if (differs[role])
			parent_retire_role(parent, role);
	}
	reload_take_over(parent, new);
	TAILQ_FOREACH(p, &parent->processes, entry)
		process_send_conf(p);
	if (front != NULL)
		supply_send_front(parent, front);
	if (!parent->listeners.activated)
		listen_close(&old_listeners, &parent->listeners);
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		if (differs[role])
			parent_start_role(parent, role);
	roots_renew(parent);
	conf_free(old);
}

void
reload_run(struct parent *parent)
{
	struct buf	 errors = { 0 };
	struct reload	 new;

	log_info("reloading %s", parent->opt->file);
	notify_send(&parent->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64
	    "\n", now_ms() * 1000);
	if (reload_prepare(parent, &new, &errors) == -1) {
		log_complaints(&errors);
		log_error("the old configuration stays in force");
		parent->reload_refused = true;
	} else {
		reload_commit(parent, &new);
		parent->reload_refused = false;
	}
	buf_free(&errors);
	parent->reloading = true;
	parent_check_ready(parent);
}
