/*
 * Connections.  One request is dealt with at a time: what a client pipelines
 * stays in its buffer until the answer before it has been written, so answers
 * are in order without any bookkeeping.  A request that arrives in one piece
 * is parsed where it was read and answered with one writev; memory is taken
 * only for what has to wait.
 */
#include <sys/ioctl.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/serve/reply.h"

#define DRAIN_MAX	(1U << 20)	/* bytes read after a refusal */
#define DRAIN_MS	2000
#define WRITE_CHECK_MS	250	/* how often a writing client is looked at */

static void	client_on_event(evutil_socket_t, short, void *);

static uint64_t
client_deadline_len(const struct conf *conf, enum client_deadline kind)
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

void
client_set_deadline(struct client *c, enum client_deadline kind)
{
	struct client_queue *queue = &c->front->deadlines[kind];
	struct client *before;

	if (c->deadline != DEADLINE_NONE)
		TAILQ_REMOVE(&c->front->deadlines[c->deadline], c, timed);
	c->deadline = kind;
	if (kind == DEADLINE_NONE)
		return;
	c->deadline_ms = clock_coarse_ms() +
	    client_deadline_len(c->front->child.conf, kind);
	/* The last is nearly always before it: only a reload shortens. */
	TAILQ_FOREACH_REVERSE(before, queue, client_queue, timed)
		if (before->deadline_ms <= c->deadline_ms)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(queue, before, c, timed);
	else
		TAILQ_INSERT_HEAD(queue, c, timed);
}

void
client_watch(struct client *c, short what)
{
	if (c->watched == what)
		return;
	if (c->watched != 0)
		event_del(&c->ev);
	c->watched = what;
	if (what == 0)
		return;
	event_assign(&c->ev, c->front->base, c->fd, what | EV_PERSIST,
	    client_on_event, c);
	event_add(&c->ev, NULL);
}

void
client_forget_request(struct client *c)
{
	if (c->waiter.job != NULL)
		job_leave(&c->waiter);
	if (c->opening != 0)
		openings_forget(c->front, c->opening);
	c->opening = 0;
	if (c->asker != NULL)
		c->asker->waiting--;
	addr_put(c->asker);
	c->asker = NULL;
	free(c->req);
	c->req = NULL;
	buf_free(&c->held);
}

void
client_free(struct client *c)
{
	struct front *f = c->front;

	client_watch(c, 0);
	client_set_deadline(c, DEADLINE_NONE);
	client_forget_answer(c);
	client_forget_request(c);
	client_drop_bytes(c, c->in.len);
	if (c->addr != NULL) {
		c->addr->connections--;
		addr_put(c->addr);
	}
	close(c->fd);
	f->nclients--;
	free(c);
	if (f->paused)
		front_resume(f);
}

/*
 * A close with unread bytes in the socket makes the kernel send a reset, and
 * that overtakes the answer.  So the sending side goes first, and what the
 * client still sends is read for a while.
 */
static void
client_close(struct client *c)
{
	int unread = 0;

	if (c->broken || (!c->refused && c->in.len == 0 &&
	    (ioctl(c->fd, FIONREAD, &unread) == -1 || unread == 0))) {
		client_free(c);
		return;
	}
	shutdown(c->fd, SHUT_WR);
	client_forget_answer(c);
	client_drop_bytes(c, c->in.len);
	c->state = CLIENT_DRAIN;
	c->progress = 0;
	client_set_deadline(c, DEADLINE_DRAIN);
	client_watch(c, EV_READ);
}

static void
client_drain(struct client *c)
{
	ssize_t n;

	n = read(c->fd, c->front->scratch, SCRATCH_LEN);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->progress += (uint64_t)n;
	if (n <= 0 || c->progress > DRAIN_MAX)
		client_free(c);
}

int
client_hold(struct client *c, const struct http_request *req,
    const char *bytes, struct addr *asker)
{
	const char *why;

	c->asker = asker;
	if (asker != NULL)
		asker->waiting++;
	c->req = malloc(sizeof(*c->req));
	if (c->req == NULL ||
	    buf_add(&c->held, bytes, req->head_len) == -1 ||
	    http_parse((char *)c->held.data, c->held.len, c->req, &why) != 0) {
		free(c->req);
		c->req = NULL;
		buf_free(&c->held);
		return -1;
	}
	c->state = CLIENT_WAIT;
	c->since_ms = clock_coarse_ms();
	client_set_deadline(c, DEADLINE_WAIT);
	/* Not even for its leaving: who only closes its sending side still
	   waits for the answer. */
	client_watch(c, 0);
	return 0;
}

/*
 * Requests in these bytes, as long as they are complete and are answered at
 * once.  Returns how many bytes were used; *len may become less.
 */
static size_t
client_take(struct client *c, char *bytes, size_t *len)
{
	struct http_request req;
	const char *why;
	size_t used = 0, left;
	ssize_t total;
	int r;

	while (used < *len &&
	    (c->state == CLIENT_READ || c->state == CLIENT_BODY)) {
		left = *len - used;
		if (c->state == CLIENT_BODY && left < c->want)
			break;
		r = http_parse(bytes + used, left, &req, &why);
		if (r == -1)
			break;
		if (r > 0) {
			reply_refuse(c, &req, r, why);
			return *len;
		}
		total = client_take_body(c, &req, bytes + used, &left);
		if (total == -1)
			return *len;
		*len = used + left;
		if (total == 0)
			break;
		c->state = CLIENT_READ;
		front_on_request(c, &req, bytes + used,
		    bytes + used + req.head_len);
		used += (size_t)total;
	}
	return used;
}

/* After something arrived, or after an answer: what is to be done next? */
static void
client_settle(struct client *c)
{
	switch (c->state) {
	case CLIENT_READ:
		if (c->in.len > 0 && c->deadline != DEADLINE_HEADER)
			client_set_deadline(c, DEADLINE_HEADER);
		/* FALLTHROUGH */
	case CLIENT_BODY:
		client_watch(c, EV_READ);
		break;
	case CLIENT_END:
		client_close(c);
		break;
	default:
		break;
	}
}

/* Bytes in c->in. */
static void
client_process(struct client *c)
{
	size_t used;

	used = client_take(c, (char *)c->in.data, &c->in.len);
	client_drop_bytes(c, used);
	client_settle(c);
}

void
client_resume(struct client *c)
{
	if (c->state == CLIENT_READ && c->in.len > 0)
		client_process(c);
	else
		client_settle(c);
}

static void
client_read(struct client *c)
{
	struct front *f = c->front;
	char *scratch = f->scratch;
	size_t used, len;
	ssize_t n;

	n = read(c->fd, scratch, SCRATCH_LEN);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		client_settle(c);
		return;
	}
	if (n <= 0) {
		client_free(c);
		return;
	}
	len = (size_t)n;
	if (c->in.len > 0) {
		if (client_keep_body(c, scratch, len) == -1)
			client_free(c);
		else
			client_process(c);
		clients_make_room(f);
		return;
	}
	used = client_take(c, scratch, &len);
	if (used < len &&
	    client_keep_bytes(c, scratch + used, len - used) == -1) {
		client_free(c);
		return;
	}
	client_settle(c);
	clients_make_room(f);
}

static void
client_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CLIENT_READ:
	case CLIENT_BODY:
		client_read(c);
		break;
	case CLIENT_WRITE:
		client_write(c);
		break;
	case CLIENT_DRAIN:
		client_drain(c);
		break;
	case CLIENT_WAIT:
	case CLIENT_END:
		break;
	}
}

enum place {
	PLACE_FREE,
	PLACE_NONE,	/* which it is told */
	PLACE_NEVER	/* its address has as many again that are being told,
			   and they are not to take the places of others */
};

static enum place
client_find_place(struct client *c)
{
	const struct conf *conf = c->front->child.conf;

	if (!c->proxy) {
		c->addr = addr_get(&c->front->addrs, c->family, c->ip);
		if (c->addr == NULL)
			return PLACE_NEVER;
		c->addr->connections++;
		if (c->addr->connections >=
		    2 * conf->max_connections_per_client)
			return PLACE_NEVER;
		if (c->addr->connections > conf->max_connections_per_client)
			return PLACE_NONE;
	}
	return c->front->nclients <= c->front->places ? PLACE_FREE :
	    PLACE_NONE;
}

static void
client_set_address(struct client *c, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	c->family = sa->sa_family;
	if (c->family == AF_INET)
		memcpy(c->ip, &in->sin_addr, 4);
	else if (c->family == AF_INET6)
		memcpy(c->ip, &in6->sin6_addr, 16);
	addr_unmap(&c->family, c->ip);
	c->proxy = c->family == AF_UNIX ||
	    conf_is_proxy(c->front->child.conf, c->family, c->ip);
}

void
client_new(struct front *f, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct client *c;
	enum place place;

	f->counters.connections++;
	if (f->nclients >= f->clients_max ||
	    (c = calloc(1, sizeof(*c))) == NULL) {
		f->counters.refused++;
		close(fd);
		return;
	}
	c->front = f;
	c->fd = fd;
	c->file_fd = -1;
	f->nclients++;
	if (len >= sizeof(sa->sa_family))
		client_set_address(c, sa);
	place = client_find_place(c);
	if (place != PLACE_FREE)
		f->counters.refused++;
	if (place == PLACE_NEVER) {
		client_free(c);
		return;
	}
	if (place == PLACE_NONE) {
		reply_refuse(c, NULL, 503, "too many connections; try again "
		    "in a moment");
		client_resume(c);
		return;
	}
	client_set_deadline(c, DEADLINE_HEADER);
	/* Most clients have sent their request by now. */
	client_read(c);
}

static void
client_expire(struct client *c)
{
	switch (c->deadline) {
	case DEADLINE_HEADER:
		/* A client that has not said a word gets none either. */
		if (c->in.len > 0) {
			reply_refuse(c, NULL, 408, "the request did not "
			    "arrive in time; send it again");
			client_resume(c);
			return;
		}
		break;
	case DEADLINE_BODY:
		reply_refuse(c, NULL, 408, "the body did not arrive in time; "
		    "send the request again");
		client_resume(c);
		return;
	case DEADLINE_WAIT:
		front_on_job(c);
		return;
	case DEADLINE_WRITE:
		if (client_is_taking(c)) {
			client_set_deadline(c, DEADLINE_WRITE);
			return;
		}
		break;
	default:
		break;
	}
	client_free(c);
}

void
client_tick(struct front *f)
{
	uint64_t now = clock_coarse_ms();
	struct client *c;
	int kind;

	for (kind = DEADLINE_HEADER; kind < DEADLINE_COUNT; kind++) {
		while ((c = TAILQ_FIRST(&f->deadlines[kind])) != NULL &&
		    c->deadline_ms <= now)
			client_expire(c);
	}
}

void
client_close_idle(struct front *f, bool first)
{
	struct client *c, *next;

	TAILQ_FOREACH_SAFE(c, &f->deadlines[DEADLINE_IDLE], timed, next)
		client_free(c);
	TAILQ_FOREACH_SAFE(c, &f->deadlines[DEADLINE_HEADER], timed, next)
		if (first && c->in.len == 0)
			client_free(c);
}
