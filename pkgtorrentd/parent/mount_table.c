/* SPDX-License-Identifier: ISC */
/*
 * Follows a path by the kernel's list of mounts (proc(5)) without a system call
 * that could ask a file server.  The mount at / counts as local, because our
 * own programs lie there.
 */
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "pkgtorrentd/parent/mount_table.h"

#define LINKS_MAX	40

struct mount {
	int	 id;
	int	 parent;
	dev_t	 dev;
	bool	 remote;
	char	*dir;
};

static struct {
	struct mount	*v;
	size_t		 n;
	size_t		 cap;
	int		 fd;	/* the kernel's list; 0: not opened yet */
	bool		 read;	/* and v has its lines */
} table;

static bool
type_is_remote(const char *type)
{
	static const char *const	 types[] = { "nfs", "nfs4", "cifs",
	    "smb3", "smbfs", "afs", "ceph", "9p", "lustre", "autofs", "fuse" };
	size_t				 i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return strncmp(type, "fuse.", 5) == 0;
}

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The list has blanks in names as octal numbers. */
static void
unescape(char *s)
{
	char	*to = s;

	while (*s != '\0')
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) &&
		    is_octal(s[3])) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
			    (s[3] - '0'));
			s += 4;
		} else
			*to++ = *s++;
	*to = '\0';
}

static void
table_add(const char *line)
{
	const char	*dash = strstr(line, " - ");
	struct mount	*m;
	unsigned	 major, minor;
	char		 type[32];
	int		 at = 0, end = 0;

	if (table.n == table.cap) {
		table.cap = table.cap == 0 ? 64 : 2 * table.cap;
		table.v = reallocarray(table.v, table.cap, sizeof(*table.v));
		if (table.v == NULL)
			fatal("out of memory");
	}
	m = &table.v[table.n];
	if (dash == NULL || sscanf(dash, " - %31s", type) != 1 ||
	    sscanf(line, "%d %d %u:%u %*s %n%*s%n", &m->id, &m->parent,
	    &major, &minor, &at, &end) != 4 || end <= at)
		return;
	if ((m->dir = strndup(line + at, (size_t)(end - at))) == NULL)
		fatal("out of memory");
	unescape(m->dir);
	m->dev = makedev(major, minor);
	m->remote = type_is_remote(type);
	table.n++;
}

/* poll(2) reports a change of the list once for each open file. */
static bool
table_is_current(void)
{
	struct pollfd	 pfd = { .fd = table.fd, .events = POLLPRI };

	return poll(&pfd, 1, 0) == 0 && table.read;
}

/* 0, or -1: the list cannot be read. */
static int
table_read(void)
{
	FILE	*f;
	char	*line = NULL;
	size_t	 cap = 0;

	if (table.fd <= 0)
		table.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (table.fd == -1)
		return -1;
	if (table_is_current())
		return 0;
	table.read = false;
	if ((f = fopen("/proc/self/mountinfo", "re")) == NULL)
		return -1;
	while (table.n > 0)
		free(table.v[--table.n].dir);
	while (getline(&line, &cap, f) != -1)
		table_add(line);
	table.read = true;
	free(line);
	fclose(f);
	return 0;
}

bool
mount_table_dev_is_remote(dev_t dev)
{
	size_t	 i;

	if (table_read() == -1)
		return true;
	for (i = 0; i < table.n; i++)
		if (table.v[i].dev == dev && table.v[i].remote)
			return true;
	return false;
}

/* Is another mount on top of it? */
static bool
is_covered(const struct mount *m)
{
	size_t	 i;

	for (i = 0; i < table.n; i++)
		if (table.v[i].parent == m->id && &table.v[i] != m &&
		    strcmp(table.v[i].dir, m->dir) == 0)
			return true;
	return false;
}

static const struct mount *
find_remote(const char *dir)
{
	size_t	 i;

	for (i = 0; i < table.n; i++)
		if (table.v[i].remote && strcmp(table.v[i].dir, dir) == 0 &&
		    !is_covered(&table.v[i]))
			return &table.v[i];
	return NULL;
}

/* Take the first component off the rest of a path.  NULL at its end. */
static char *
next_component(char **left)
{
	char	*component;

	*left += strspn(*left, "/");
	if (**left == '\0')
		return NULL;
	component = *left;
	*left += strcspn(component, "/");
	if (**left != '\0')
		*(*left)++ = '\0';
	return component;
}

/*
 * Follow one component: at is the directory so far, left the rest of the path,
 * where a link is replaced by its target.  False: the result is too long.
 */
static bool
step(char at[PATH_MAX], const char *component, char left[2 * PATH_MAX],
    char *rest, unsigned *links)
{
	char	 target[PATH_MAX], all[2 * PATH_MAX];
	size_t	 len = strlen(at);
	ssize_t	 n;

	if (strcmp(component, "..") == 0) {
		if (len > 0)
			*strrchr(at, '/') = '\0';
		memmove(left, rest, strlen(rest) + 1);
		return true;
	}
	if (snprintf(at + len, PATH_MAX - len, "/%s", component) >=
	    (int)(PATH_MAX - len))
		return false;
	if (find_remote(at) != NULL ||
	    (n = readlink(at, target, sizeof(target) - 1)) == -1) {
		memmove(left, rest, strlen(rest) + 1);
		return true;
	}
	target[n] = '\0';
	if (++*links > LINKS_MAX || snprintf(all, sizeof(all), "%s/%s",
	    target, rest) >= (int)sizeof(all))
		return false;
	at[target[0] == '/' ? 0 : len] = '\0';
	memcpy(left, all, strlen(all) + 1);
	return true;
}

enum mount_way
mount_table_follow(const char *path, dev_t *dev)
{
	const struct mount	*m;
	char			 at[PATH_MAX] = "", left[2 * PATH_MAX];
	char			*component, *rest;
	unsigned		 links = 0;

	if (table_read() == -1)
		return MOUNT_THROUGH_REMOTE;
	if (strlcpy(left, path, sizeof(left)) >= sizeof(left))
		return MOUNT_LOCAL;
	for (;;) {
		rest = left;
		if ((component = next_component(&rest)) == NULL)
			return MOUNT_LOCAL;
		if (strcmp(component, ".") == 0) {
			memmove(left, rest, strlen(rest) + 1);
			continue;
		}
		/* A path that cannot be followed gives an error when it is
		   opened. */
		if (!step(at, component, left, rest, &links))
			return MOUNT_LOCAL;
		if ((m = find_remote(at)) == NULL)
			continue;
		if (left[strspn(left, "/")] != '\0')
			return MOUNT_THROUGH_REMOTE;
		*dev = m->dev;
		return MOUNT_REMOTE;
	}
}
