/* SPDX-License-Identifier: ISC */
/*
 * Many clients at once, each from an address of its own, asking for the same.
 *
 *	burst -n clients -p port [-o answer] target
 *
 * All of them connect before the first one reads.  Every answer must be 200
 * with the same body, which is left in the file answer.  Exit status 1 if one
 * is not, or does not come within two minutes.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_S		120
#define EVENTS		256
#define FIRST_ADDRESS	0x7f010001	/* 127.1.0.1 */

enum end { END_RIGHT, END_REFUSED, END_STATUS, END_OTHER, END_CUT, ENDS };

static const char *const	end_names[ENDS] = {
	[END_RIGHT] = "right", [END_REFUSED] = "refused or reset",
	[END_STATUS] = "of another status", [END_OTHER] = "with another body",
	[END_CUT] = "cut short",
};

struct client {
	int	 fd;
	bool	 asked;
	char	*got;
	size_t	 len;
	size_t	 want;		/* 0: the head is not there yet */
	size_t	 head;
};

struct burst {
	int		 epoll;
	struct client	*clients;
	size_t		 n;
	size_t		 left;
	char		 request[2048];
	size_t		 request_len;
	char		*body;		/* of the first answer */
	size_t		 body_len;
	char		 odd[128];	/* status line, of the last odd one */
	size_t		 ends[ENDS];
	double		 begun;
	double		 slowest;
};

static double
now(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
client_end(struct burst *b, struct client *c, enum end end)
{
	close(c->fd);
	free(c->got);
	c->got = NULL;
	c->fd = -1;
	b->ends[end]++;
	b->left--;
	b->slowest = now() - b->begun;
}

static enum end
client_judge(struct burst *b, struct client *c)
{
	const char	*body = c->got + c->head;
	size_t		 len = c->len - c->head;

	if (strncmp(c->got, "HTTP/1.1 200 ", 13) != 0) {
		snprintf(b->odd, sizeof(b->odd), "%.*s",
		    (int)strcspn(c->got, "\r\n"), c->got);
		return END_STATUS;
	}
	if (b->body == NULL) {
		b->body = malloc(len + 1);
		if (b->body == NULL)
			err(1, NULL);
		memcpy(b->body, body, len);
		b->body_len = len;
	}
	return len == b->body_len && memcmp(body, b->body, len) == 0 ?
	    END_RIGHT : END_OTHER;
}

/* How long will it be? */
static void
client_look_at_head(struct client *c)
{
	const char	*end, *length;

	c->got[c->len] = '\0';
	end = strstr(c->got, "\r\n\r\n");
	length = strcasestr(c->got, "\r\ncontent-length:");
	if (end == NULL || length == NULL || length > end)
		return;
	c->head = (size_t)(end - c->got) + 4;
	c->want = c->head + strtoul(length + 17, NULL, 10);
	c->got = realloc(c->got, c->want + 1);
	if (c->got == NULL)
		err(1, NULL);
}

static void
client_read(struct burst *b, struct client *c)
{
	size_t	room;
	ssize_t	n;

	if (c->got == NULL && (c->got = malloc(4096)) == NULL)
		err(1, NULL);
	room = (c->want == 0 ? 4095 : c->want) - c->len;
	n = read(c->fd, c->got + c->len, room);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_end(b, c, n == 0 && c->len > 0 ? END_CUT : END_REFUSED);
		return;
	}
	c->len += (size_t)n;
	if (c->want == 0)
		client_look_at_head(c);
	if (c->want != 0 && c->len >= c->want)
		client_end(b, c, client_judge(b, c));
	else if (c->want == 0 && c->len == 4095)
		client_end(b, c, END_OTHER);
}

static void
client_ask(struct burst *b, struct client *c)
{
	struct epoll_event	ev = { .events = EPOLLIN, .data.ptr = c };

	/* Fits into every empty socket. */
	if (write(c->fd, b->request, b->request_len) !=
	    (ssize_t)b->request_len) {
		client_end(b, c, END_REFUSED);
		return;
	}
	c->asked = true;
	epoll_ctl(b->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static void
client_connect(struct burst *b, struct client *c, size_t i, uint16_t port)
{
	struct epoll_event	ev = { .events = EPOLLOUT, .data.ptr = c };
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	int			on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		err(1, "socket %zu", i);
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on));
	sin.sin_addr.s_addr = htonl(FIRST_ADDRESS + (uint32_t)i);
	if (bind(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(port);
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
	    errno != EINPROGRESS)
		client_end(b, c, END_REFUSED);
	else if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
burst_run(struct burst *b, uint16_t port)
{
	struct epoll_event	events[EVENTS];
	struct client		*c;
	size_t			 i;
	int			 n;

	b->begun = now();
	for (i = 0; i < b->n; i++)
		client_connect(b, &b->clients[i], i, port);
	while (b->left > 0 && now() - b->begun < LIMIT_S) {
		n = epoll_wait(b->epoll, events, EVENTS, 1000);
		for (i = 0; n > 0 && i < (size_t)n; i++) {
			c = events[i].data.ptr;
			if (!c->asked)
				client_ask(b, c);
			else
				client_read(b, c);
		}
	}
}

static int
burst_report(const struct burst *b, const char *answer)
{
	size_t	i;
	int	fd;

	printf("%zu right in %.2f s", b->ends[END_RIGHT], b->slowest);
	for (i = END_RIGHT + 1; i < ENDS; i++)
		if (b->ends[i] > 0)
			printf(", %zu %s", b->ends[i], end_names[i]);
	if (b->odd[0] != '\0')
		printf(" (%s)", b->odd);
	if (b->left > 0)
		printf(", %zu not at all", b->left);
	printf("\n");
	if (answer != NULL && b->body != NULL) {
		fd = open(answer, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd == -1 || write(fd, b->body, b->body_len) !=
		    (ssize_t)b->body_len)
			err(1, "%s", answer);
		close(fd);
	}
	return b->ends[END_RIGHT] == b->n ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct burst	 b = { .n = 1000 };
	struct rlimit	 rl;
	const char	*answer = NULL;
	uint16_t	 port = 8080;
	int		 ch;

	while ((ch = getopt(argc, argv, "n:o:p:")) != -1)
		switch (ch) {
		case 'n':
			b.n = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			answer = optarg;
			break;
		case 'p':
			port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	if (optind + 1 != argc)
		errx(2, "one target, please");
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	b.request_len = (size_t)snprintf(b.request, sizeof(b.request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n"
	    "\r\n", argv[optind], port);
	b.epoll = epoll_create1(0);
	b.clients = calloc(b.n, sizeof(*b.clients));
	if (b.epoll == -1 || b.clients == NULL ||
	    b.request_len >= sizeof(b.request))
		err(1, NULL);
	b.left = b.n;
	burst_run(&b, port);
	return burst_report(&b, answer);
}
