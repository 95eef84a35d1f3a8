/* SPDX-License-Identifier: ISC */
/*
 * The service manager's view: real datagram sockets, by path and abstract.
 */
#include <sys/un.h>

#include <stddef.h>

#include "pkgtorrentd/parent/notify.h"
#include "tests/lib/test.h"

/* name as in $NOTIFY_SOCKET. */
static int
manager_open(const char *name)
{
	struct sockaddr_un	 sun;
	socklen_t		 len;
	int			 fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, name, strlen(name));
	len = offsetof(struct sockaddr_un, sun_path) + strlen(name);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	else
		len++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(bind(fd, (struct sockaddr *)&sun, len), 0);
	return fd;
}

static void
manager_expect(int fd, const char *text)
{
	char	 got[2048];
	ssize_t	 n;

	n = recv(fd, got, sizeof(got) - 1, 0);
	ATF_REQUIRE_MSG(n >= 0, "nothing was sent");
	got[n] = '\0';
	ATF_CHECK_STREQ(got, text);
}

static struct notify n;

static const char *
abstract(void)
{
	return fmt("@pkgtorrentd/notify_test.%d", (int)getpid());
}

TEST(notify__path)
{
	const char	*path = fmt("/tmp/notify_test.%d", (int)getpid());
	int		 fd;

	fd = manager_open(path);
	notify_open(&n, path);
	notify_send(&n, "READY=1\nSTATUS=%d walkers\n", 3);
	(void)unlink(path);
	manager_expect(fd, "READY=1\nSTATUS=3 walkers\n");
}

TEST(notify__abstract)
{
	int		 fd = manager_open(abstract());

	notify_open(&n, abstract());
	notify_send(&n, "STOPPING=1\n");
	manager_expect(fd, "STOPPING=1\n");
}

/* A status that does not fit is cut, and still a datagram. */
TEST(notify__long_status)
{
	char		 text[3000];
	int		 fd = manager_open(abstract());
	ssize_t		 len;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	notify_open(&n, abstract());
	notify_send(&n, "STATUS=%s", text);
	len = recv(fd, text, sizeof(text), 0);
	ATF_CHECK(len > 100 && len < (ssize_t)sizeof(text));
	ATF_CHECK_EQ(memcmp(text, "STATUS=xxx", 10), 0);
}

/* Nobody there, or a name that is none: not an error, and nothing waits. */
TEST(notify__nobody)
{
	static const char *const names[] = { NULL, "", "@", "/", "relative",
	    "vsock:2:1234", "/nonexistent/notify" };
	char		 longest[200];
	size_t		 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		notify_open(&n, names[i]);
		notify_send(&n, "READY=1\n");
		if (i + 1 < sizeof(names) / sizeof(names[0]))
			ATF_CHECK_EQ(n.fd, -1);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	notify_open(&n, longest);
	ATF_CHECK_EQ(n.fd, -1);
}

/* A manager that has stopped reading does not stop the service. */
TEST(notify__full_socket)
{
	int		 i;

	(void)manager_open(abstract());
	notify_open(&n, abstract());
	for (i = 0; i < 10000; i++)
		notify_send(&n, "STATUS=%d\n", i);
}

/* A status is sent when it is another one, and never longer than it may be. */
TEST(notify__status)
{
	struct conf	 conf = { .nroots = 1, .hashers = 1 };
	char		 got[2048];
	int		 fd;

	fd = manager_open(abstract());
	notify_open(&n, abstract());
	notify_status(&n, "%u answers", 1);
	manager_expect(fd, "STATUS=1 answers\n");
	notify_status(&n, "%u answers", 1);
	ATF_CHECK_EQ(-1, recv(fd, got, sizeof(got), 0));
	notify_status(&n, "%u answers", 2);
	manager_expect(fd, "STATUS=2 answers\n");
	/* The end of a reload has a status of its own. */
	notify_ready(&n, &conf, false);
	ATF_CHECK(recv(fd, got, sizeof(got), 0) > 0);
	notify_status(&n, "%u answers", 2);
	manager_expect(fd, "STATUS=2 answers\n");
	notify_status(&n, "%01000d", 1);
	ATF_CHECK_EQ((ssize_t)(sizeof("STATUS=\n") - 1 +
	    sizeof(n.status) - 1), recv(fd, got, sizeof(got), 0));
}
