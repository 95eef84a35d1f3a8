/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/parent/files.h"
#include "pkgtorrentd/parent/listen.h"

#define UNSENT_MAX	(384 << 10)	/* bytes in the kernel, per client */

#define LISTEN_FDS_MAX	128
/* The kernel cuts it to net.core.somaxconn: the administrator's choice. */
#define LISTEN_BACKLOG	65535
#define CONTROL_BACKLOG	8

static struct listener *
listen_add(struct listeners *set, const char *text, int fd)
{
	struct listener	*v, *l;

	v = reallocarray(set->v, set->n + 1, sizeof(*v));
	if (v == NULL)
		fatal("out of memory");
	set->v = v;
	l = &v[set->n++];
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->name_len = sizeof(l->name);
	if (getsockname(fd, (struct sockaddr *)&l->name, &l->name_len) == -1)
		fatal("listen %s: %s", text, strerror(errno));
	if ((l->text = strdup(text)) == NULL)
		fatal("out of memory");
	return l;
}

static int
listen_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/*
 * Accepted sockets inherit both options: answers leave at once, and the kernel
 * queues no megabytes for a client that does not read, but takes a torrent of
 * the usual size in one write.
 */
static int
listen_set_tcp(int fd)
{
	if (listen_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) == -1)
		return -1;
	return listen_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
	    UNSENT_MAX);
}

/* Check that fd is a listening stream socket of a known family. */
static int
listen_check(int fd)
{
	int		 value;
	socklen_t	 len;

	len = sizeof(value);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len) == -1 ||
	    (value != AF_INET && value != AF_INET6 && value != AF_UNIX))
		return -1;
	if (value != AF_UNIX)
		(void)listen_set_tcp(fd);
	len = sizeof(value);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) == -1 ||
	    value != SOCK_STREAM)
		return -1;
	len = sizeof(value);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == -1 ||
	    value != 1)
		return -1;
	return 0;
}

static int
listen_take_fds(struct listeners *set, long long n, struct buf *errors)
{
	char	 text[32];
	int	 fd, bad = 0;

	for (fd = LISTEN_FIRST_FD; fd < LISTEN_FIRST_FD + n; fd++) {
		if (listen_check(fd) == -1) {
			(void)buf_addf(errors, "LISTEN_FDS: descriptor %d is "
			    "not a listening stream socket; restart the "
			    ".socket unit if it was one\n", fd);
			bad = 1;
			continue;
		}
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
		    fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
			fatal("LISTEN_FDS: descriptor %d: %s", fd,
			    strerror(errno));
		(void)snprintf(text, sizeof(text), "LISTEN_FDS %d", fd);
		(void)listen_add(set, text, fd);
	}
	set->activated = true;
	return bad ? -1 : 1;
}

int
listen_take(struct listeners *set, struct buf *errors)
{
	const char	*pid = getenv("LISTEN_PID");
	const char	*fds = getenv("LISTEN_FDS");
	const char	*wrong_pid = NULL, *wrong_fds = NULL;
	long long	 n = 0, for_pid = 0;

	memset(set, 0, sizeof(*set));
	if (pid != NULL && fds != NULL) {
		for_pid = strtonum(pid, 1, 1 << 30, &wrong_pid);
		n = strtonum(fds, 0, LISTEN_FDS_MAX, &wrong_fds);
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");

	if (wrong_pid != NULL || for_pid != getpid())
		return 0;
	if (wrong_fds != NULL) {
		(void)buf_addf(errors, "LISTEN_FDS: expected a number up to "
		    "%d\n", LISTEN_FDS_MAX);
		return -1;
	}
	return n == 0 ? 0 : listen_take_fds(set, n, errors);
}

/*
 * Connect to a socket file that is open (O_PATH): to this one, whatever its
 * path leads to by now.  Without /proc by the path.
 */
static int
listen_connect_file(int file, const struct sockaddr_un *sun, socklen_t len)
{
	struct sockaddr_un	 self = { .sun_family = AF_UNIX };
	int			 fd, rv, error;

	(void)snprintf(self.sun_path, sizeof(self.sun_path),
	    "/proc/self/fd/%d", file);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	rv = connect(fd, (const struct sockaddr *)&self, sizeof(self));
	if (rv == -1 && errno == ENOENT)
		rv = connect(fd, (const struct sockaddr *)sun, len);
	error = errno;
	close(fd);
	errno = error;
	return rv;
}

/*
 * Remove the socket file of a server that has ended, and nothing else that has
 * its path.
 */
static int
listen_remove_stale(const struct sockaddr_un *sun, socklen_t len)
{
	struct stat	 st;
	int		 file, rv = -1;

	file = open(sun->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file == -1)
		return errno == ENOENT ? 0 : -1;
	if (fstat(file, &st) == -1)
		goto out;
	errno = EEXIST;
	if (!S_ISSOCK(st.st_mode))
		goto out;
	rv = listen_connect_file(file, sun, len);
	if (rv == -1 && errno == ECONNREFUSED)
		rv = files_unlink(sun->sun_path, &st);
	else if (rv == 0 || errno == EAGAIN || errno == EPROTOTYPE) {
		/* EAGAIN: alive, with a full queue.  EPROTOTYPE: alive, of
		   another type. */
		errno = EADDRINUSE;
		rv = -1;
	}
out:
	close(file);
	return rv;
}

/*
 * A web server in the group gid may connect.  The parent binds as that group
 * because it keeps CAP_SETGID, but not CAP_CHOWN.
 */
static int
listen_bind_unix(int fd, const struct conf_listen *cl, gid_t gid, mode_t mask)
{
	const struct sockaddr_un	*sun;
	gid_t				 old_gid = getegid();
	mode_t				 old_mask;
	int				 rv;

	sun = (const struct sockaddr_un *)&cl->addr;
	if (listen_remove_stale(sun, cl->addr_len) == -1)
		return -1;
	if (gid != (gid_t)-1 && setegid(gid) == -1)
		return -1;
	old_mask = umask(mask);
	rv = bind(fd, (const struct sockaddr *)sun, cl->addr_len);
	(void)umask(old_mask);
	if (gid != (gid_t)-1 && setegid(old_gid) == -1)
		fatal("setegid: %s", strerror(errno));
	return rv;
}

static unsigned
listen_port(const struct sockaddr_storage *addr)
{
	/* The port is at the same place in both. */
	return addr->ss_family == AF_UNIX ? 0 :
	    ((const struct sockaddr_in *)addr)->sin_port;
}

static bool
listen_is_wanted(const struct conf *conf, const struct listener *l)
{
	size_t	 i;

	for (i = 0; i < conf->nlisten; i++)
		if (conf->listen[i].addr_len == l->addr_len &&
		    memcmp(&conf->listen[i].addr, &l->addr, l->addr_len) == 0)
			return true;
	return false;
}

/*
 * A reload may replace [::]:80 by [::1]:80: the old socket shares its port with
 * the new one until it is closed.  Another process of the same effective user
 * could bind to the port while share is 1, from before the bind until after
 * listen(2).  Returns the number of such sockets.
 */
static size_t
listen_share_port(const struct listeners *kept, const struct conf *conf,
    const struct conf_listen *cl, int share)
{
	size_t	 i, n = 0;

	for (i = 0; kept != NULL && i < kept->n; i++)
		if (kept->v[i].addr.ss_family == cl->addr.ss_family &&
		    listen_port(&cl->addr) != 0 &&
		    listen_port(&kept->v[i].addr) == listen_port(&cl->addr) &&
		    !listen_is_wanted(conf, &kept->v[i]) &&
		    listen_option(kept->v[i].fd, SOL_SOCKET, SO_REUSEPORT,
		    share) == 0)
			n++;
	return n;
}

static int
listen_bind_inet(int fd, const struct conf_listen *cl)
{
	if (listen_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1 ||
	    listen_set_tcp(fd) == -1)
		return -1;
	if (cl->addr.ss_family == AF_INET6 &&
	    listen_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == -1)
		return -1;
	return bind(fd, (const struct sockaddr *)&cl->addr, cl->addr_len);
}

/* Open a listening socket.  -1 with errno. */
static int
listen_open_fd(const struct conf_listen *cl, gid_t gid, bool share)
{
	int	 fd, rv, saved;

	fd = socket(cl->addr.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (cl->addr.ss_family == AF_UNIX)
		rv = listen_bind_unix(fd, cl, gid, 0117);
	else if (share && listen_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) == -1)
		rv = -1;
	else
		rv = listen_bind_inet(fd, cl);
	if (rv == -1 || listen(fd, LISTEN_BACKLOG) == -1 || (share &&
	    listen_option(fd, SOL_SOCKET, SO_REUSEPORT, 0) == -1)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* Remember the socket file, to remove it in the end; not if somebody has put
   something else in its place. */
static void
listen_note_path(struct listener *l)
{
	const struct sockaddr_un	*sun = (const void *)&l->addr;

	free(l->path);
	l->path = NULL;
	if (lstat(sun->sun_path, &l->st) == -1 || !S_ISSOCK(l->st.st_mode) ||
	    l->st.st_uid != geteuid())
		return;
	if ((l->path = strdup(sun->sun_path)) == NULL)
		fatal("out of memory");
}

static int
listen_open_one(struct listeners *set, const struct conf *conf,
    const struct conf_listen *cl, const struct listeners *kept, gid_t gid)
{
	struct listener	*l;
	int		 fd, saved;

	fd = listen_open_fd(cl, gid, false);
	if (fd == -1 && errno == EADDRINUSE &&
	    listen_share_port(kept, conf, cl, 1) > 0) {
		fd = listen_open_fd(cl, gid, true);
		saved = errno;
		(void)listen_share_port(kept, conf, cl, 0);
		errno = saved;
	}
	if (fd == -1)
		return -1;

	l = listen_add(set, cl->text, fd);
	memcpy(&l->addr, &cl->addr, cl->addr_len);
	l->addr_len = cl->addr_len;
	if (cl->addr.ss_family == AF_UNIX)
		listen_note_path(l);
	return 0;
}

static const struct listener *
listen_find(const struct listeners *set, const struct conf_listen *cl)
{
	size_t	 i;

	for (i = 0; set != NULL && i < set->n; i++)
		if (set->v[i].addr_len == cl->addr_len &&
		    memcmp(&set->v[i].addr, &cl->addr, cl->addr_len) == 0)
			return &set->v[i];
	return NULL;
}

/*
 * The default names both loopback addresses, and the service must start on a
 * machine without IPv6 too.
 */
static bool
listen_may_skip(const struct conf_listen *cl, int error)
{
	const struct sockaddr_in6	*sin6;

	sin6 = (const struct sockaddr_in6 *)&cl->addr;
	return cl->addr.ss_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr) &&
	    (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

/* "[::]:80" and "[::1]:80" exclude each other. */
static bool
listen_has_rival(const struct conf *conf, const struct conf_listen *cl)
{
	const struct conf_listen	*other;
	size_t				 i;

	for (i = 0; i < conf->nlisten; i++) {
		other = &conf->listen[i];
		if (other != cl && listen_port(&cl->addr) != 0 &&
		    other->addr.ss_family == cl->addr.ss_family &&
		    listen_port(&other->addr) == listen_port(&cl->addr))
			return true;
	}
	return false;
}

static void
listen_complain(const struct conf *conf, const char *keyword,
    const struct conf_listen *cl, int error, struct buf *errors)
{
	char		 name[32], cause[SELFTEST_CAUSE_LEN];
	const char	*hint = selftest_hint(error);
	int		 refusal;

	if (selftest_is_refusal(error) && selftest_find_refused("socket/"
	    "bind/listen/connect/setsockopt", name, sizeof(name), &refusal)) {
		(void)buf_addf(errors, "%s %s: %s: %s: %s\n", keyword,
		    cl->text, name, strerror(refusal),
		    selftest_explain(cause, name, refusal));
		return;
	}
	if (error == EEXIST)
		hint = " (it is not a socket)";
	else if (error == EACCES && cl->addr.ss_family != AF_UNIX)
		hint = " (ports below 1024 are for root)";
	else if (error == EADDRINUSE)
		hint = listen_has_rival(conf, cl) ?
		    "; another line of listen has that port, or stop the "
		    "program that listens there" :
		    "; stop the program that listens there, or set another";
	(void)buf_addf(errors, "%s %s: %s%s\n", keyword, cl->text,
	    strerror(error), hint);
}

static void
listen_share(struct listeners *set, const struct listener *old)
{
	struct listener	*l = listen_add(set, old->text, old->fd);

	l->addr = old->addr;
	l->addr_len = old->addr_len;
	l->name = old->name;
	l->name_len = old->name_len;
	l->st = old->st;
	if (old->path != NULL && (l->path = strdup(old->path)) == NULL)
		fatal("out of memory");
}

/* Those of the conf's listen, which may be another keyword's. */
static int
listen_open_set(struct listeners *set, const struct conf *conf,
    const char *keyword, const struct listeners *kept, gid_t gid,
    struct buf *errors)
{
	const struct conf_listen	*cl;
	const struct listener		*old;
	size_t				 i;
	int				 bad = 0;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < conf->nlisten; i++) {
		cl = &conf->listen[i];
		if (listen_find(set, cl) != NULL) {
			listen_complain(conf, keyword, cl, EADDRINUSE, errors);
			bad = 1;
		} else if ((old = listen_find(kept, cl)) != NULL) {
			listen_share(set, old);
		} else if (listen_open_one(set, conf, cl, kept,
		    gid) == -1) {
			if (listen_may_skip(cl, errno) && conf->nlisten > 1) {
				log_warn("not listening on %s: %s", cl->text,
				    strerror(errno));
				continue;
			}
			listen_complain(conf, keyword, cl, errno, errors);
			bad = 1;
		}
	}
	if (set->n == 0 && conf->nlisten > 0 && !bad) {
		(void)buf_addf(errors, "listen: none of the addresses "
		    "exists\n");
		bad = 1;
	}
	if (bad)
		listen_close(set, kept);
	return bad ? -1 : 0;
}

int
listen_open(struct listeners *set, const struct conf *conf,
    const struct listeners *kept, gid_t gid, struct buf *errors)
{
	return listen_open_set(set, conf, "listen", kept, gid, errors);
}

int
listen_open_metrics(struct listeners *set, const struct conf *conf,
    const struct listeners *kept, gid_t gid, struct buf *errors)
{
	struct conf	 view = *conf;

	view.listen = conf->metrics;
	view.nlisten = conf->metrics != NULL;
	return listen_open_set(set, &view, "metrics", kept, gid, errors);
}

int
listen_open_control(struct listeners *set, const char *path,
    const struct listeners *kept)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct conf_listen	 cl = { .addr_len = sizeof(sun) };
	const struct listener	*old;
	struct listener		*l;
	int			 fd, saved;

	memset(set, 0, sizeof(*set));
	(void)strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	memcpy(&cl.addr, &sun, sizeof(sun));
	if ((old = listen_find(kept, &cl)) != NULL) {
		listen_share(set, old);
		return 0;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (listen_bind_unix(fd, &cl, (gid_t)-1, 0177) == -1 ||
	    listen(fd, CONTROL_BACKLOG) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	l = listen_add(set, path, fd);
	memcpy(&l->addr, &cl.addr, cl.addr_len);
	l->addr_len = cl.addr_len;
	listen_note_path(l);
	return 0;
}

static bool
listen_is_alive(const struct listener *l)
{
	struct pollfd		 pfd = { .fd = l->fd, .events = POLLRDHUP };
	struct sockaddr_storage	 name;
	socklen_t		 len = sizeof(int), name_len = sizeof(name);
	int			 value;

	if (getsockopt(l->fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == -1 ||
	    value != 1)
		return false;
	/* A Unix socket that was shut down still claims to listen.  A signal
	   may interrupt even this. */
	if (poll(&pfd, 1, 0) > 0)
		return false;
	memset(&name, 0, sizeof(name));
	return getsockname(l->fd, (struct sockaddr *)&name, &name_len) == 0 &&
	    name_len == l->name_len && memcmp(&name, &l->name, name_len) == 0;
}

/* Without a connection to anywhere, at its old address.  0, or -1 with
   errno: Unix sockets cannot do it. */
static int
listen_again(const struct listener *l)
{
	static const struct sockaddr	 nowhere = { .sa_family = AF_UNSPEC };

	if (connect(l->fd, &nowhere, sizeof(nowhere)) == -1 ||
	    listen_set_tcp(l->fd) == -1 ||
	    listen(l->fd, LISTEN_BACKLOG) == -1)
		return -1;
	if (listen_is_alive(l))
		return 0;
	/* The port was not its own: it was bound to any. */
	errno = EADDRNOTAVAIL;
	return -1;
}

/* The descriptor stays the same, since a reload may have it twice. */
static int
listen_replace(struct listener *l, gid_t gid)
{
	struct conf_listen	 cl = { l->text, l->addr, l->addr_len };
	int			 fd, rv;

	fd = listen_open_fd(&cl, gid, false);
	if (fd == -1)
		return -1;
	rv = dup3(fd, l->fd, O_CLOEXEC);
	close(fd);
	if (rv == -1)
		return -1;
	if (l->addr.ss_family == AF_UNIX)
		listen_note_path(l);
	return 0;
}

int
listen_revive(struct listeners *set, gid_t gid, struct buf *errors)
{
	struct listener	*l;
	size_t		 i;
	int		 n = 0;

	for (i = 0; i < set->n; i++) {
		l = &set->v[i];
		if (listen_is_alive(l))
			continue;
		n++;
		log_error("%s did not listen any more: the front has shut it "
		    "down or connected it", l->text);
		if (listen_again(l) == 0)
			continue;
		if (set->activated) {
			(void)buf_addf(errors, "%s cannot be made to listen "
			    "again (%s): restart the .socket unit\n", l->text,
			    strerror(errno));
			return -1;
		}
		if (listen_replace(l, gid) == -1) {
			(void)buf_addf(errors, "listen %s: it cannot be "
			    "opened again: %s\n", l->text, strerror(errno));
			return -1;
		}
	}
	return n;
}

static bool
listen_has_fd(const struct listeners *set, int fd)
{
	size_t	 i;

	for (i = 0; set != NULL && i < set->n; i++)
		if (set->v[i].fd == fd)
			return true;
	return false;
}

void
listen_close(struct listeners *set, const struct listeners *kept)
{
	struct listener	*l;
	size_t		 i;

	for (i = 0; i < set->n; i++) {
		l = &set->v[i];
		if (!listen_has_fd(kept, l->fd)) {
			close(l->fd);
			/* Another server may have bound there since. */
			if (l->path != NULL)
				(void)files_unlink(l->path, &l->st);
		}
		free(l->path);
		free(l->text);
	}
	free(set->v);
	memset(set, 0, sizeof(*set));
}
