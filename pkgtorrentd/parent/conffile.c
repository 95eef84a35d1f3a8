/*
 * The configuration file: reading it, and checking it against the system.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/parent/conffile.h"
#include "pkgtorrentd/parent/mount_table.h"

#define CONF_FILE_MAX	(1U << 20)	/* bytes */

/*
 * At start the file may be a pipe, whose end is waited for.  Later no kind of
 * file may block the parent.
 */
static int
conffile_read_file(const char *path, bool starting, struct buf *text,
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
conffile_read(const char *file, const struct strings *overrides,
    bool starting, struct buf *errors)
{
	struct buf	 text = { 0 };
	struct conf	*conf = NULL;

	if (conffile_read_file(file, starting, &text, errors) == 0)
		conf = conf_parse(file, text.data == NULL ? "" :
		    (const char *)text.data, text.len, overrides,
		    errors);
	buf_free(&text);
	return conf;
}

/*
 * Root may write everywhere.  The question is whether the user of the cache
 * may, so the parent takes on the groups and rights of that user to ask it.
 */
static int
conffile_check_cache(const struct conf *conf, const char *file,
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
	/* A missing directory will be made. */
	if (rv == 0 || error == ENOENT)
		return 0;
	(void)buf_addf(errors, "%s: cache \"%s\": %s for user %s%s; %s or set "
	    "cache to another directory\n", file, conf->cache,
	    strerror(error), user, selftest_hint(error),
	    error == EROFS ? "mount it writable," : "give it to that user,");
	return -1;
}

/* An unchanged directory concerns the process that is in it; one on a file
   server, which may not answer, the process that is to work there. */
bool
conffile_has_new_cache(const struct conf *conf, const struct conf *old)
{
	dev_t	 dev;

	return old == NULL || (strcmp(conf->cache, old->cache) != 0 &&
	    mount_table_follow(conf->cache, &dev) == MOUNT_LOCAL);
}

int
conffile_check(const struct conf *conf, const struct conf *old,
    const char *file, bool privileged, bool activated, conf_look *look,
    struct buf *errors)
{
	struct conf	 used = *conf;

	/* The service manager handed us sockets in place of the lines that
	   say listen, so these need not be possible. */
	if (activated)
		used.nlisten = 0;
	/* A file server may not answer; a walker can wait for it. */
	if (old != NULL)
		used.nroots = 0;
	if (!conffile_has_new_cache(conf, old))
		used.cache = NULL;
	/* The access log is opened again, which checks it as well. */
	if (old != NULL && conf->access_log == ACCESS_LOG_FILE &&
	    old->access_log == ACCESS_LOG_FILE &&
	    strcmp(conf->access_log_file, old->access_log_file) == 0)
		used.access_log = ACCESS_LOG_NO;
	if (conf_check_system(&used, file, privileged, look, errors) == -1)
		return -1;
	if (used.cache == NULL)
		return 0;
	if (look != NULL)
		look("cache", conf->cache, errors);
	return privileged ? conffile_check_cache(conf, file, errors) : 0;
}
