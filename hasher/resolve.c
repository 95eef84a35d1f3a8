/*
 * The only file that looks paths up.  Every look-up starts at the root's
 * descriptor with the whole path, also within a glob: links that go up and
 * come down again below the root work everywhere, and a directory that is
 * moved away meanwhile takes nobody along.
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/openat2.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "match.h"
#include "resolve.h"
#include "role.h"

/*
 * openat2 gives up with EAGAIN when anything on the machine is renamed while
 * it follows a "..", since it cannot tell whether it was fooled.
 */
#define RACE_RETRIES	256

#define LOG_INTERVAL_MS	60000

const char *
root_prefix(const struct root *root)
{
	return root->conf->roots[root->index].prefix;
}

int
path_check(const char *path, size_t len)
{
	const char	*at = path, *end = path + len, *next;
	size_t		 n;

	if (len == 0 || len > SPEC_MAX || *at != '/' ||
	    memchr(path, '\0', len) != NULL)
		return -1;
	while (at < end) {
		at++;
		next = memchr(at, '/', (size_t)(end - at));
		n = (size_t)((next == NULL ? end : next) - at);
		if ((n == 1 || n == 2) && memcmp(at, "..", n) == 0)
			return -1;
		at += n;
	}
	return 0;
}

int
root_serves(const struct root *root, const char *path, size_t len)
{
	return conf_root_of(root->conf, path, len) == (int)root->index;
}

int
root_denies(const struct root *root, const char *path, size_t len)
{
	const struct strings	*deny = &root->conf->deny;
	size_t			 i;

	for (i = 0; i < deny->n; i++)
		if (match_covers(deny->v[i], strlen(deny->v[i]), path, len))
			return 1;
	return 0;
}

static void
log_link(struct root *root, const char *path, size_t len)
{
	char	escaped[512];

	if (!log_once(&root->link_logged_ms, LOG_INTERVAL_MS, now_ms()))
		return;
	log_warn("refused \"%s\": a symbolic link on its way is absolute or "
	    "leaves the root; use a relative link, a bind mount or a root of "
	    "its own", log_escape(escaped, sizeof(escaped), path, len));
}

static enum path_status
status_of_errno(struct root *root, int error, const char *path, size_t len)
{
	char	escaped[512];

	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return PATH_MISSING;
	case EACCES:
	case EPERM:
		return PATH_REFUSED;
	case EXDEV:
	case ELOOP:
		log_link(root, path, len);
		return PATH_LINK;
	case ENXIO:
	case ENODEV:
		return PATH_NOT_FILE;
	default:
		/* A sick disk, or too few descriptors: not the client's. */
		if (log_once(&root->error_logged_ms, LOG_INTERVAL_MS,
		    now_ms()))
			log_error("cannot look up \"%s\": %s",
			    log_escape(escaped, sizeof(escaped), path, len),
			    strerror(error));
		return PATH_REFUSED;
	}
}

/* The path below the root's directory, or NULL: nothing is written so. */
static const char *
path_below(const struct root *root, const char *path, size_t len,
    char below[SPEC_MAX + 1])
{
	size_t	 skip = strlen(root_prefix(root));

	if (len > SPEC_MAX || len <= skip ||
	    memmem(path, len, "//", 2) != NULL)
		return len == skip ? "." : NULL;
	memcpy(below, path + skip + 1, len - skip - 1);
	below[len - skip - 1] = '\0';
	return below;
}

/* A descriptor, or -1 with *status. */
static int
open_beneath(struct root *root, const char *path, size_t len, int flags,
    enum path_status *status)
{
	struct open_how	 how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	char		 room[SPEC_MAX + 1];
	const char	*below = path_below(root, path, len, room);
	unsigned	 tries = 0;
	int		 fd;

	if (below == NULL) {
		*status = PATH_MISSING;
		return -1;
	}
	do
		fd = (int)syscall(SYS_openat2, root->fd, below, &how,
		    sizeof(how));
	while (fd == -1 && (errno == EAGAIN || errno == EINTR) &&
	    ++tries < RACE_RETRIES);
	if (fd == -1)
		*status = status_of_errno(root, errno, path, len);
	return fd;
}

static void
identity_from_stat(struct identity *id, const struct stat *st)
{
	memset(id, 0, sizeof(*id));
	id->ino = st->st_ino;
	id->size = (uint64_t)st->st_size;
	id->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 +
	    st->st_mtim.tv_nsec;
	id->ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 +
	    st->st_ctim.tv_nsec;
}

enum path_status
root_find_any(struct root *root, const char *path, size_t len,
    struct identity *id, mode_t *type)
{
	enum path_status status = PATH_OK;
	struct stat	 st;
	int		 fd;

	*type = 0;
	fd = open_beneath(root, path, len, O_PATH, &status);
	if (fd == -1)
		return status;
	if (fstat(fd, &st) == -1)
		status = status_of_errno(root, errno, path, len);
	else {
		*type = st.st_mode & S_IFMT;
		if (!S_ISREG(st.st_mode))
			status = PATH_NOT_FILE;
		/* Called bare: glibc's own answers from the mode bits when the
		   kernel refuses, and those do not tell of ACLs. */
		else if (syscall(SYS_faccessat2, fd, "", R_OK,
		    AT_EMPTY_PATH | AT_EACCESS) == -1)
			status = status_of_errno(root, errno, path, len);
		else
			identity_from_stat(id, &st);
	}
	close(fd);
	return status;
}

enum path_status
root_find(struct root *root, const char *path, size_t len,
    struct identity *id)
{
	mode_t	type;

	return root_find_any(root, path, len, id, &type);
}

int
root_is_link(struct root *root, const char *path, size_t len)
{
	enum path_status status;
	struct stat	 st;
	int		 fd, is_link;

	fd = open_beneath(root, path, len, O_PATH | O_NOFOLLOW, &status);
	if (fd == -1)
		return 0;
	is_link = fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
	close(fd);
	return is_link;
}

enum path_status
root_open(struct root *root, const char *path, size_t len,
    struct identity *id, int *fd)
{
	enum path_status status;
	struct stat	 st;

	if (root_denies(root, path, len))
		return PATH_REFUSED;
	/* Not opened before it is known for a regular file: to open a tape
	   drive rewinds it. */
	status = root_find(root, path, len, id);
	if (status != PATH_OK)
		return status;
	*fd = open_beneath(root, path, len, O_RDONLY | O_NONBLOCK | O_NOCTTY,
	    &status);
	if (*fd == -1)
		return status;
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode)) {
		identity_from_stat(id, &st);
		return PATH_OK;
	}
	close(*fd);
	*fd = -1;
	return PATH_NOT_FILE;
}

enum path_status
root_open_dir(struct root *root, const char *path, size_t len, bool follow,
    int *fd)
{
	enum path_status status = PATH_OK;

	*fd = open_beneath(root, path, len, O_RDONLY | O_DIRECTORY |
	    O_NONBLOCK | (follow ? 0 : O_NOFOLLOW), &status);
	return status;
}
