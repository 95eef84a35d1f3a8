/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/timer.h"
#include "pkgtorrentd/front/serve/reply.h"

#define BLOCK_MAX	(MSG_TAIL_MAX - 8192)	/* so that a line fits */
#define WAIT_MS		100
#define FIELD_MAX	2500			/* of a line, escaped */
#define LOST_MS		60000			/* between two log lines */

/* Send the lines to the parent, which takes so many in a second. */
static void
access_send(struct access *a)
{
	static const struct msg_none none;
	static uint64_t log_ms;
	const uint8_t *at = a->lines.data, *end = at + a->lines.len;

	if (msg_send(a->parent, MSG_ACCESS, &none, at, a->lines.len, NULL,
	    0) == -1) {
		for (; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;
		    at++)
			a->lost++;
		return;
	}
	if (a->lost == 0 || !log_once(&log_ms, LOST_MS, clock_coarse_ms()))
		return;
	log_warn("%u lines of the access log were lost, because the log was "
	    "busy; name a file in access-log", a->lost);
	a->lost = 0;
}

/*
 * A log that cannot be written must not hold up answers: it loses lines.  A
 * disk that fills up takes half a line; the next line, when there is room
 * again, begins on a new one.
 */
static void
access_flush(struct access *a)
{
	struct iovec iov[2] = { { "\n", a->cut ? 1 : 0 },
	    { a->lines.data, a->lines.len } };
	ssize_t n;

	if (a->lines.len == 0)
		return;
	if (a->fd == -1)
		access_send(a);
	else if ((n = writev(a->fd, iov, 2)) > 0) {
		n -= (ssize_t)iov[0].iov_len;
		a->cut = n > 0 && a->lines.data[n - 1] != '\n';
	}
	a->lines.len = 0;
}

static void
access_on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	access_flush(arg);
}

void
reply_set_log(struct access *a, int fd)
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

/* Begin a block.  0, or -1 without memory. */
static int
access_begin(struct access *a, struct event_base *base)
{
	if (a->ev == NULL)
		a->ev = event_new(base, -1, 0, access_on_timer, a);
	return a->ev == NULL ||
	    buf_reserve(&a->lines, MSG_TAIL_MAX) == NULL ||
	    timer_add(a->ev, WAIT_MS) == -1 ? -1 : 0;
}

static const char *
access_ip(const struct conn_peer *client, char text[INET6_ADDRSTRLEN])
{
	if (client->family == AF_UNIX || inet_ntop(client->family,
	    client->ip, text, INET6_ADDRSTRLEN) == NULL)
		return "unix";
	return text;
}

static const char *
access_field(char *out, size_t len, struct str s)
{
	return s.p == NULL ? "-" : log_escape(out, len, s.p, s.len);
}

static void
access_add(struct service *s, const struct conn_peer *client,
    const struct http_request *req, const struct access_line *line)
{
	static const struct http_request nothing;
	static char request[FIELD_MAX], referer[FIELD_MAX], agent[FIELD_MAX];
	struct access *a = &s->access;
	const char *date = s->conns->date;
	char ip[INET6_ADDRSTRLEN];
	uint8_t *p;
	int n;

	if (req == NULL)
		req = &nothing;
	if (a->lines.len > BLOCK_MAX)
		access_flush(a);
	if (a->lines.len == 0 && access_begin(a, s->conns->base) == -1)
		return;
	p = a->lines.data + a->lines.len;
	/* "Sun, 22 Nov 2026 08:15:00 GMT" becomes "22/Nov/2026:08:15:00
	   +0000". */
	n = snprintf((char *)p, MSG_TAIL_MAX - a->lines.len,
	    "%s - - [%.2s/%.3s/%.4s:%.8s +0000] \"%s\" %d %llu "
	    "\"%s\" \"%s\" %s %llu %s\n",
	    access_ip(client, ip), date + 5, date + 8, date + 12, date + 17,
	    access_field(request, sizeof(request), req->line), line->status,
	    (unsigned long long)line->body_len,
	    access_field(referer, sizeof(referer), req->field[FIELD_REFERER]),
	    access_field(agent, sizeof(agent), req->field[FIELD_USER_AGENT]),
	    line->state, (unsigned long long)line->hash_ms, line->info_hash);
	/* It cannot be longer than the rest of the block: of its fields at
	   most three are long. */
	if (n < 0 || (size_t)n >= MSG_TAIL_MAX - a->lines.len)
		return;
	a->lines.len += (size_t)n;
}

/* Cut the last element off a list with commas. */
static struct str
reply_pop(struct str *list)
{
	const char *comma = memrchr(list->p, ',', list->len);
	const char *from = comma == NULL ? list->p : comma + 1;
	struct str last = { from, (size_t)(list->p + list->len - from) };

	list->len = comma == NULL ? 0 : (size_t)(comma - list->p);
	return str_trim(last);
}

/* Read an address from text, with or without brackets or an IPv4 port.
   Returns 0, or -1 if it is no address. */
static int
reply_parse_address(struct str s, struct conn_peer *client)
{
	char text[INET6_ADDRSTRLEN];
	const char *end;

	if (s.len > 2 && s.p[0] == '[') {
		end = memchr(s.p, ']', s.len);
		if (end == NULL)
			return -1;
		s.len = (size_t)(end - s.p) - 1;
		s.p++;
	} else if ((end = memchr(s.p, ':', s.len)) != NULL &&
	    memchr(s.p, '.', s.len) != NULL &&
	    memchr(end + 1, ':', s.len - (size_t)(end + 1 - s.p)) == NULL) {
		/* Some proxies append the port to an IPv4 address. */
		s.len = (size_t)(end - s.p);
	}
	if (s.len == 0 || s.len >= sizeof(text))
		return -1;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	memset(client->ip, 0, sizeof(client->ip));
	if (inet_pton(AF_INET, text, client->ip) == 1)
		client->family = AF_INET;
	else if (inet_pton(AF_INET6, text, client->ip) == 1)
		client->family = AF_INET6;
	else
		return -1;
	addr_unmap(&client->family, client->ip);
	return 0;
}

/*
 * Find the client of a request: the other end of the connection or, if that is
 * a proxy, the rightmost forwarded address that is not a proxy.  Empty fields
 * and empty elements of lists count as nothing (RFC 9110 5.6.1).  If the
 * proxies name no client it is a proxy itself (proxy is set), and no address
 * can be charged with the request.  The request may be NULL.
 */
void
reply_client(const struct conf *conf, const struct conn_peer *peer,
    const struct http_request *req, struct conn_peer *client)
{
	struct str list, last;
	bool named = false;
	unsigned i;

	*client = *peer;
	if (!peer->proxy || req == NULL)
		return;
	for (i = req->nforwarded; i > 0; i--) {
		list = req->forwarded[i - 1];
		while (list.len > 0) {
			last = reply_pop(&list);
			if (last.len == 0)
				continue;
			/* An unreadable address makes all addresses left of
			   it unreliable. */
			if (reply_parse_address(last, client) == -1) {
				*client = *peer;
				return;
			}
			named = true;
			client->proxy = conf_is_proxy(conf, client->family,
			    client->ip);
			if (!client->proxy)
				return;
		}
	}
	/* All are proxies: the leftmost is the client. */
	client->proxy = !named;
}

/* Does the client or the service want the connection to end? */
static enum conn_after
reply_after(const struct exchange *x, enum conn_after after)
{
	if (after == CONN_KEEP &&
	    (!x->req->keep_alive || x->service->conns->stopping))
		return CONN_CLOSE;
	return after;
}

static struct head_ending
reply_ending(const struct exchange *x, enum conn_after after)
{
	return (struct head_ending){ x->service->conns->date, x->req,
	    after != CONN_KEEP, x->service->conf->cors };
}

void
reply_log(struct service *s, const struct conn *c,
    const struct http_request *req, const struct access_line *line)
{
	struct conn_peer client;

	s->counts[counts_code(line->status)]++;
	if (s->conf->access_log == ACCESS_LOG_NO)
		return;
	reply_client(s->conf, conn_peer(c), req, &client);
	access_add(s, &client, req, line);
}

void
reply_send(const struct exchange *x, const struct out *out,
    const struct access_line *line, enum conn_after after)
{
	uint64_t *counts = x->service->counts;

	/* Without a look at the clock when the answer was there. */
	if (x->since_us == 0)
		counts[COUNT_ANSWER]++;
	else
		counts_observe(counts, COUNT_ANSWER, clock_us() - x->since_us);
	reply_log(x->service, x->conn, x->req, line);
	conn_send(x->conn, out, after);
}

enum conn_after
reply_add_head(const struct exchange *x, struct head *h, struct out *out,
    enum conn_after after)
{
	struct head_ending last;

	after = reply_after(x, after);
	last = reply_ending(x, after);
	head_end(h, &last);
	out_add(out, h->text, h->len, NULL);
	return after;
}

void
reply_text(const struct exchange *x, int status, const char *why,
    const char *field, enum conn_after after)
{
	struct access_line line = { .status = status, .state = "-",
	    .info_hash = "-" };
	struct out out = OUT_EMPTY;
	char body[HEAD_TEXT_MAX];
	struct head_ending last;
	struct head h;
	size_t len;

	after = reply_after(x, after);
	last = reply_ending(x, after);
	len = head_make_text(&h, body, status, why, field, &last);
	out_add(&out, h.text, h.len, NULL);
	if (x->req->method != HTTP_HEAD) {
		out_add(&out, body, len, NULL);
		line.body_len = len;
	}
	reply_send(x, &out, &line, after);
}

void
reply_empty(const struct exchange *x, int status, const char *fields,
    const char *state, enum conn_after after)
{
	struct access_line line = { .status = status, .state = state,
	    .info_hash = "-" };
	struct out out = OUT_EMPTY;
	struct head h;

	head_start(&h, status);
	head_add_text(&h, fields, strlen(fields));
	after = reply_add_head(x, &h, &out, after);
	reply_send(x, &out, &line, after);
}

struct addr *
reply_addr(const struct exchange *x)
{
	struct conns *conns = x->service->conns;
	struct conn_peer client;

	reply_client(conns->conf, conn_peer(x->conn), x->req, &client);
	if (client.proxy || client.family == AF_UNIX)
		return NULL;
	return addr_get(&conns->addrs, client.family, client.ip);
}

static void
reply_move(struct str *s, const char *from, const char *to)
{
	if (s->p != NULL)
		s->p = to + (s->p - from);
}

/* The head has been copied: point to the copy. */
static void
reply_move_request(struct http_request *req, const char *from, const char *to)
{
	size_t	i;

	reply_move(&req->line, from, to);
	reply_move(&req->target, from, to);
	reply_move(&req->host, from, to);
	reply_move(&req->port, from, to);
	for (i = 0; i < FIELD_COUNT; i++)
		reply_move(&req->field[i], from, to);
	for (i = 0; i < req->nforwarded; i++)
		reply_move(&req->forwarded[i], from, to);
}

/*
 * When slots become scarce, a client behind a proxy may not have more requests
 * waiting than it could have connections without the proxy.
 */
int
reply_park(struct parked *p, const struct exchange *x, const char *bytes)
{
	const struct conns *conns = x->service->conns;
	struct addr *addr = reply_addr(x);

	if (addr != NULL && conns->n > conns->slots / 2 &&
	    addr->waiting >= conns->conf->max_connections_per_client) {
		addr_put(addr);
		reply_text(x, 429, "too many of your requests are waiting; "
		    "wait for one of them", "Retry-After: 5\r\n", CONN_KEEP);
		return -1;
	}
	p->head = malloc(x->req->head_len);
	if (p->head == NULL) {
		addr_put(addr);
		reply_text(x, 500, "out of memory; try again later", "",
		    CONN_KEEP);
		return -1;
	}
	memcpy(p->head, bytes, x->req->head_len);
	p->req = *x->req;
	reply_move_request(&p->req, bytes, p->head);
	p->x = *x;
	p->x.req = &p->req;
	p->x.since_us = clock_us();
	p->addr = addr;
	if (addr != NULL)
		addr->waiting++;
	return 0;
}

void
reply_uncharge(struct parked *p)
{
	if (p->addr != NULL)
		p->addr->waiting--;
	addr_put(p->addr);
	p->addr = NULL;
}

void
reply_unpark(struct parked *p)
{
	reply_uncharge(p);
	free(p->head);
}
