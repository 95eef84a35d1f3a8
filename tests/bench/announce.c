/* SPDX-License-Identifier: ISC */
/*
 * Clients that announce, each on a connection of its own, so many at a time.
 *
 *	announce -p port [-c connections] [-s seconds] paths
 *
 * Each line of the file paths is a target with its info_hash.  The client's
 * address, in X-Forwarded-For, and its port are random.  Prints the number of
 * answers with an interval and of all others, and latencies in ms; exit
 * status 1 if there are others.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS		256
#define ANSWER_MAX	16384
#define SAMPLES_MAX	(1 << 22)

struct client {
	int	 fd;
	bool	 asked;
	double	 begun;
	size_t	 len;
	char	 got[ANSWER_MAX];
};

struct load {
	int		 epoll;
	uint16_t	 port;
	char		**paths;
	size_t		 npaths;
	uint64_t	 number;	/* of the next announce */
	double		 end;
	size_t		 open;
	uint64_t	 good;
	uint64_t	 odd;
	char		 last_odd[200];
	float		*samples;	/* ms */
	size_t		 nsamples;
};

static double
now(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint32_t
any(uint32_t below)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static void
load_read_paths(struct load *l, const char *name)
{
	FILE	*f = fopen(name, "r");
	char	*line = NULL;
	size_t	 cap = 0;
	ssize_t	 n;

	if (f == NULL)
		err(1, "%s", name);
	while ((n = getline(&line, &cap, f)) > 0) {
		line[n - 1] = '\0';
		l->paths = reallocarray(l->paths, l->npaths + 1,
		    sizeof(*l->paths));
		if (l->paths == NULL ||
		    (l->paths[l->npaths++] = strdup(line)) == NULL)
			err(1, NULL);
	}
	free(line);
	fclose(f);
	if (l->npaths == 0)
		errx(1, "%s: no paths", name);
}

static void
client_connect(struct load *l, struct client *c)
{
	struct epoll_event	ev = { .events = EPOLLOUT, .data.ptr = c };
	struct sockaddr_in	sin = { .sin_family = AF_INET };

	c->len = 0;
	c->asked = false;
	c->begun = now();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		err(1, "socket");
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(l->port);
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
	    errno != EINPROGRESS)
		err(1, "connect");
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
	l->open++;
}

static void
client_end(struct load *l, struct client *c)
{
	c->got[c->len] = '\0';
	if (memmem(c->got, c->len, "8:intervali", 11) != NULL)
		l->good++;
	else {
		l->odd++;
		snprintf(l->last_odd, sizeof(l->last_odd), "%.150s",
		    c->len > 0 ? c->got : "nothing");
	}
	if (l->nsamples < SAMPLES_MAX)
		l->samples[l->nsamples++] = (float)((now() - c->begun) * 1e3);
	close(c->fd);
	l->open--;
	if (now() < l->end)
		client_connect(l, c);
}

static void
client_ask(struct load *l, struct client *c)
{
	struct epoll_event	ev = { .events = EPOLLIN, .data.ptr = c };
	uint64_t		n = l->number++;
	char			text[1024];
	int			len;

	len = snprintf(text, sizeof(text), "GET %s&port=%u&peer_id=-XX0000-"
	    "%012llu&uploaded=0&downloaded=0&left=%u&compact=1&numwant=50&"
	    "event=%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
	    "X-Forwarded-For: 11.%u.%u.%u\r\nConnection: close\r\n\r\n",
	    l->paths[n % l->npaths], 1 + any(65535), (unsigned long long)n,
	    any(4), n % 8 == 0 ? "started" : "", l->port, any(256), any(256),
	    1 + any(254));
	if (write(c->fd, text, (size_t)len) != len) {
		client_end(l, c);
		return;
	}
	c->asked = true;
	epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static void
client_read(struct load *l, struct client *c)
{
	ssize_t	n;

	n = read(c->fd, c->got + c->len, sizeof(c->got) - 1 - c->len);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n > 0)
		c->len += (size_t)n;
	if (n <= 0)
		client_end(l, c);
}

static void
load_run(struct load *l, size_t connections, double seconds)
{
	struct client		*clients, *c;
	struct epoll_event	 events[EVENTS];
	int			 i, n;
	size_t			 k;

	clients = calloc(connections, sizeof(*clients));
	if (clients == NULL)
		err(1, NULL);
	l->end = now() + seconds;
	for (k = 0; k < connections; k++)
		client_connect(l, &clients[k]);
	while (l->open > 0 && now() < l->end + 10) {
		n = epoll_wait(l->epoll, events, EVENTS, 1000);
		for (i = 0; i < n; i++) {
			c = events[i].data.ptr;
			if (!c->asked)
				client_ask(l, c);
			else
				client_read(l, c);
		}
	}
	free(clients);
}

static int
float_cmp(const void *a, const void *b)
{
	const float	x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	struct load	l = { .port = 6969 };
	size_t		connections = 64;
	double		seconds = 2;
	int		ch;

	while ((ch = getopt(argc, argv, "c:p:s:")) != -1)
		switch (ch) {
		case 'c':
			connections = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			l.port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 's':
			seconds = strtod(optarg, NULL);
			break;
		default:
			return 2;
		}
	if (optind + 1 != argc)
		errx(2, "one file of paths, please");
	load_read_paths(&l, argv[optind]);
	l.epoll = epoll_create1(0);
	l.samples = calloc(SAMPLES_MAX, sizeof(*l.samples));
	if (l.epoll == -1 || l.samples == NULL)
		err(1, NULL);
	load_run(&l, connections, seconds);
	qsort(l.samples, l.nsamples, sizeof(*l.samples), float_cmp);
	printf("good %llu odd %llu p50 %.2f p99 %.2f\n",
	    (unsigned long long)l.good, (unsigned long long)l.odd,
	    l.nsamples > 0 ? (double)l.samples[l.nsamples / 2] : 0,
	    l.nsamples > 0 ? (double)l.samples[l.nsamples * 99 / 100] : 0);
	if (l.odd > 0)
		fprintf(stderr, "one of them: %s\n", l.last_odd);
	return l.odd > 0 || l.open > 0;
}
