#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/parent/children.h"
#include "pkgtorrentd/parent/files.h"
#include "pkgtorrentd/parent/state.h"

#define TRACKERS_MAX	(1U << 20)	/* bytes in the file */

gid_t
files_socket_group(const struct parent *parent, const struct conf *conf)
{
	const struct passwd	*pw;

	if (!parent->privileged ||
	    (pw = getpwnam(conf->user[ROLE_FRONT])) == NULL)
		return (gid_t)-1;
	return pw->pw_gid;
}

/*
 * 0755: the content of the cache is public, and an administrator may look.
 */
int
files_make_cache(const struct conf *conf, bool privileged, struct buf *errors)
{
	const struct passwd	*pw;
	struct stat		 st;

	if (stat(conf->cache, &st) == 0 || errno != ENOENT)
		return 0;
	if (mkdir(conf->cache, 0755) == -1) {
		(void)buf_addf(errors, "cache %s cannot be made: %s%s\n",
		    conf->cache, strerror(errno), selftest_hint(errno));
		return -1;
	}
	if (!privileged)
		return 0;
	pw = getpwnam(conf->user[ROLE_CACHE]);
	if (pw == NULL || chown(conf->cache, pw->pw_uid, pw->pw_gid) == -1) {
		/* Once it runs the parent may not give files away. */
		(void)buf_addf(errors, "cache %s cannot be given to %s: %s; "
		    "make it for that user, or start the service anew\n",
		    conf->cache, conf->user[ROLE_CACHE],
		    pw == NULL ? "no such user" : strerror(errno));
		(void)rmdir(conf->cache);
		return -1;
	}
	return 0;
}

/*
 * A FIFO without a reader, a terminal or a link that somebody placed there
 * must neither stop the parent nor lead it elsewhere.
 */
int
files_open_access_log(const struct conf *conf, struct buf *errors)
{
	const char	*reason = "not a regular file", *hint = "";
	struct stat	 st;
	int		 fd;

	if (conf->access_log != ACCESS_LOG_FILE)
		return -1;
	fd = open(conf->access_log_file, O_WRONLY | O_APPEND | O_CREAT |
	    O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	if (fd != -1)
		close(fd);
	else if (errno != ELOOP && errno != ENXIO) {
		hint = selftest_hint(errno);
		reason = strerror(errno);
	}
	(void)buf_addf(errors, "access-log %s: %s%s\n",
	    conf->access_log_file, reason, hint);
	return -2;
}

/* The whole file, with its identity in *st.  0, or -1 with the reason. */
static int
files_read_file(const char *path, struct buf *text, struct stat *st,
    const char **reason)
{
	uint8_t	*at;
	ssize_t	 n;
	int	 fd, rv = -1;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, st) == -1) {
		*reason = strerror(errno);
		goto out;
	}
	*reason = "not a regular file";
	if (!S_ISREG(st->st_mode))
		goto out;
	*reason = "longer than 1 MiB";
	do {
		if (text->len > TRACKERS_MAX)
			goto out;
		if ((at = buf_reserve(text, 65536)) == NULL)
			fatal("no memory");
		if ((n = read(fd, at, 65536)) == -1) {
			*reason = strerror(errno);
			goto out;
		}
		text->len += n;
	} while (n > 0);
	rv = 0;
out:
	if (fd != -1)
		close(fd);
	return rv;
}

static bool
files_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Said once, until there are trackers again. */
static void
files_warn_no_trackers(struct parent *parent, const char *reason)
{
	if (!parent->trackers_none)
		log_warn("trackers %s: %s: torrents have no trackers",
		    parent->conf->trackers, reason);
	parent->trackers_none = true;
}

int
files_read_trackers(struct parent *parent, bool forced)
{
	const char	*path = parent->conf->trackers, *reason;
	struct buf	 text = { 0 }, good = { 0 }, errors = { 0 };
	struct stat	 st;
	int		 news;

	memset(&st, 0, sizeof(st));
	if (!forced && stat(path, &st) == 0 &&
	    files_same_file(&st, &parent->trackers_st))
		return 0;
	memset(&st, 0, sizeof(st));
	if (files_read_file(path, &text, &st, &reason) == -1) {
		files_warn_no_trackers(parent, reason);
		text.len = 0;
	}
	if (trackers_parse(path, (const char *)text.data, text.len, &good,
	    &errors) == -1)
		fatal("no memory");
	log_complaints(&errors);
	if (good.len > 0)
		parent->trackers_none = false;
	else
		files_warn_no_trackers(parent, "none listed");

	news = good.len != parent->trackers.len || (good.len > 0 &&
	    memcmp(good.data, parent->trackers.data, good.len) != 0);
	parent->trackers_st = st;
	buf_free(&parent->trackers);
	parent->trackers = good;
	buf_free(&text);
	buf_free(&errors);
	return news;
}

static void
files_send_trackers(struct parent *parent, struct process *front)
{
	const uint8_t	*at = parent->trackers.data;
	size_t		 left = parent->trackers.len, n;
	struct msg_part	 body;

	do {
		n = left < MSG_TAIL_MAX ? left : MSG_TAIL_MAX;
		body.flags = n < left ? PART_MORE : 0;
		process_send(front, MSG_TRACKERS, &body, at, n, -1);
		if (n > 0)
			at += n;
		left -= n;
	} while (left > 0);
}

void
files_renew_trackers(struct parent *parent)
{
	struct process	*front = children_front(parent);

	if (files_read_trackers(parent, false) == 0)
		return;
	log_info("new trackers read");
	if (front != NULL)
		files_send_trackers(parent, front);
}

void
files_send_front(struct parent *parent, struct process *front)
{
	struct msg_listener	 body;
	size_t			 i;

	files_send_trackers(parent, front);
	process_send(front, MSG_ACCESS_LOG, NULL, NULL, 0,
	    parent->access_fd);
	body.count = (uint32_t)parent->listeners.n;
	for (i = 0; i < parent->listeners.n; i++) {
		body.index = (uint32_t)i;
		process_send(front, MSG_LISTENER, &body, NULL, 0,
		    parent->listeners.v[i].fd);
	}
}
