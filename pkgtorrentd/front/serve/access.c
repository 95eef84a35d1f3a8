#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/timer.h"
#include "pkgtorrentd/front/serve/access.h"

#define BLOCK_MAX	(MSG_TAIL_MAX - 8192)	/* so that a line fits */
#define WAIT_MS		100
#define FIELD_MAX	2500			/* of a line, escaped */

/*
 * A disk that fills up takes half a line; the next line, when there is room
 * again, begins on a new one.
 */
static void
access_write(struct access *a)
{
	struct iovec iov[2] = { { "\n", a->cut ? 1 : 0 },
	    { a->lines.data, a->lines.len } };
	ssize_t n;

	n = writev(a->fd, iov, 2);
	if (n <= 0)
		return;
	n -= (ssize_t)iov[0].iov_len;
	a->cut = n > 0 && a->lines.data[n - 1] != '\n';
}

/* A log that cannot be written must not hold up answers: it loses lines. */
static void
access_flush(struct access *a)
{
	struct msg_none none = { 0 };

	if (a->lines.len == 0)
		return;
	if (a->fd != -1)
		access_write(a);
	else
		msg_send(a->parent, MSG_ACCESS, &none, a->lines.data,
		    a->lines.len, NULL, 0);
	a->lines.len = 0;
}

static void
access_on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	access_flush(arg);
}

int
access_open(struct access *a, struct event_base *base,
    struct channel *parent)
{
	a->parent = parent;
	a->fd = -1;
	a->ev = event_new(base, -1, 0, access_on_timer, a);
	return a->ev == NULL ||
	    buf_reserve(&a->lines, MSG_TAIL_MAX) == NULL ? -1 : 0;
}

void
access_set_fd(struct access *a, int fd)
{
	struct stat st;

	access_flush(a);
	if (a->fd != -1)
		close(a->fd);
	a->fd = fd;
	/* It may be the same file again. */
	if (fd == -1 || fstat(fd, &st) == -1 || st.st_size == 0)
		a->cut = false;
}

static const char *
access_ip(const struct conn_peer *client, char text[INET6_ADDRSTRLEN])
{
	if (client->family == AF_UNIX || inet_ntop(client->family,
	    client->ip, text, INET6_ADDRSTRLEN) == NULL)
		return "unix";
	return text;
}

/* "22/Nov/2026:08:15:00 +0000", from "Sun, 22 Nov 2026 08:15:00 GMT". */
static void
access_date(const char *d, char out[27])
{
	snprintf(out, 27, "%.2s/%.3s/%.4s:%.8s +0000", d + 5, d + 8, d + 12,
	    d + 17);
}

static const char *
access_field(char *out, size_t len, struct str s)
{
	return s.p == NULL ? "-" : log_escape(out, len, s.p, s.len);
}

void
access_add(struct access *a, const struct conn_peer *client,
    const char *date, const struct http_request *req,
    const struct access_line *line)
{
	static const struct http_request nothing;
	static char request[FIELD_MAX], referer[FIELD_MAX], agent[FIELD_MAX];
	char ip[INET6_ADDRSTRLEN], day[27];
	uint8_t *p;
	int n;

	if (req == NULL)
		req = &nothing;
	access_date(date, day);
	if (a->lines.len > BLOCK_MAX)
		access_flush(a);
	p = a->lines.data + a->lines.len;
	n = snprintf((char *)p, MSG_TAIL_MAX - a->lines.len,
	    "%s - - [%s] \"%s\" %d %llu \"%s\" \"%s\" %s %llu %s\n",
	    access_ip(client, ip), day,
	    access_field(request, sizeof(request), req->line), line->status,
	    (unsigned long long)line->body_len,
	    access_field(referer, sizeof(referer), req->field[FIELD_REFERER]),
	    access_field(agent, sizeof(agent), req->field[FIELD_USER_AGENT]),
	    line->state, (unsigned long long)line->hash_ms, line->info_hash);
	/* It cannot be longer than the rest of the block: of its fields at
	   most three are long. */
	if (n < 0 || (size_t)n >= MSG_TAIL_MAX - a->lines.len)
		return;
	if (a->lines.len == 0)
		timer_add(a->ev, WAIT_MS);
	a->lines.len += (size_t)n;
}
