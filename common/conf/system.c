/* SPDX-License-Identifier: ISC */
/*
 * Checks of a configuration against the system.  They run before a start or a
 * reload, as the user that started the parent.
 */
#include <sys/stat.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/conf/keyword.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"

struct check {
	const char	*file;
	struct buf	*errors;
	conf_look	*look;
	bool		 privileged;	/* started by root */
	int		 result;
};

static void
complain(struct check *c, const char *keyword, const char *value,
    const char *problem, const char *advice)
{
	char quote[256];

	c->result = -1;
	(void)buf_addf(c->errors, "%s: %s \"%s\": %s; %s\n", c->file, keyword,
	    log_escape(quote, sizeof(quote), value, strlen(value)), problem,
	    advice);
}

/* Complain of an errno. */
static void
complain_error(struct check *c, const char *keyword, const char *value,
    int error, const char *advice)
{
	char problem[256];

	snprintf(problem, sizeof(problem), "%s%s", strerror(error),
	    selftest_hint(error));
	complain(c, keyword, value, problem, advice);
}

static void
look_at(const struct check *c, const char *keyword, const char *value)
{
	if (c->look != NULL)
		c->look(keyword, value, c->errors);
}

/*
 * Returns 0 if path is a directory that may be used in this mode (W_OK, X_OK),
 * or an errno.  Access by root tells nothing about the users of the children,
 * but a read-only mount is read-only for all.
 */
static int
check_dir(struct check *c, const char *path, int mode)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return errno;
	if (!S_ISDIR(st.st_mode))
		return ENOTDIR;
	if (access(path, mode) == -1 && (!c->privileged || errno == EROFS))
		return errno;
	return 0;
}

/* The same for the directory in which a file is to be made. */
static int
check_parent_dir(struct check *c, const char *path)
{
	char dir[CONF_PATH_MAX + 1];
	const char *slash = strrchr(path, '/');
	size_t len = (size_t)(slash - path);

	snprintf(dir, sizeof(dir), "%.*s", (int)(len > 0 ? len : 1), path);
	return check_dir(c, dir, W_OK | X_OK);
}

static void
check_cache(struct check *c, const char *path)
{
	int error = check_dir(c, path, R_OK | W_OK | X_OK);

	if (error == ENOENT)
		error = check_parent_dir(c, path);
	if (error != 0)
		complain_error(c, "cache", path, error,
		    "set cache to a directory that may be written, or to a "
		    "new name in one");
}

/* A file that the parent writes. */
static void
check_file(struct check *c, const char *keyword, const char *path)
{
	struct stat st;
	char advice[64];
	int error = 0;

	look_at(c, keyword, path);

	if (stat(path, &st) == -1)
		error = errno == ENOENT ? check_parent_dir(c, path) : errno;
	else if (S_ISDIR(st.st_mode))
		error = EISDIR;
	else if (access(path, W_OK) == -1 && (!c->privileged || errno == EROFS))
		error = errno;
	snprintf(advice, sizeof(advice), "set %s to a file that may be written",
	    keyword);
	if (error != 0)
		complain_error(c, keyword, path, error, advice);
}

/* The key of the tracker, which the parent reads. */
static void
check_key(struct check *c, const char *path)
{
	struct stat st;
	char problem[64] = "not a regular file";

	look_at(c, "tracker-key", path);
	if (stat(path, &st) == -1)
		complain_error(c, "tracker-key", path, errno, "make it by "
		    "head -c 32 /dev/urandom, for root alone");
	else if (!S_ISREG(st.st_mode) || st.st_size != SEAL_LEN) {
		if (S_ISREG(st.st_mode))
			snprintf(problem, sizeof(problem), "has %lld bytes",
			    (long long)st.st_size);
		complain(c, "tracker-key", path, problem, "a key has 32 bytes; "
		    "take the file back from where it was made");
	}
}

static void
check_user(struct check *c, enum role role, const char *name)
{
	char keyword[32];
	struct passwd *pw;

	snprintf(keyword, sizeof(keyword), "user %s", role_name(role));
	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		complain(c, keyword, name, errno != 0 && errno != ENOENT ?
		    strerror(errno) : "no such user",
		    "make it, or set user to one that exists");
	else if (pw->pw_uid == 0)
		complain(c, keyword, name, "has user id 0",
		    "set user to one without privileges");
}

static void
check_listen(struct check *c, const char *keyword, const struct conf_listen *l)
{
	char hint[128];
	int error;

	look_at(c, keyword, l->text);
	if (l->addr.ss_family != AF_UNIX ||
	    (error = check_parent_dir(c, l->text)) == 0)
		return;
	snprintf(hint, sizeof(hint), "set %s to a new name in a directory "
	    "that may be written", keyword);
	complain_error(c, keyword, l->text, error, hint);
}

int
conf_check_system(const struct conf *conf, const char *file, bool privileged,
    conf_look *look, struct buf *errors)
{
	struct check c = { .file = file, .errors = errors, .look = look,
	    .privileged = privileged };
	enum role role;
	size_t i;
	int error;

	for (i = 0; i < conf->nroots; i++) {
		look_at(&c, "root", conf->roots[i].dir);
		if ((error = check_dir(&c, conf->roots[i].dir, X_OK)) != 0)
			complain(&c, "root", conf->roots[i].dir,
			    strerror(error), conf->roots[i].prefix[0] != '\0' ?
			    "set root to the directory of that prefix" :
			    "set root to the mirror's document root");
	}
	for (i = 0; i < conf->nlisten; i++)
		check_listen(&c, "listen", &conf->listen[i]);
	if (conf->metrics != NULL)
		check_listen(&c, "metrics", conf->metrics);
	if (conf->control != NULL && conf->control[0] == '/') {
		look_at(&c, "control", conf->control);
		if ((error = check_parent_dir(&c, conf->control)) != 0)
			complain_error(&c, "control", conf->control, error,
			    "set control to a new name in a directory that "
			    "may be written, or to none");
	}
	if (conf->cache != NULL) {
		look_at(&c, "cache", conf->cache);
		check_cache(&c, conf->cache);
	}
	if (conf->access_log == ACCESS_LOG_FILE)
		check_file(&c, "access-log", conf->access_log_file);
	if (conf->log_file != NULL)
		check_file(&c, "log-file", conf->log_file);
	if (conf->pid_file != NULL)
		check_file(&c, "pid-file", conf->pid_file);
	if (conf->tracker != TRACKER_NO && conf->tracker_key != NULL)
		check_key(&c, conf->tracker_key);
	for (role = ROLE_FRONT; privileged && role < ROLE_COUNT; role++)
		if (role == ROLE_FRONT || strcmp(conf->user[role],
		    conf->user[ROLE_FRONT]) != 0)
			check_user(&c, role, conf->user[role]);
	return c.result;
}
