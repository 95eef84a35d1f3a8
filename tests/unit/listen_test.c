/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets as clients and the service manager meet them.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <stdarg.h>

#include "pkgtorrentd/parent/listen.h"
#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"

static struct buf		errors;
static struct listeners	set, other;
static struct stat	st;
static char		path[256];	/* of a socket */

static void
free_conf(void *conf)
{
	conf_free(conf);
}

/* A configuration with these listen lines, freed at the end of the case. */
static struct conf * __attribute__((__format__(printf, 1, 2)))
conf_of(const char *lines, ...)
{
	char		 text[1024] = "root /tmp\n";
	struct conf	*conf;
	va_list		 ap;

	va_start(ap, lines);
	vsnprintf(text + strlen(text), sizeof(text) - strlen(text), lines, ap);
	va_end(ap);
	conf = good(text, NULL);
	test_at_end(free_conf, conf);
	return conf;
}

static struct conf *
conf_of_port(unsigned port)
{
	return conf_of("listen 127.0.0.1:%u\n", port);
}

static struct conf *
conf_of_ports(unsigned first, unsigned second)
{
	return conf_of("listen 127.0.0.1:%u\nlisten 127.0.0.1:%u\n", first,
	    second);
}

/* The path is in the directory that every case has to itself. */
static struct conf *
conf_of_socket(void)
{
	snprintf(path, sizeof(path), "%s/socket", here());
	(void)unlink(path);
	return conf_of("listen %s\n", path);
}

static int
open_all(struct listeners *l, const struct conf *conf,
    const struct listeners *old)
{
	return listen_open(l, conf, old, (gid_t)-1, &errors);
}

/* -1: it is not free. */
static int
bind_to(int type, in_addr_t addr, unsigned port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(addr),
	    .sin_port = htons((uint16_t)port) };
	int			 fd = socket(AF_INET, type, 0);

	ATF_REQUIRE(fd != -1);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Free now, at all addresses, and none that the kernel gives to a client of
   another test. */
static unsigned
free_port(void)
{
	unsigned	 port;
	int		 fd;

	do {
		port = 10000 + arc4random_uniform(22000);
		fd = bind_to(SOCK_STREAM, INADDR_ANY, port);
	} while (fd == -1);
	close(fd);
	return port;
}

/* A connection to an address of the configuration; -1 if none is made. */
static int
connect_to(const struct conf *conf, size_t i)
{
	const struct sockaddr	*addr = (const void *)&conf->listen[i].addr;
	int			 fd = socket(addr->sa_family, SOCK_STREAM, 0);

	ATF_REQUIRE(fd != -1);
	if (connect(fd, addr, conf->listen[i].addr_len) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
option_of(int fd, int level, int option)
{
	int		 value = -1;
	socklen_t	 len = sizeof(value);

	ATF_REQUIRE_EQ(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

static void
check_options(int fd)
{
	ATF_CHECK_EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ATF_CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ATF_CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static const char *
text_of(struct buf *b)
{
	ATF_REQUIRE_EQ(buf_add(b, "", 1), 0);
	return (const char *)b->data;
}

TEST(listen__tcp)
{
	struct conf	*conf = conf_of_port(free_port());

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	ATF_REQUIRE_EQ(set.n, 1);
	ATF_CHECK(connect_to(conf, 0) != -1);
	check_options(set.v[0].fd);

	listen_close(&set, NULL);
	ATF_CHECK_EQ(set.n, 0);
	ATF_CHECK_EQ(connect_to(conf, 0), -1);
}

TEST(listen__port_in_use)
{
	unsigned	 port = free_port();
	struct conf	*conf = conf_of_port(port);

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	ATF_CHECK_EQ(open_all(&other, conf, NULL), -1);
	ATF_CHECK_STREQ(text_of(&errors), fmt("listen 127.0.0.1:%u: Address "
	    "already in use; stop the program that listens there, or set "
	    "another\n", port));
	ATF_CHECK_EQ(other.n, 0);
	listen_close(&set, NULL);
}

/* One bad address: the good one is given up again, all bad ones are named. */
TEST(listen__all_or_nothing)
{
	unsigned	 first = free_port(), second = free_port();
	struct conf	*others = conf_of_ports(first, second), *conf;

	ATF_REQUIRE_EQ(open_all(&other, others, NULL), 0);
	conf = conf_of("listen 127.0.0.1:%u\nlisten 127.0.0.1:%u\n"
	    "listen 127.0.0.1:%u\n", first, free_port(), second);
	ATF_CHECK_EQ(open_all(&set, conf, NULL), -1);
	ATF_CHECK(strstr(text_of(&errors), fmt("listen 127.0.0.1:%u: ",
	    first)) != NULL);
	ATF_CHECK(strstr((char *)errors.data, fmt("listen 127.0.0.1:%u: ",
	    second)) != NULL);
	ATF_CHECK_EQ(connect_to(conf, 1), -1);
	listen_close(&other, NULL);
}

/* A reload that keeps an address does not turn away clients that wait there. */
TEST(listen__kept_queue)
{
	unsigned	 kept = free_port();
	struct conf	*before = conf_of_ports(free_port(), kept);
	struct conf	*after = conf_of_port(kept);

	ATF_REQUIRE_EQ(open_all(&other, before, NULL), 0);
	ATF_REQUIRE(connect_to(before, 1) != -1);

	ATF_REQUIRE_EQ(open_all(&set, after, &other), 0);
	listen_close(&other, &set);
	ATF_CHECK(accept(set.v[0].fd, NULL, NULL) != -1);
	ATF_CHECK_EQ(connect_to(before, 0), -1);
	listen_close(&set, NULL);
}

/* From all addresses to one of them: clients of the old socket are served, and
   when it has gone the port is nobody else's. */
TEST(listen__own_port)
{
	unsigned		 port = free_port();
	struct conf		*before = conf_of("listen 0.0.0.0:%u\n", port);
	struct conf		*after = conf_of_port(port);
	struct listeners	 third;

	ATF_REQUIRE_EQ(open_all(&other, before, NULL), 0);
	ATF_REQUIRE_EQ(open_all(&set, after, &other), 0);
	ATF_CHECK(connect_to(after, 0) != -1);
	ATF_CHECK(accept(set.v[0].fd, NULL, NULL) != -1);
	ATF_CHECK_EQ(0, option_of(other.v[0].fd, SOL_SOCKET, SO_REUSEPORT));
	ATF_CHECK_EQ(0, option_of(set.v[0].fd, SOL_SOCKET, SO_REUSEPORT));
	/* Without being about to go it shares with nobody. */
	ATF_CHECK_EQ(open_all(&third, before, NULL), -1);
	listen_close(&other, &set);
	ATF_CHECK_EQ(open_all(&third, before, NULL), -1);
	listen_close(&set, NULL);
}

/* A reload that fails leaves the old sockets alone. */
TEST(listen__failure_keeps_old)
{
	unsigned		 own = free_port(), foreign = free_port();
	struct conf		*before = conf_of_port(own);
	struct conf		*others = conf_of_port(foreign);
	struct conf		*after = conf_of_ports(own, foreign);
	struct listeners	 new;

	ATF_REQUIRE_EQ(open_all(&set, before, NULL), 0);
	ATF_REQUIRE_EQ(open_all(&other, others, NULL), 0);
	ATF_CHECK_EQ(open_all(&new, after, &set), -1);
	ATF_CHECK(connect_to(before, 0) != -1);
	listen_close(&set, NULL);
	listen_close(&other, NULL);
}

TEST(listen__unix)
{
	struct conf	*conf = conf_of_socket();

	ATF_REQUIRE_EQ(listen_open(&set, conf, NULL, getegid(), &errors), 0);
	ATF_REQUIRE_EQ(lstat(path, &st), 0);
	ATF_CHECK_EQ(st.st_mode & 0777, 0660);
	ATF_CHECK(connect_to(conf, 0) != -1);

	/* Another process answers there, and keeps it. */
	ATF_CHECK_EQ(open_all(&other, conf, NULL), -1);
	ATF_CHECK(strstr(text_of(&errors), "Address already in use") != NULL);

	listen_close(&set, NULL);
	ATF_CHECK_EQ(lstat(path, &st), -1);
}

/* Left behind by a parent that was killed. */
TEST(listen__unix_stale)
{
	struct conf	*conf = conf_of_socket();

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	close(set.v[0].fd);
	ATF_REQUIRE_EQ(lstat(path, &st), 0);
	ATF_CHECK_EQ(open_all(&set, conf, NULL), 0);
	ATF_CHECK(connect_to(conf, 0) != -1);
	listen_close(&set, NULL);
}

/* A file that is no socket is another program's. */
TEST(listen__unix_other_file)
{
	struct conf	*conf = conf_of_socket();
	int		 fd = open(path, O_CREAT | O_WRONLY, 0600);

	ATF_REQUIRE_EQ(write(fd, "mine", 4), 4);
	close(fd);
	ATF_CHECK_EQ(open_all(&set, conf, NULL), -1);
	ATF_CHECK(strstr(text_of(&errors), "not a socket") != NULL);
	ATF_REQUIRE_EQ(lstat(path, &st), 0);
	ATF_CHECK_EQ(st.st_size, 4);
}

/* A process that bound there after us keeps it. */
TEST(listen__unix_replaced)
{
	struct conf	*conf = conf_of_socket();

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	ATF_REQUIRE_EQ(unlink(path), 0);
	ATF_REQUIRE_EQ(open_all(&other, conf, NULL), 0);
	listen_close(&set, NULL);
	ATF_CHECK_EQ(lstat(path, &st), 0);
	listen_close(&other, NULL);
}

/* What a front that was broken into can do to a socket, if no filter stops it:
   the parent has the same one. */
static void
ruin(int fd, const struct conf *elsewhere)
{
	const struct sockaddr	*to = (const void *)&elsewhere->listen[0].addr;

	ATF_REQUIRE_EQ(0, shutdown(fd, SHUT_RDWR));
	if (to->sa_family == AF_INET)
		(void)sendto(fd, "x", 1, MSG_FASTOPEN, to,
		    elsewhere->listen[0].addr_len);
}

TEST(listen__revived)
{
	struct conf	*conf = conf_of_port(free_port());
	struct conf	*elsewhere = conf_of_port(free_port());
	int		 fd, n;

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	ATF_REQUIRE_EQ(open_all(&other, elsewhere, NULL), 0);
	fd = set.v[0].fd;
	for (n = 0; n < 3; n++) {
		ruin(fd, elsewhere);
		ATF_CHECK_EQ(connect_to(conf, 0), -1);
		ATF_REQUIRE_EQ(1, listen_revive(&set, (gid_t)-1, &errors));
		ATF_CHECK_EQ(fd, set.v[0].fd);
		ATF_CHECK(connect_to(conf, 0) != -1);
		check_options(fd);
	}
	/* It is left alone from then on, with the connections that wait. */
	ATF_REQUIRE_EQ(0, listen_revive(&set, (gid_t)-1, &errors));
	ATF_CHECK(accept(fd, NULL, NULL) != -1);
	ATF_CHECK_EQ(0, errors.len);
	listen_close(&set, NULL);
	listen_close(&other, NULL);
}

/* All addresses are all addresses again, not the one that was used for the
   connection to elsewhere. */
TEST(listen__revived_for_all)
{
	struct conf	*conf = conf_of("listen 0.0.0.0:%u\n", free_port());
	struct conf	*elsewhere = conf_of_port(free_port());
	struct sockaddr_in sin;
	socklen_t	 len = sizeof(sin);

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	ATF_REQUIRE_EQ(open_all(&other, elsewhere, NULL), 0);
	ruin(set.v[0].fd, elsewhere);
	ATF_REQUIRE_EQ(1, listen_revive(&set, (gid_t)-1, &errors));
	ATF_REQUIRE_EQ(0, getsockname(set.v[0].fd, (struct sockaddr *)&sin,
	    &len));
	ATF_CHECK_EQ(htonl(INADDR_ANY), sin.sin_addr.s_addr);
	listen_close(&set, NULL);
	listen_close(&other, NULL);
}

/* It cannot listen again, and another one takes its place. */
TEST(listen__unix_revived)
{
	struct conf	*conf = conf_of_socket();
	int		 fd;

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	fd = set.v[0].fd;
	ATF_REQUIRE_EQ(0, shutdown(fd, SHUT_RD));
	ATF_CHECK_EQ(connect_to(conf, 0), -1);
	ATF_REQUIRE_EQ(1, listen_revive(&set, getegid(), &errors));
	ATF_CHECK_EQ(fd, set.v[0].fd);
	ATF_CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ATF_CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ATF_CHECK(connect_to(conf, 0) != -1);
	ATF_REQUIRE_EQ(lstat(path, &st), 0);
	ATF_CHECK_EQ(st.st_mode & 0777, 0660);
	ATF_CHECK_EQ(0, listen_revive(&set, getegid(), &errors));
	listen_close(&set, NULL);
	ATF_CHECK_EQ(lstat(path, &st), -1);
}

/* The service manager has it, and only it can open another one. */
TEST(listen__activated_cannot_be_revived)
{
	struct conf	*conf = conf_of_socket();

	ATF_REQUIRE_EQ(open_all(&set, conf, NULL), 0);
	set.activated = true;
	ATF_REQUIRE_EQ(0, shutdown(set.v[0].fd, SHUT_RDWR));
	ATF_CHECK_EQ(-1, listen_revive(&set, getegid(), &errors));
	ATF_CHECK(strstr(text_of(&errors), "restart the .socket unit") !=
	    NULL);
	buf_free(&errors);
	set.activated = false;
	listen_close(&set, NULL);
}

static void
environment(const char *pid, const char *fds)
{
	(void)setenv("LISTEN_PID", pid == NULL ? fmt("%d", (int)getpid()) :
	    pid, 1);
	(void)setenv("LISTEN_FDS", fds, 1);
	(void)setenv("LISTEN_FDNAMES", "a:b", 1);
}

static void
check_environment_is_clean(void)
{
	ATF_CHECK(getenv("LISTEN_PID") == NULL);
	ATF_CHECK(getenv("LISTEN_FDS") == NULL);
	ATF_CHECK(getenv("LISTEN_FDNAMES") == NULL);
}

static void
place_socket(int at, int type, bool listening)
{
	int	 fd = bind_to(type, INADDR_LOOPBACK, 0);

	if (listening)
		ATF_REQUIRE_EQ(listen(fd, 1), 0);
	if (fd != at) {
		ATF_REQUIRE_EQ(dup2(fd, at), at);
		close(fd);
	}
}

#define ACTIVATION_FDS	3

/*
 * These numbers may be taken: newer versions of libatf keep the file for the
 * result of the case open.  Out of the way with it, and back at the end.
 */
static void
clear_fds(int kept[ACTIVATION_FDS])
{
	int	 i;

	for (i = 0; i < ACTIVATION_FDS; i++) {
		kept[i] = fcntl(LISTEN_FIRST_FD + i, F_DUPFD_CLOEXEC, 100);
		(void)close(LISTEN_FIRST_FD + i);
	}
}

static void
restore_fds(const int kept[ACTIVATION_FDS])
{
	int	 i;

	for (i = 0; i < ACTIVATION_FDS; i++) {
		(void)close(LISTEN_FIRST_FD + i);
		if (kept[i] != -1)
			(void)dup2(kept[i], LISTEN_FIRST_FD + i);
	}
}

TEST(listen__activation)
{
	size_t			 i;
	int			 kept[ACTIVATION_FDS];

	clear_fds(kept);
	place_socket(LISTEN_FIRST_FD, SOCK_STREAM, true);
	place_socket(LISTEN_FIRST_FD + 1, SOCK_STREAM, true);
	environment(NULL, "2");
	ATF_REQUIRE_EQ(listen_take(&set, &errors), 1);
	check_environment_is_clean();
	ATF_REQUIRE_EQ(set.n, 2);
	ATF_CHECK(set.activated);
	for (i = 0; i < set.n; i++) {
		ATF_CHECK_EQ(set.v[i].fd, LISTEN_FIRST_FD + (int)i);
		check_options(set.v[i].fd);
	}
	listen_close(&set, NULL);
	restore_fds(kept);
}

/* Inherited through a process that was meant: not ours. */
TEST(listen__activation_of_another)
{
	environment("1", "1");
	ATF_CHECK_EQ(listen_take(&set, &errors), 0);
	ATF_CHECK_EQ(errors.len, 0);
	check_environment_is_clean();
	environment("x", "1");
	ATF_CHECK_EQ(listen_take(&set, &errors), 0);
	environment(NULL, "0");
	ATF_CHECK_EQ(listen_take(&set, &errors), 0);
	ATF_CHECK_EQ(listen_take(&set, &errors), 0);
	ATF_CHECK_EQ(errors.len, 0);
}

TEST(listen__activation_wrong)
{
	int			 kept[ACTIVATION_FDS];

	clear_fds(kept);
	place_socket(LISTEN_FIRST_FD, SOCK_STREAM, false);
	place_socket(LISTEN_FIRST_FD + 1, SOCK_DGRAM, false);
	environment(NULL, "3");
	ATF_CHECK_EQ(listen_take(&set, &errors), -1);
	ATF_CHECK(strstr(text_of(&errors), "descriptor 3 is not") != NULL);
	ATF_CHECK(strstr((char *)errors.data, "restart the .socket unit") !=
	    NULL);
	ATF_CHECK(strstr((char *)errors.data, "descriptor 4 is not") != NULL);
	ATF_CHECK(strstr((char *)errors.data, "descriptor 5 is not") != NULL);
	check_environment_is_clean();
	buf_free(&errors);
	restore_fds(kept);

	environment(NULL, "many");
	ATF_CHECK_EQ(listen_take(&set, &errors), -1);
	ATF_CHECK(strstr(text_of(&errors), "expected a number") != NULL);
	check_environment_is_clean();
	buf_free(&errors);
}
