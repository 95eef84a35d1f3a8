/* SPDX-License-Identifier: ISC */
/*
 * The files that the parent reads, checks, opens or makes: the configuration,
 * the trackers, the access log, the pid file, the cache directory.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/parent/files.h"
#include "pkgtorrentd/parent/mount_table.h"
#include "pkgtorrentd/parent/state.h"

#define FILE_MAX	(1U << 20)	/* bytes of configuration or trackers */
#define WHERE_LEN	(PATH_MAX + 64)

/* The process that looks at the system for -n: any of its looks may take for
   ever. */
static struct {
	char	*where;			/* it looks now; shared with us */
	int	 fd;			/* for its complaints */
} looker;

/*
 * Read a whole file.  Without wait no kind of file may block, so it must be a
 * regular one.  0, or -1 with the reason.
 */
static int
files_read(const char *path, bool wait, struct buf *text, struct stat *st,
    const char **reason)
{
	uint8_t	*at;
	ssize_t	 n = 1;
	int	 fd;

	*reason = NULL;
	fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC |
	    (wait ? 0 : O_NONBLOCK));
	if (fd == -1 || fstat(fd, st) == -1)
		*reason = strerror(errno);
	else if (!wait && !S_ISREG(st->st_mode))
		*reason = "not a regular file";
	while (*reason == NULL && n > 0) {
		if ((at = buf_reserve(text, 65536)) == NULL)
			fatal("out of memory");
		if ((n = read(fd, at, 65536)) == -1)
			*reason = strerror(errno);
		else if ((text->len += (size_t)n) > FILE_MAX)
			*reason = "longer than 1 MiB";
	}
	if (fd != -1)
		close(fd);
	return *reason == NULL ? 0 : -1;
}

struct conf *
files_read_conf(const char *file, const struct strings *overrides,
    bool starting, struct buf *errors)
{
	struct buf	 text = { 0 };
	struct conf	*conf = NULL;
	struct stat	 st;
	const char	*reason;

	if (files_read(file, starting, &text, &st, &reason) == -1)
		(void)buf_addf(errors, "%s: %s\n", file, reason);
	else
		conf = conf_parse(file, text.data == NULL ? "" :
		    (const char *)text.data, text.len, overrides, errors);
	buf_free(&text);
	return conf;
}

/*
 * Root may write everywhere.  To learn whether the user of the cache may, the
 * parent asks with the groups and rights of that user.
 */
static int
files_check_cache(const struct conf *conf, const char *file,
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
	/* In a container without those capabilities only the cache itself can
	   find out. */
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
	/* A missing directory will be made. */
	if (rv == 0 || error == ENOENT)
		return 0;
	(void)buf_addf(errors, "%s: cache \"%s\": %s for user %s%s; %s or set "
	    "cache to another directory\n", file, conf->cache,
	    strerror(error), user, selftest_hint(error),
	    error == EROFS ? "mount it writable," : "give it to that user,");
	return -1;
}

/* An unchanged directory concerns the process that is in it; a directory on a
   file server, which may not answer, the process that is to work there. */
static bool
files_has_new_cache(const struct conf *conf, const struct conf *old)
{
	dev_t	 dev;

	return old == NULL || (strcmp(conf->cache, old->cache) != 0 &&
	    mount_table_follow(conf->cache, &dev) == MOUNT_LOCAL);
}

static bool
files_has_tracker_key(const struct conf *conf)
{
	return conf->tracker != TRACKER_NO && conf->tracker_key != NULL &&
	    !conf_key_in_cache(conf);
}

static int
files_check(const struct parent *parent, const struct conf *conf,
    const struct conf *old, conf_look *look, struct buf *errors)
{
	const char	*file = parent->opt->file;
	struct conf	 used = *conf;

	/* The sockets of the service manager take the place of the lines of
	   listen, so these need not be possible. */
	if (parent->listeners.activated)
		used.nlisten = 0;
	/* A file server may not answer; a walker can wait for it.  The number
	   of the process has been written. */
	if (old != NULL) {
		used.nroots = 0;
		used.pid_file = NULL;
	}
	if (!files_has_new_cache(conf, old))
		used.cache = NULL;
	if (!files_has_tracker_key(conf))
		used.tracker_key = NULL;
	/* Both logs are opened again, which checks them as well. */
	if (old != NULL && conf->access_log == ACCESS_LOG_FILE &&
	    old->access_log == ACCESS_LOG_FILE &&
	    strcmp(conf->access_log_file, old->access_log_file) == 0)
		used.access_log = ACCESS_LOG_NO;
	if (old != NULL)
		used.log_file = NULL;
	if (conf_check_system(&used, file, parent->privileged, look,
	    errors) == -1)
		return -1;
	if (used.cache == NULL)
		return 0;
	if (look != NULL)
		look("cache", conf->cache, errors);
	return parent->privileged ? files_check_cache(conf, file, errors) : 0;
}

static void
files_look_hand_over(struct buf *errors)
{
	size_t	 at = 0;
	ssize_t	 n;

	while (at < errors->len) {
		n = write(looker.fd, errors->data + at, errors->len - at);
		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR)
			_exit(1);
	}
	errors->len = 0;
}

static void
files_look_next(const char *keyword, const char *value, struct buf *errors)
{
	char	 quote[PATH_MAX + 1];

	files_look_hand_over(errors);
	(void)snprintf(looker.where, WHERE_LEN, "%s \"%s\"", keyword,
	    log_escape(quote, sizeof(quote), value, strlen(value)));
}

static void __attribute__((__noreturn__))
files_look_main(const struct parent *parent)
{
	struct buf	 errors = { 0 };
	int		 rv, fd, null = open("/dev/null", O_RDWR);

	/* The reader of our output waits until all of us have closed it, and
	   this process may never end. */
	for (fd = STDIN_FILENO; null != -1 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	rv = files_check(parent, parent->conf, NULL, files_look_next, &errors);
	files_look_hand_over(&errors);
	_exit(rv == 0 ? 0 : 1);
}

/* Read all complaints until the process ends.  False: it takes too long. */
static bool
files_look_read(int fd, struct buf *errors)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };
	uint64_t	 now, end = clock_ms() + READY_MS;
	char		 bytes[4096];
	ssize_t		 n;

	while ((now = clock_ms()) < end) {
		if (poll(&pfd, 1, (int)(end - now)) <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n == 0)
			return true;
		if (n > 0 && buf_add(errors, bytes, (size_t)n) == -1)
			fatal("out of memory");
	}
	return false;
}

/* Check the system in a process of its own, in a bounded time. */
static int
files_look(const struct parent *parent, struct buf *errors)
{
	size_t	 before = errors->len;
	char	 how[64];
	pid_t	 pid;
	int	 pipes[2], status = -1;

	looker.where = mmap(NULL, WHERE_LEN, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (looker.where == MAP_FAILED || pipe2(pipes, O_CLOEXEC) == -1 ||
	    (pid = fork()) == -1)
		fatal("a process to look at the system: %s", strerror(errno));
	if (pid == 0) {
		close(pipes[0]);
		looker.fd = pipes[1];
		files_look_main(parent);
	}
	close(pipes[1]);
	if (files_look_read(pipes[0], errors))
		(void)waitpid(pid, &status, 0);
	else {
		(void)buf_addf(errors, "%s: %s does not answer within %d s\n",
		    parent->opt->file, looker.where, READY_MS / 1000);
		/* If SIGKILL does not end it, it is left to the kernel. */
		(void)kill(pid, SIGKILL);
	}
	if (status != 0 && errors->len == before) {
		process_describe_end(how, sizeof(how), status);
		(void)buf_addf(errors, "%s: looking at %s has failed: %s\n",
		    parent->opt->file, looker.where, how);
	}
	close(pipes[0]);
	(void)munmap(looker.where, WHERE_LEN);
	return status == 0 ? 0 : -1;
}

int
files_check_conf(const struct parent *parent, const struct conf *conf,
    const struct conf *old, struct buf *errors)
{
	if (parent->opt->check)
		return files_look(parent, errors);
	return files_check(parent, conf, old, NULL, errors);
}

gid_t
files_socket_group(const struct parent *parent, const struct conf *conf)
{
	const struct passwd	*pw;

	if (!parent->privileged ||
	    (pw = getpwnam(conf->user[ROLE_FRONT])) == NULL)
		return (gid_t)-1;
	return pw->pw_gid;
}

/* Open the directory in which path is, and find its last component. */
static int
files_open_above(const char *path, const char **name)
{
	char		 dir[PATH_MAX];
	const char	*slash = strrchr(path, '/');
	int		 len = slash > path ? (int)(slash - path) : 1;

	(void)snprintf(dir, sizeof(dir), "%.*s", len, path);
	*name = slash + 1;
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool
files_is_empty(int fd)
{
	struct dirent	*entry;
	DIR		*dir;
	int		 copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	bool		 empty = true;

	if (copy == -1 || (dir = fdopendir(copy)) == NULL) {
		if (copy != -1)
			close(copy);
		return false;
	}
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0;
	(void)closedir(dir);
	return empty;
}

/*
 * Open a directory that has just been made.  A user who may write in the one
 * above could have put something else in its place since.  An empty directory
 * of ours that is no mount is as good as the new one; nothing else is taken.
 */
static int
files_open_made(int above, const char *name)
{
	struct stat	 st, st_above;
	int		 fd;

	fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd != -1 && fstat(fd, &st) == 0 &&
	    fstat(above, &st_above) == 0 && st.st_uid == geteuid() &&
	    st.st_dev == st_above.st_dev && files_is_empty(fd))
		return fd;
	if (fd != -1)
		close(fd);
	return -1;
}

/* Give a directory that has just been made to the cache's user. */
static int
files_give_cache(int above, const char *name, const struct conf *conf,
    struct buf *errors)
{
	const struct passwd	*pw = getpwnam(conf->user[ROLE_CACHE]);
	const char		*reason = "no such user";
	int			 rv = -1, fd = files_open_made(above, name);

	if (fd == -1) {
		(void)buf_addf(errors, "cache %s: something else was put in "
		    "the place of the new directory; set cache to a directory "
		    "in one that only root may write\n", conf->cache);
		return -1;
	}
	if (pw != NULL) {
		rv = fchown(fd, pw->pw_uid, pw->pw_gid);
		reason = strerror(errno);
	}
	if (rv == -1) {
		/* Once it runs the parent may not give files away. */
		(void)buf_addf(errors, "cache %s cannot be given to %s: %s; "
		    "make it for that user, or start the service anew\n",
		    conf->cache, conf->user[ROLE_CACHE], reason);
		(void)unlinkat(above, name, AT_REMOVEDIR);
	}
	close(fd);
	return rv;
}

/*
 * 0755: the content of the cache is public, and an administrator may look.
 */
int
files_make_cache(const struct parent *parent, const struct conf *conf,
    const struct conf *old, struct buf *errors)
{
	const char	*name;
	struct stat	 st;
	int		 above, rv = 0;

	if (!files_has_new_cache(conf, old) ||
	    stat(conf->cache, &st) == 0 || errno != ENOENT)
		return 0;
	above = files_open_above(conf->cache, &name);
	if (above == -1 || mkdirat(above, name, 0755) == -1) {
		(void)buf_addf(errors, "cache %s cannot be made: %s%s\n",
		    conf->cache, strerror(errno), selftest_hint(errno));
		rv = -1;
	} else if (parent->privileged)
		rv = files_give_cache(above, name, conf, errors);
	if (above != -1)
		close(above);
	return rv;
}

/*
 * Open a file to write, or make it (O_CREAT).  A FIFO without a reader, a
 * terminal or a link that somebody placed there must neither stop the parent
 * nor lead it elsewhere; nor must a second name of a file that is somewhere
 * else.  -1 with a reason; errno is 0 if that is no errno.
 */
static int
files_open_own(const char *path, int flags, mode_t mode, const char **reason)
{
	struct stat	 st = { 0 };
	int		 fd, error;

	fd = open(path, flags | O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC, mode);
	error = errno;
	if (fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink <= 1)
		return fd;
	if (fd != -1 || error == ELOOP || error == ENXIO)
		error = 0;
	*reason = error != 0 ? strerror(error) : S_ISREG(st.st_mode) ?
	    "the file has other names too (hard links)" :
	    "not a regular file";
	if (fd != -1)
		close(fd);
	errno = error;
	return -1;
}

/* To append to: a descriptor, or -2 with a complaint. */
static int
files_open_lines(const char *keyword, const char *path, struct buf *errors)
{
	const char	*reason;
	int		 fd;

	fd = files_open_own(path, O_CREAT | O_APPEND, 0640, &reason);
	if (fd != -1)
		return fd;
	(void)buf_addf(errors, "%s %s: %s%s\n", keyword, path, reason,
	    selftest_hint(errno));
	return -2;
}

int
files_open_access_log(const struct conf *conf, struct buf *errors)
{
	if (conf->access_log != ACCESS_LOG_FILE)
		return -1;
	return files_open_lines("access-log", conf->access_log_file, errors);
}

int
files_open_log(const struct parent *parent, const struct conf *conf,
    struct buf *errors)
{
	if (conf->log_file == NULL || parent->opt->foreground)
		return -1;
	return files_open_lines("log-file", conf->log_file, errors);
}

/* No link leads elsewhere, and no FIFO holds the parent up. */
int
files_read_tracker_key(const struct conf *conf, uint8_t key[SEAL_LEN],
    struct buf *errors)
{
	const char	*reason = NULL;
	struct stat	 st;
	uint8_t		 more;
	int		 fd;

	if (!files_has_tracker_key(conf))
		return 0;
	fd = open(conf->tracker_key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		reason = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		reason = "not a regular file";
	else if (read(fd, key, SEAL_LEN) != SEAL_LEN || read(fd, &more, 1) != 0)
		reason = "not 32 bytes";
	if (fd != -1)
		close(fd);
	if (reason == NULL)
		return 0;
	(void)buf_addf(errors, "tracker-key %s: %s\n", conf->tracker_key,
	    reason);
	return -1;
}

/* May files be made in the directory of this one?  false with errno. */
static bool
files_may_make(const char *path)
{
	char		 dir[PATH_MAX];
	size_t		 len = (size_t)(strrchr(path, '/') - path) + 1;

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)len, path);
	return access(dir, W_OK | X_OK) == 0;
}

int
files_check_pid(const struct conf *conf, struct buf *errors)
{
	const char	*path = conf->pid_file, *reason;
	int		 fd;

	if (path == NULL)
		return 0;
	fd = files_open_own(path, 0, 0, &reason);
	if (fd != -1) {
		close(fd);
		return 0;
	}
	if (errno == ENOENT) {
		if (files_may_make(path))
			return 0;
		reason = strerror(errno);
	}
	(void)buf_addf(errors, "pid-file %s: %s%s\n", path, reason,
	    selftest_hint(errno));
	return -1;
}

int
files_write_pid(struct parent *parent, const char **reason)
{
	const char	*path = parent->conf->pid_file;
	int		 fd, rv = 0;

	if (path == NULL)
		return 0;
	fd = files_open_own(path, O_CREAT, 0644, reason);
	if (fd == -1)
		return -1;
	if (ftruncate(fd, 0) == -1 ||
	    dprintf(fd, "%d\n", (int)getpid()) < 0 ||
	    fstat(fd, &parent->pid_st) == -1) {
		*reason = strerror(errno);
		rv = -1;
	}
	close(fd);
	return rv;
}

int
files_unlink(const char *path, const struct stat *expected)
{
	const char	*name;
	struct stat	 st;
	int		 rv = -1, above = files_open_above(path, &name);

	if (above == -1)
		return -1;
	if (fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EBUSY;
		/* A new file often has the inode of the last one. */
		if (st.st_dev == expected->st_dev &&
		    st.st_ino == expected->st_ino &&
		    st.st_mtim.tv_sec == expected->st_mtim.tv_sec &&
		    st.st_mtim.tv_nsec == expected->st_mtim.tv_nsec)
			rv = unlinkat(above, name, 0);
	}
	close(above);
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

/* Said once, until it changes. */
static void
files_tell_trackers(struct parent *parent, bool some, const char *reason)
{
	const struct conf	*conf = parent->conf;
	enum trackers_told	 told;

	told = conf->tracker == TRACKER_YES ? TRACKERS_HOUSE_FIRST :
	    some ? TRACKERS_NOTHING : conf->tracker == TRACKER_AUTO ?
	    TRACKERS_HOUSE : TRACKERS_NONE;
	if (told == parent->trackers_told)
		return;
	parent->trackers_told = told;
	if (told == TRACKERS_HOUSE_FIRST)
		log_info("torrents name the tracker of this service first, so "
		    "that clients learn each other's addresses");
	else if (told == TRACKERS_HOUSE)
		log_info("trackers %s: %s: torrents name the tracker of this "
		    "service, so that clients learn each other's addresses; "
		    "\"tracker no\" ends that", conf->trackers, reason);
	else if (told == TRACKERS_NONE)
		log_warn("trackers %s: %s: torrents have no trackers",
		    conf->trackers, reason);
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
files_read_trackers(struct parent *parent, bool forced)
{
	const char	*path = parent->conf->trackers, *reason;
	struct buf	 text = { 0 }, good = { 0 }, errors = { 0 };
	struct stat	 st;
	struct process	*front = processes_front(parent);
	bool		 news;

	memset(&st, 0, sizeof(st));
	if (!forced && stat(path, &st) == 0 &&
	    files_same_file(&st, &parent->trackers_st))
		return;
	memset(&st, 0, sizeof(st));
	if (files_read(path, false, &text, &st, &reason) == -1)
		text.len = 0;
	if (trackers_parse(path, (const char *)text.data, text.len, &good,
	    &errors) == -1)
		fatal("out of memory");
	log_complaints(&errors);
	files_tell_trackers(parent, good.len > 0, reason != NULL ? reason :
	    "none listed");

	news = good.len != parent->trackers.len || (good.len > 0 &&
	    memcmp(good.data, parent->trackers.data, good.len) != 0);
	parent->trackers_st = st;
	buf_free(&parent->trackers);
	parent->trackers = good;
	buf_free(&text);
	buf_free(&errors);
	if (!news || forced)
		return;
	log_info("new trackers read");
	if (front != NULL)
		files_send_trackers(parent, front);
}

static void
files_send_listeners(struct process *front, const struct listeners *set,
    enum listener_kind kind)
{
	struct msg_listener	 body = { .kind = kind,
				    .count = (uint32_t)set->n };

	if (set->n == 0)
		process_send(front, MSG_LISTENER, &body, NULL, 0, -1);
	for (; body.index < body.count; body.index++)
		process_send(front, MSG_LISTENER, &body, NULL, 0,
		    set->v[body.index].fd);
}

void
files_send_front(struct parent *parent, struct process *front)
{
	struct msg_tracker_key	 key = { 0 };

	memcpy(key.key, parent->tracker_key, SEAL_LEN);
	if (files_has_tracker_key(parent->conf))
		process_send(front, MSG_TRACKER_KEY, &key, NULL, 0, -1);
	explicit_bzero(&key, sizeof(key));
	files_send_trackers(parent, front);
	process_send(front, MSG_ACCESS_LOG, NULL, NULL, 0,
	    parent->access_fd);
	files_send_listeners(front, &parent->listeners, LISTENER_CLIENTS);
	files_send_listeners(front, &parent->metrics, LISTENER_METRICS);
}
