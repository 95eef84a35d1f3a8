/*
 * Listening sockets as clients and the service manager meet them.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkgtorrentd/parent/listen.h"
#include "tests/lib/test.h"

static const struct strings	no_overrides;

/* A configuration with these listen lines. */
static struct conf *
conf_of(const char *lines)
{
	struct buf	 errors = { 0 };
	struct conf	*conf;
	char		 text[1024];

	snprintf(text, sizeof(text), "root /tmp\n%s", lines);
	conf = conf_parse("test.conf", text, strlen(text), &no_overrides,
	    &errors);
	ATF_REQUIRE_MSG(conf != NULL, "%.*s", (int)errors.len,
	    (const char *)errors.data);
	return conf;
}

static unsigned
port_of(int fd)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);

	ATF_REQUIRE_EQ(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	return ntohs(sin.sin_port);
}

/* Free now; the kernel does not give out the same one again at once. */
static unsigned
free_port(void)
{
	struct sockaddr_in	 sin;
	unsigned		 port;
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ATF_REQUIRE_EQ(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	port = port_of(fd);
	close(fd);
	return port;
}

static int
connect_to(const struct sockaddr_storage *addr, socklen_t len)
{
	int	 fd;

	fd = socket(addr->ss_family, SOCK_STREAM, 0);
	ATF_REQUIRE(fd != -1);
	if (connect(fd, (const struct sockaddr *)addr, len) == -1) {
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

static const char *
text_of(struct buf *errors)
{
	ATF_REQUIRE_EQ(buf_add(errors, "", 1), 0);
	return (const char *)errors->data;
}

/* In the directory that every test case has to itself. */
static void
socket_path(char *path, size_t len)
{
	char	*dir = getcwd(NULL, 0);

	ATF_REQUIRE(dir != NULL);
	snprintf(path, len, "%s/socket", dir);
	free(dir);
	(void)unlink(path);
}

static struct buf errors;

TEST(listen__tcp)
{
	struct listeners	 set;
	struct conf		*conf;
	char			 line[64];
	int			 fd;

	snprintf(line, sizeof(line), "listen 127.0.0.1:%u\n", free_port());
	conf = conf_of(line);
	ATF_REQUIRE_EQ(listen_open(&set, conf, NULL, (gid_t)-1, &errors), 0);
	ATF_REQUIRE_EQ(set.n, 1);
	fd = connect_to(&conf->listen[0].addr, conf->listen[0].addr_len);
	ATF_CHECK(fd != -1);
	ATF_CHECK_EQ(option_of(set.v[0].fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ATF_CHECK(fcntl(set.v[0].fd, F_GETFD) & FD_CLOEXEC);
	ATF_CHECK(fcntl(set.v[0].fd, F_GETFL) & O_NONBLOCK);

	listen_close(&set, NULL);
	ATF_CHECK_EQ(set.n, 0);
	ATF_CHECK_EQ(connect_to(&conf->listen[0].addr,
	    conf->listen[0].addr_len), -1);
	conf_free(conf);
}

TEST(listen__port_in_use)
{
	struct listeners	 first, second;
	struct conf		*conf;
	char			 line[64], want[128];
	unsigned		 port = free_port();

	snprintf(line, sizeof(line), "listen 127.0.0.1:%u\n", port);
	snprintf(want, sizeof(want), "listen 127.0.0.1:%u: Address already in "
	    "use; stop the program that listens there, or set another\n", port);
	conf = conf_of(line);
	ATF_REQUIRE_EQ(listen_open(&first, conf, NULL, (gid_t)-1, &errors), 0);
	ATF_CHECK_EQ(listen_open(&second, conf, NULL, (gid_t)-1, &errors), -1);
	ATF_CHECK_STREQ(text_of(&errors), want);
	ATF_CHECK_EQ(second.n, 0);
	buf_free(&errors);
	listen_close(&first, NULL);
	conf_free(conf);
}

/* One bad address: the good one is given up again, all bad ones are named. */
TEST(listen__all_or_nothing)
{
	struct listeners	 taken, set;
	struct conf		*others, *conf;
	char			 lines[128], want[2][64];
	unsigned		 first = free_port(), second = free_port();
	unsigned		 port = free_port();

	snprintf(lines, sizeof(lines), "listen 127.0.0.1:%u\n"
	    "listen 127.0.0.1:%u\n", first, second);
	others = conf_of(lines);
	ATF_REQUIRE_EQ(listen_open(&taken, others, NULL, (gid_t)-1, &errors),
	    0);
	snprintf(lines, sizeof(lines), "listen 127.0.0.1:%u\n"
	    "listen 127.0.0.1:%u\nlisten 127.0.0.1:%u\n", first, port,
	    second);
	conf = conf_of(lines);
	ATF_CHECK_EQ(listen_open(&set, conf, NULL, (gid_t)-1, &errors), -1);
	snprintf(want[0], sizeof(want[0]), "listen 127.0.0.1:%u: ", first);
	snprintf(want[1], sizeof(want[1]), "listen 127.0.0.1:%u: ", second);
	ATF_CHECK(strstr(text_of(&errors), want[0]) != NULL);
	ATF_CHECK(strstr((char *)errors.data, want[1]) != NULL);
	ATF_CHECK_EQ(connect_to(&conf->listen[1].addr,
	    conf->listen[1].addr_len), -1);
	buf_free(&errors);
	listen_close(&taken, NULL);
	conf_free(others);
	conf_free(conf);
}

/* A reload that keeps an address does not turn away waiting clients. */
TEST(listen__kept_queue)
{
	struct listeners	 old, new;
	struct conf		*before, *after;
	char			 lines[128];
	unsigned		 gone = free_port(), kept = free_port();
	int			 client, served;

	snprintf(lines, sizeof(lines), "listen 127.0.0.1:%u\n"
	    "listen 127.0.0.1:%u\n", gone, kept);
	before = conf_of(lines);
	ATF_REQUIRE_EQ(listen_open(&old, before, NULL, (gid_t)-1, &errors), 0);
	client = connect_to(&before->listen[1].addr,
	    before->listen[1].addr_len);
	ATF_REQUIRE(client != -1);

	snprintf(lines, sizeof(lines), "listen 127.0.0.1:%u\n", kept);
	after = conf_of(lines);
	ATF_REQUIRE_EQ(listen_open(&new, after, &old, (gid_t)-1, &errors), 0);
	listen_close(&old, &new);
	served = accept(new.v[0].fd, NULL, NULL);
	ATF_CHECK(served != -1);
	ATF_CHECK_EQ(connect_to(&before->listen[0].addr,
	    before->listen[0].addr_len), -1);
	listen_close(&new, NULL);
	conf_free(before);
	conf_free(after);
}

/* From all addresses to one of them: clients of the old socket are served, and
   when it has gone the port is nobody else's. */
TEST(listen__own_port)
{
	struct listeners	 old, new, other;
	struct conf		*before, *after;
	char			 lines[128];
	unsigned		 port = free_port();
	int			 client, value;
	socklen_t		 len = sizeof(value);

	snprintf(lines, sizeof(lines), "listen 0.0.0.0:%u\n", port);
	before = conf_of(lines);
	ATF_REQUIRE_EQ(listen_open(&old, before, NULL, (gid_t)-1, &errors), 0);
	snprintf(lines, sizeof(lines), "listen 127.0.0.1:%u\n", port);
	after = conf_of(lines);
	ATF_REQUIRE_EQ(listen_open(&new, after, &old, (gid_t)-1, &errors), 0);
	client = connect_to(&after->listen[0].addr, after->listen[0].addr_len);
	ATF_CHECK(client != -1);
	ATF_CHECK(accept(new.v[0].fd, NULL, NULL) != -1);
	ATF_REQUIRE_EQ(0, getsockopt(old.v[0].fd, SOL_SOCKET, SO_REUSEPORT,
	    &value, &len));
	ATF_CHECK_EQ(0, value);
	ATF_REQUIRE_EQ(0, getsockopt(new.v[0].fd, SOL_SOCKET, SO_REUSEPORT,
	    &value, &len));
	ATF_CHECK_EQ(0, value);
	/* Without being about to go it shares with nobody. */
	ATF_CHECK_EQ(listen_open(&other, before, NULL, (gid_t)-1, &errors),
	    -1);
	listen_close(&old, &new);
	ATF_CHECK_EQ(listen_open(&other, before, NULL, (gid_t)-1, &errors),
	    -1);
	buf_free(&errors);
	listen_close(&new, NULL);
	conf_free(before);
	conf_free(after);
}

/* A reload that fails leaves the old sockets alone. */
TEST(listen__failure_keeps_old)
{
	struct listeners	 old, new, taken;
	struct conf		*before, *other, *after;
	char			 lines[128], more[64];

	snprintf(lines, sizeof(lines), "listen 127.0.0.1:%u\n", free_port());
	snprintf(more, sizeof(more), "listen 127.0.0.1:%u\n", free_port());
	before = conf_of(lines);
	ATF_REQUIRE_EQ(listen_open(&old, before, NULL, (gid_t)-1, &errors), 0);
	other = conf_of(more);
	ATF_REQUIRE_EQ(listen_open(&taken, other, NULL, (gid_t)-1, &errors),
	    0);
	strlcat(lines, more, sizeof(lines));
	after = conf_of(lines);
	ATF_CHECK_EQ(listen_open(&new, after, &old, (gid_t)-1, &errors), -1);
	ATF_CHECK(connect_to(&before->listen[0].addr,
	    before->listen[0].addr_len) != -1);
	buf_free(&errors);
	listen_close(&old, NULL);
	listen_close(&taken, NULL);
	conf_free(before);
	conf_free(other);
	conf_free(after);
}

TEST(listen__unix)
{
	struct listeners	 set, second;
	struct conf		*conf;
	struct stat		 st;
	char			 path[256], line[300];

	socket_path(path, sizeof(path));
	snprintf(line, sizeof(line), "listen %s\n", path);
	conf = conf_of(line);
	ATF_REQUIRE_EQ(listen_open(&set, conf, NULL, getegid(), &errors), 0);
	ATF_REQUIRE_EQ(lstat(path, &st), 0);
	ATF_CHECK_EQ(st.st_mode & 0777, 0660);
	ATF_CHECK(connect_to(&conf->listen[0].addr,
	    conf->listen[0].addr_len) != -1);

	/* Somebody answers there: it stays theirs. */
	ATF_CHECK_EQ(listen_open(&second, conf, NULL, (gid_t)-1, &errors), -1);
	ATF_CHECK(strstr(text_of(&errors), "Address already in use") != NULL);
	buf_free(&errors);

	listen_close(&set, NULL);
	ATF_CHECK_EQ(lstat(path, &st), -1);
	conf_free(conf);
}

/* Left behind by a parent that was killed. */
TEST(listen__unix_stale)
{
	struct listeners	 set;
	struct conf		*conf;
	struct stat		 st;
	char			 path[256], line[300];

	socket_path(path, sizeof(path));
	snprintf(line, sizeof(line), "listen %s\n", path);
	conf = conf_of(line);
	ATF_REQUIRE_EQ(listen_open(&set, conf, NULL, (gid_t)-1, &errors), 0);
	close(set.v[0].fd);
	ATF_REQUIRE_EQ(lstat(path, &st), 0);
	ATF_CHECK_EQ(listen_open(&set, conf, NULL, (gid_t)-1, &errors), 0);
	ATF_CHECK(connect_to(&conf->listen[0].addr,
	    conf->listen[0].addr_len) != -1);
	listen_close(&set, NULL);
	conf_free(conf);
}

/* A file that is no socket is somebody's file. */
TEST(listen__unix_other_file)
{
	struct listeners	 set;
	struct conf		*conf;
	struct stat		 st;
	char			 path[256], line[300];
	int			 fd;

	socket_path(path, sizeof(path));
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ATF_REQUIRE_EQ(write(fd, "mine", 4), 4);
	close(fd);
	snprintf(line, sizeof(line), "listen %s\n", path);
	conf = conf_of(line);
	ATF_CHECK_EQ(listen_open(&set, conf, NULL, (gid_t)-1, &errors), -1);
	ATF_CHECK(strstr(text_of(&errors), "not a socket") != NULL);
	ATF_REQUIRE_EQ(lstat(path, &st), 0);
	ATF_CHECK_EQ(st.st_size, 4);
	buf_free(&errors);
	conf_free(conf);
}

/* A process that bound there after us keeps it. */
TEST(listen__unix_replaced)
{
	struct listeners	 set, other;
	struct conf		*conf;
	struct stat		 st;
	char			 path[256], line[300];

	socket_path(path, sizeof(path));
	snprintf(line, sizeof(line), "listen %s\n", path);
	conf = conf_of(line);
	ATF_REQUIRE_EQ(listen_open(&set, conf, NULL, (gid_t)-1, &errors), 0);
	ATF_REQUIRE_EQ(unlink(path), 0);
	ATF_REQUIRE_EQ(listen_open(&other, conf, NULL, (gid_t)-1, &errors), 0);
	listen_close(&set, NULL);
	ATF_CHECK_EQ(lstat(path, &st), 0);
	listen_close(&other, NULL);
	conf_free(conf);
}

static void
environment(const char *pid, const char *fds)
{
	char	 own[16];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", pid == NULL ? own : pid, 1);
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
	struct sockaddr_in	 sin;
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, type, 0);
	ATF_REQUIRE_EQ(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
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
	struct listeners	 set;
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
		ATF_CHECK(fcntl(set.v[i].fd, F_GETFD) & FD_CLOEXEC);
		ATF_CHECK(fcntl(set.v[i].fd, F_GETFL) & O_NONBLOCK);
		ATF_CHECK_EQ(option_of(set.v[i].fd, IPPROTO_TCP,
		    TCP_NODELAY), 1);
	}
	listen_close(&set, NULL);
	restore_fds(kept);
}

/* Inherited through a process that was meant: not ours. */
TEST(listen__activation_of_another)
{
	struct listeners	 set;

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
	struct listeners	 set;
	int			 kept[ACTIVATION_FDS];

	clear_fds(kept);
	place_socket(LISTEN_FIRST_FD, SOCK_STREAM, false);
	place_socket(LISTEN_FIRST_FD + 1, SOCK_DGRAM, false);
	environment(NULL, "3");
	ATF_CHECK_EQ(listen_take(&set, &errors), -1);
	ATF_CHECK(strstr(text_of(&errors), "descriptor 3 is not") != NULL);
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
