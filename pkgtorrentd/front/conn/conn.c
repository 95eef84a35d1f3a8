/* SPDX-License-Identifier: ISC */
/*
 * One request is dealt with at a time: bytes that a client pipelines stay in
 * its buffer until the answer before them has been written, so answers are in
 * order without any bookkeeping.  A request that arrives in one piece is
 * parsed where it was read and answered with one writev; memory is taken only
 * for a request that has to wait.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/socket.h"
#include "common/timer.h"
#include "pkgtorrentd/front/conn/conn.h"
#include "pkgtorrentd/front/conn/listeners.h"
#include "pkgtorrentd/front/http/chunked.h"

#define SCRATCH_LEN	65536
#define DRAIN_MAX	(1U << 20)	/* bytes read after a refusal */
#define DRAIN_MS	2000
#define WRITE_CHECK_MS	250	/* between two looks at a slow client */
#define STOP_FIRST_MS	2000	/* for a new connection's first request */
#define BODIES_MAX	(64ULL << 20)	/* bytes */
#define BODY_FREE	16384		/* bytes of each that do not count */
#define TICK_MS		250	/* between two looks at the deadlines */

enum conn_state {
	CONN_READ,	/* a request, or idle between two */
	CONN_BODY,	/* the head is complete, the body is not */
	CONN_WAIT,	/* the request is parked */
	CONN_WRITE,
	CONN_END,	/* to be closed when it is safe */
	CONN_DISCARD	/* discards bytes still to come, then closes */
};

struct conn {
	TAILQ_ENTRY(conn)	 timed;		/* in the deadline's queue */
	struct conns		*conns;
	struct event		 ev;
	short			 watched;	/* EV_READ, EV_WRITE or 0 */
	int			 fd;
	enum conn_state		 state;
	enum conn_deadline	 deadline;
	uint64_t		 deadline_ms;
	struct conn_peer	 peer;
	struct addr		*addr;		/* charged with it, or NULL */

	struct buf		 in;		/* read, not yet parsed */
	size_t			 charged;	/* bytes of a body among it */
	size_t			 want;		/* in CONN_BODY: bytes of head
						   and body; SIZE_MAX while a
						   chunked body is incomplete */
	struct chunked		 chunked;	/* its body, when that is */
	bool			 said_continue;

	struct conn_parked	*parked;	/* the owner's, or NULL */
	struct out		 out;
	enum conn_after		 after;		/* the answer is written */
	uint64_t		 discarded;	/* bytes */
	bool			 broken;	/* close at once */
};

static void	conn_on_event(evutil_socket_t, short, void *);
static void	conn_resume(struct conn *);

static uint64_t
conn_deadline_len(const struct conf *conf, enum conn_deadline kind)
{
	switch (kind) {
	case DEADLINE_HEADER:
		return conf->header_timeout_ms;
	case DEADLINE_BODY:
		return conf->body_timeout_ms;
	case DEADLINE_IDLE:
		return conf->idle_timeout_ms;
	case DEADLINE_WRITE:
		return WRITE_CHECK_MS;
	case DEADLINE_WAIT:
		return conf->hash_wait_ms;
	default:
		return DRAIN_MS;
	}
}

static void
conn_set_deadline(struct conn *c, enum conn_deadline kind)
{
	struct conn_queue *queue = &c->conns->deadlines[kind];
	struct conn *before;

	if (c->deadline != DEADLINE_NONE)
		TAILQ_REMOVE(&c->conns->deadlines[c->deadline], c, timed);
	c->deadline = kind;
	if (kind == DEADLINE_NONE)
		return;
	c->deadline_ms = clock_coarse_ms() +
	    conn_deadline_len(c->conns->conf, kind);
	/* The last entry nearly always expires before this one: only a reload
	   shortens a timeout. */
	TAILQ_FOREACH_REVERSE(before, queue, conn_queue, timed)
		if (before->deadline_ms <= c->deadline_ms)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(queue, before, c, timed);
	else
		TAILQ_INSERT_HEAD(queue, c, timed);
}

static void
conn_watch(struct conn *c, short what)
{
	if (c->watched == what)
		return;
	if (c->watched != 0)
		event_del(&c->ev);
	c->watched = what;
	if (what == 0)
		return;
	event_assign(&c->ev, c->conns->base, c->fd, what | EV_PERSIST,
	    conn_on_event, c);
	event_add(&c->ev, NULL);
}

/*
 * Bodies share a bound on memory.  A body is charged by the bytes that have
 * arrived, not by the length it announces, so that an announcement takes no
 * memory from others.
 */
static void
conn_charge_body(struct conn *c)
{
	size_t charge = 0;

	if (c->state == CONN_BODY && c->in.len > BODY_FREE)
		charge = c->in.len - BODY_FREE;
	c->conns->bodies = c->conns->bodies - c->charged + charge;
	c->charged = charge;
}

static int
conn_keep_bytes(struct conn *c, const void *bytes, size_t len)
{
	int r = buf_add(&c->in, bytes, len);

	conn_charge_body(c);
	return r;
}

static void
conn_drop_bytes(struct conn *c, size_t len)
{
	struct buf rest = { 0 };

	buf_drop(&c->in, len);
	/* Free a body's memory with it, even if another request follows. */
	if (c->in.len == 0 || (len > SCRATCH_LEN &&
	    buf_add(&rest, c->in.data, c->in.len) == 0)) {
		buf_free(&c->in);
		c->in = rest;
	}
	conn_charge_body(c);
}

static void
conn_free(struct conn *c)
{
	struct conns *conns = c->conns;

	conn_watch(c, 0);
	conn_set_deadline(c, DEADLINE_NONE);
	out_clear(&c->out);
	if (c->parked != NULL)
		c->parked->freed(c->parked);
	conn_drop_bytes(c, c->in.len);
	if (c->addr != NULL) {
		c->addr->connections--;
		addr_put(c->addr);
	}
	close(c->fd);
	conns->n--;
	free(c);
	if (conns->paused)
		listeners_resume(conns);
}

/*
 * A close with unread bytes in the socket makes the kernel send a reset, and
 * that overtakes the answer.  So the sending side is closed first, and bytes
 * from the client are discarded for a while.
 */
static void
conn_close(struct conn *c)
{
	int unread = 0;

	if (c->broken || (c->after != CONN_DRAIN && c->in.len == 0 &&
	    (ioctl(c->fd, FIONREAD, &unread) == -1 || unread == 0))) {
		conn_free(c);
		return;
	}
	socket_shutdown(c->fd, SHUT_WR);
	out_clear(&c->out);
	conn_drop_bytes(c, c->in.len);
	c->state = CONN_DISCARD;
	conn_set_deadline(c, DEADLINE_DRAIN);
	conn_watch(c, EV_READ);
}

static void
conn_discard(struct conn *c)
{
	ssize_t n;

	n = read(c->fd, c->conns->scratch, SCRATCH_LEN);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->discarded += (uint64_t)n;
	if (n <= 0 || c->discarded > DRAIN_MAX)
		conn_free(c);
}

/* Write the answer.  false: the socket has no more room.  true: the connection
   reads the next request, or ends. */
static bool
conn_write(struct conn *c)
{
	uint64_t before = c->out.written;
	int r = out_write(&c->out, c->fd);

	c->conns->sent += c->out.written - before;
	if (r == 0)
		return false;
	out_clear(&c->out);
	c->broken = r == -1;
	/* The service may have begun to stop since the head said otherwise. */
	if (c->broken || c->after != CONN_KEEP || c->conns->stopping) {
		c->state = CONN_END;
		return true;
	}
	c->state = CONN_READ;
	conn_set_deadline(c, DEADLINE_IDLE);
	return true;
}

/* As conn_send(), but the connection stays. */
static void
conn_answer(struct conn *c, const struct out *out, enum conn_after after)
{
	c->out = *out;
	c->out.last = after != CONN_KEEP;
	c->after = after;
	c->said_continue = false;
	c->parked = NULL;
	if (conn_write(c))
		return;
	c->state = CONN_WRITE;
	conn_set_deadline(c, DEADLINE_WRITE);
	conn_watch(c, EV_WRITE);
}

void
conn_send(struct conn *c, const struct out *out, enum conn_after after)
{
	bool parked = c->parked != NULL;

	conn_answer(c, out, after);
	if (parked)
		conn_resume(c);
}

void
conn_park(struct conn *c, struct conn_parked *parked)
{
	c->parked = parked;
	c->state = CONN_WAIT;
	conn_set_deadline(c, DEADLINE_WAIT);
	/* Do not watch for its end either: a client that only closes its
	   sending side still waits for the answer. */
	conn_watch(c, 0);
}

/* Answer with a line of text and close the connection.  req may be NULL, or
   filled in part. */
static void
conn_refuse(struct conn *c, const struct http_request *req, int status,
    const char *why)
{
	struct conns *conns = c->conns;
	struct head_ending last = { conns->date, req, true,
	    conns->conf->cors };
	char body[HEAD_TEXT_MAX];
	struct out out = OUT_EMPTY;
	struct head h;
	size_t len;

	len = head_make_text(&h, body, status, why, status == 503 ?
	    "Retry-After: 1\r\n" : "", &last);
	if (req != NULL && req->method == HTTP_HEAD)
		len = 0;
	out_add(&out, h.text, h.len, NULL);
	out_add(&out, body, len, NULL);
	conns->ops->refused(conns->arg, c, req, status, len);
	conn_answer(c, &out, CONN_DRAIN);
}

/* The head has arrived, the body has not: return 1 to read the body, or 0 if
   the request was answered. */
static int
conn_want_body(struct conn *c, const struct http_request *req,
    const char *bytes, size_t len)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->state != CONN_BODY) {
		if (!c->conns->ops->request(c->conns->arg, c, req, bytes,
		    NULL))
			return 0;
		c->state = CONN_BODY;
		c->want = req->chunked ? SIZE_MAX :
		    req->head_len + req->content_length;
		conn_set_deadline(c, DEADLINE_BODY);
	}
	if (req->expect_continue && !c->said_continue &&
	    len == req->head_len) {
		/* A socket without room for 25 bytes belongs to a client
		   that does not read; half a line would spoil the answer. */
		if (write(c->fd, go_on, sizeof(go_on) - 1) !=
		    sizeof(go_on) - 1) {
			c->broken = true;
			c->state = CONN_END;
			return 0;
		}
		c->said_continue = true;
	}
	return 1;
}

/*
 * Decode a chunked body that follows its head in these bytes, in place.
 * Returns the bytes that it takes, with the head; 0: more of it is to come,
 * and its decoded bytes end at *len; -1: the request was answered.
 */
static ssize_t
conn_take_chunked(struct conn *c, struct http_request *req, char *bytes,
    size_t *len)
{
	size_t used, body;
	const char *why;
	int status;

	c->chunked = CHUNKED_START(c->conns->conf->max_body);
	status = chunked_decode(&c->chunked, bytes + req->head_len,
	    *len - req->head_len, &used, &body, &why);
	if (status > 0) {
		conn_refuse(c, req, status, why);
		return -1;
	}
	if (status == 0) {
		req->content_length = body;
		return (ssize_t)(req->head_len + used);
	}
	if (!conn_want_body(c, req, bytes, *len))
		return -1;
	*len = req->head_len + body;
	return 0;
}

/*
 * Take the body of a request, which begins with a complete head, from *len
 * bytes.  Sets content_length.  Returns the bytes that head and body take; 0:
 * some are still to come, and the request so far ends at *len; -1: it was
 * answered.
 */
static ssize_t
conn_take_body(struct conn *c, struct http_request *req, char *bytes,
    size_t *len)
{
	uint64_t total = req->head_len + req->content_length;

	if (req->chunked && c->state != CONN_BODY)
		return conn_take_chunked(c, req, bytes, len);
	if (req->chunked) {
		/* conn_keep_body() has decoded it as it came. */
		req->content_length = c->want - req->head_len;
		return (ssize_t)c->want;
	}
	if (*len >= total)
		return (ssize_t)total;
	return conn_want_body(c, req, bytes, *len) ? 0 : -1;
}

/* Refuse a body that is malformed or too long. */
static void
conn_refuse_body(struct conn *c, int status, const char *why)
{
	struct http_request req;
	const char *none;

	if (http_parse((char *)c->in.data, c->in.len, &req, &none) == 0)
		conn_refuse(c, &req, status, why);
	else
		conn_refuse(c, NULL, status, why);
	conn_drop_bytes(c, c->in.len);
}

/* Keep bytes that follow those kept already, and decode them if they belong
   to a chunked body.  0, or -1 without memory. */
static int
conn_keep_body(struct conn *c, char *bytes, size_t len)
{
	size_t used, body;
	const char *why;
	int status;

	if (c->state != CONN_BODY || c->want != SIZE_MAX)
		return conn_keep_bytes(c, bytes, len);
	status = chunked_decode(&c->chunked, bytes, len, &used, &body, &why);
	if (status > 0) {
		conn_refuse_body(c, status, why);
		return 0;
	}
	if (conn_keep_bytes(c, bytes, body) == -1)
		return -1;
	if (status == -1)
		return 0;
	c->want = c->in.len;
	return conn_keep_bytes(c, bytes + used, len - used);
}

/*
 * Over the bound on bodies: drop the client that has been sending longest,
 * not the newest.  Otherwise a few slow uploads would lock out everyone until
 * they time out.  May free any connection.
 */
static void
conns_make_room(struct conns *conns)
{
	uint64_t max = 2 * conns->conf->max_body;
	struct conn *c;

	if (max < BODIES_MAX)
		max = BODIES_MAX;
	while (conns->bodies > max) {
		TAILQ_FOREACH(c, &conns->deadlines[DEADLINE_BODY], timed)
			if (c->charged > 0)
				break;
		if (c == NULL)
			return;
		conn_refuse(c, NULL, 503, "too many request bodies are being "
		    "received; send the request again in a moment");
		/* Free the memory at once: the client may be slow to read the
		   answer. */
		conn_drop_bytes(c, c->in.len);
		conn_resume(c);
	}
}

/*
 * Take requests from these bytes, as long as they are complete and are
 * answered at once.  Returns how many bytes were used; *len may become less.
 */
static size_t
conn_take(struct conn *c, char *bytes, size_t *len)
{
	struct http_request req;
	const char *why;
	size_t used = 0, left;
	ssize_t total;
	int r;

	while (used < *len &&
	    (c->state == CONN_READ || c->state == CONN_BODY)) {
		left = *len - used;
		if (c->state == CONN_BODY && left < c->want)
			break;
		r = http_parse(bytes + used, left, &req, &why);
		if (r == -1)
			break;
		if (r > 0) {
			conn_refuse(c, &req, r, why);
			return *len;
		}
		total = conn_take_body(c, &req, bytes + used, &left);
		if (total == -1)
			return *len;
		*len = used + left;
		if (total == 0)
			break;
		c->state = CONN_READ;
		c->conns->ops->request(c->conns->arg, c, &req, bytes + used,
		    bytes + used + req.head_len);
		used += (size_t)total;
	}
	return used;
}

/* After bytes were processed or an answer was written: watch for the next
   event, or close. */
static void
conn_settle(struct conn *c)
{
	switch (c->state) {
	case CONN_READ:
		if (c->in.len > 0 && c->deadline != DEADLINE_HEADER)
			conn_set_deadline(c, DEADLINE_HEADER);
		/* FALLTHROUGH */
	case CONN_BODY:
		conn_watch(c, EV_READ);
		break;
	case CONN_END:
		conn_close(c);
		break;
	default:
		break;
	}
}

/* Take requests from the bytes kept. */
static void
conn_process(struct conn *c)
{
	size_t used;

	used = conn_take(c, (char *)c->in.data, &c->in.len);
	conn_drop_bytes(c, used);
	conn_settle(c);
}

/* Go on with the bytes that followed the answered request.  May free it. */
static void
conn_resume(struct conn *c)
{
	if (c->state == CONN_READ && c->in.len > 0)
		conn_process(c);
	else
		conn_settle(c);
}

static void
conn_read(struct conn *c)
{
	struct conns *conns = c->conns;
	char *scratch = conns->scratch;
	size_t used, len;
	ssize_t n;

	n = read(c->fd, scratch, SCRATCH_LEN);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		conn_settle(c);
		return;
	}
	if (n <= 0) {
		conn_free(c);
		return;
	}
	len = (size_t)n;
	if (c->in.len > 0) {
		if (conn_keep_body(c, scratch, len) == -1)
			conn_free(c);
		else
			conn_process(c);
		conns_make_room(conns);
		return;
	}
	used = conn_take(c, scratch, &len);
	if (used < len &&
	    conn_keep_bytes(c, scratch + used, len - used) == -1) {
		conn_free(c);
		return;
	}
	conn_settle(c);
	conns_make_room(conns);
}

static void
conn_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONN_READ || c->state == CONN_BODY)
		conn_read(c);
	else if (c->state == CONN_DISCARD)
		conn_discard(c);
	else if (c->state == CONN_WRITE && conn_write(c))
		conn_resume(c);
}

/* The bytes of torrents that are written and that hot memory does not hold, in
   all and of each client. */
static uint64_t
conns_count_written(struct conns *conns)
{
	struct conn_queue *writers = &conns->deadlines[DEADLINE_WRITE];
	uint64_t all = 0, share;
	struct conn *c;

	TAILQ_FOREACH(c, writers, timed)
		if (c->out.addr != NULL)
			c->out.addr->written = 0;
	TAILQ_FOREACH(c, writers, timed) {
		share = out_share(&c->out);
		all += share;
		if (c->out.addr != NULL)
			c->out.addr->written += share;
	}
	return all;
}

/* The slowest of all (past their limit) or of the clients past theirs. */
static struct conn *
conns_find_slowest(struct conns *conns, uint64_t all, uint64_t max,
    uint64_t max_client)
{
	struct conn *c, *slowest = NULL;
	const struct addr *addr;
	uint64_t share;

	TAILQ_FOREACH(c, &conns->deadlines[DEADLINE_WRITE], timed) {
		addr = c->out.addr;
		share = out_share(&c->out);
		if (share == 0 || c->out.rate == OUT_UNRATED ||
		    (slowest != NULL && c->out.rate >= slowest->out.rate))
			continue;
		if ((all > max && all > share) || (addr != NULL &&
		    addr->written + addr->made > max_client &&
		    addr->written + addr->made > share))
			slowest = c;
	}
	return slowest;
}

uint64_t
conns_fit(struct conns *conns, uint64_t others, uint64_t max,
    uint64_t max_client, uint64_t *closed)
{
	struct conn *c;
	uint64_t written;

	for (;;) {
		written = conns_count_written(conns);
		c = conns_find_slowest(conns, others + written, max,
		    max_client);
		if (c == NULL)
			return written;
		++*closed;
		conn_free(c);
	}
}

enum limit {
	LIMIT_NONE,	/* there is room */
	LIMIT_TELL,	/* over a limit: answer 503 */
	LIMIT_CLOSE	/* over twice its address's limit, or without memory
			   for the address: close silently, so that refusals
			   cannot fill the connection table */
};

static enum limit
conn_check_limits(struct conn *c)
{
	const struct conf *conf = c->conns->conf;

	if (!c->peer.proxy) {
		c->addr = addr_get(&c->conns->addrs, c->peer.family,
		    c->peer.ip);
		if (c->addr == NULL)
			return LIMIT_CLOSE;
		c->addr->connections++;
		if (c->addr->connections >=
		    2 * conf->max_connections_per_client)
			return LIMIT_CLOSE;
		if (c->addr->connections > conf->max_connections_per_client)
			return LIMIT_TELL;
	}
	return c->conns->n <= c->conns->slots ? LIMIT_NONE : LIMIT_TELL;
}

static void
conn_set_peer(struct conn *c, const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	struct conn_peer *peer = &c->peer;

	peer->family = sa->ss_family;
	if (peer->family == AF_INET)
		memcpy(peer->ip, &in->sin_addr, 4);
	else if (peer->family == AF_INET6)
		memcpy(peer->ip, &in6->sin6_addr, 16);
	addr_unmap(&peer->family, peer->ip);
	peer->proxy = peer->family == AF_UNIX ||
	    conf_is_proxy(c->conns->conf, peer->family, peer->ip);
}

/* Take over the descriptor of an accepted connection. */
void
conn_new(struct conns *conns, int fd, const struct sockaddr_storage *sa,
    socklen_t len)
{
	struct conn *c;
	enum limit limit;

	conns->accepted++;
	if (conns->n >= conns->max || (c = calloc(1, sizeof(*c))) == NULL) {
		conns->refused++;
		close(fd);
		return;
	}
	c->conns = conns;
	c->fd = fd;
	c->out = OUT_EMPTY;
	conns->n++;
	if (len >= sizeof(sa->ss_family))
		conn_set_peer(c, sa);
	limit = conn_check_limits(c);
	if (limit != LIMIT_NONE)
		conns->refused++;
	if (limit == LIMIT_CLOSE) {
		conn_free(c);
		return;
	}
	if (limit == LIMIT_TELL) {
		conn_refuse(c, NULL, 503, "too many connections; try again "
		    "in a moment");
		conn_resume(c);
		return;
	}
	conn_set_deadline(c, DEADLINE_HEADER);
	/* Most clients have sent their request by now. */
	conn_read(c);
}

static void
conn_expire(struct conn *c)
{
	const char *why = NULL;

	switch (c->deadline) {
	case DEADLINE_HEADER:
		/* A client that has sent nothing gets no answer either. */
		if (c->in.len > 0)
			why = "the request did not arrive in time; send it "
			    "again";
		break;
	case DEADLINE_BODY:
		why = "the body did not arrive in time; send the request "
		    "again";
		break;
	case DEADLINE_WAIT:
		c->parked->expired(c->parked);
		return;
	case DEADLINE_WRITE:
		if (!out_is_taken(&c->out, c->fd,
		    c->conns->conf->write_timeout_ms))
			break;
		conn_set_deadline(c, DEADLINE_WRITE);
		return;
	default:
		break;
	}
	if (why == NULL) {
		conn_free(c);
		return;
	}
	conn_refuse(c, NULL, 408, why);
	conn_resume(c);
}

/* Close the connections without a request; with first, also new connections
   that have not sent a byte yet. */
static void
conns_close_idle(struct conns *conns, bool first)
{
	struct conn *c, *next;

	TAILQ_FOREACH_SAFE(c, &conns->deadlines[DEADLINE_IDLE], timed, next)
		conn_free(c);
	TAILQ_FOREACH_SAFE(c, &conns->deadlines[DEADLINE_HEADER], timed, next)
		if (first && c->in.len == 0)
			conn_free(c);
}

void
conns_stop(struct conns *conns)
{
	conns->stopping = true;
	conns->stop_first_ms = clock_coarse_ms() + STOP_FIRST_MS;
	listeners_stop(conns);
	conns_close_idle(conns, false);
}

static void
conns_set_date(struct conns *conns)
{
	int64_t now_s = clock_real_ns() / 1000000000;

	if (now_s == conns->date_s)
		return;
	conns->date_s = now_s;
	head_format_date(conns->date, now_s);
}

/* Enforce deadlines. */
static void
conns_on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct conns *conns = arg;
	uint64_t now = clock_coarse_ms();
	struct conn *c;
	int kind;

	(void)fd;
	(void)what;
	conns_set_date(conns);
	for (kind = DEADLINE_HEADER; kind < DEADLINE_COUNT; kind++) {
		while ((c = TAILQ_FIRST(&conns->deadlines[kind])) != NULL &&
		    c->deadline_ms <= now)
			conn_expire(c);
	}
	if (conns->paused)
		listeners_resume(conns);
	if (conns->stopping && now > conns->stop_first_ms)
		conns_close_idle(conns, true);
}

int
conns_init(struct conns *conns)
{
	size_t i;

	for (i = 0; i < DEADLINE_COUNT; i++)
		TAILQ_INIT(&conns->deadlines[i]);
	/* The filter allows no request for random bytes after lockdown. */
	conns->addrs.salt = arc4random();
	conns_set_date(conns);
	conns->scratch = malloc(SCRATCH_LEN);
	conns->tick_ev = event_new(conns->base, -1, EV_PERSIST, conns_on_tick,
	    conns);
	return conns->scratch == NULL || conns->tick_ev == NULL ||
	    timer_add(conns->tick_ev, TICK_MS) == -1 ? -1 : 0;
}

const struct conn_peer *
conn_peer(const struct conn *c)
{
	return &c->peer;
}
