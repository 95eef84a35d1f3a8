/*
 * Bodies that are being received.  Chunked ones are decoded as they come, so
 * that only what they stand for is kept.  The memory of all of them is what
 * clients share.  It is charged by what has come, not by what was announced,
 * so that an announcement takes nothing from others.
 */
#include <unistd.h>

#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/serve/reply.h"

#define BODIES_MAX	(64ULL << 20)	/* bytes */
#define BODY_FREE	16384		/* bytes of each that do not count */

static void
client_charge_body(struct client *c)
{
	size_t charge = 0;

	if (c->state == CLIENT_BODY && c->in.len > BODY_FREE)
		charge = c->in.len - BODY_FREE;
	c->front->bodies = c->front->bodies - c->charged + charge;
	c->charged = charge;
}

int
client_keep_bytes(struct client *c, const void *bytes, size_t len)
{
	int r = buf_add(&c->in, bytes, len);

	client_charge_body(c);
	return r;
}

/* The head is there, the body is not: is it worth reading? */
static int
client_want_body(struct client *c, const struct http_request *req,
    const char *bytes, size_t len)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->state != CLIENT_BODY) {
		if (!front_on_request(c, req, bytes, NULL))
			return 0;
		c->state = CLIENT_BODY;
		c->want = req->chunked ? SIZE_MAX :
		    req->head_len + req->content_length;
		client_set_deadline(c, DEADLINE_BODY);
	}
	if (req->expect_continue && !c->said_continue &&
	    len == req->head_len) {
		/* 25 bytes into a socket without room: this client is not
		   reading, and half a line would spoil what follows. */
		if (write(c->fd, go_on, sizeof(go_on) - 1) !=
		    sizeof(go_on) - 1) {
			c->broken = true;
			c->state = CLIENT_END;
			return 0;
		}
		c->said_continue = true;
	}
	return 1;
}

/*
 * A chunked body that follows its head in these bytes is decoded where it
 * lies.  How many bytes it takes, with the head; 0: more of it is to come, and
 * what is decoded of it goes up to *len; -1: it was refused.
 */
static ssize_t
client_take_chunked(struct client *c, struct http_request *req, char *bytes,
    size_t *len)
{
	size_t used, body;
	const char *why;
	int status;

	chunked_start(&c->chunked, c->front->child.conf->max_body);
	status = chunked_decode(&c->chunked, bytes + req->head_len,
	    *len - req->head_len, &used, &body, &why);
	if (status > 0) {
		reply_refuse(c, req, status, why);
		return -1;
	}
	if (status == 0) {
		req->content_length = body;
		return (ssize_t)(req->head_len + used);
	}
	if (!client_want_body(c, req, bytes, *len))
		return -1;
	*len = req->head_len + body;
	return 0;
}

ssize_t
client_take_body(struct client *c, struct http_request *req, char *bytes,
    size_t *len)
{
	uint64_t total = req->head_len + req->content_length;

	if (req->chunked && c->state != CLIENT_BODY)
		return client_take_chunked(c, req, bytes, len);
	if (req->chunked) {
		/* Decoded while it came: client_keep_body(). */
		req->content_length = c->want - req->head_len;
		return (ssize_t)c->want;
	}
	if (*len >= total)
		return (ssize_t)total;
	return client_want_body(c, req, bytes, *len) ? 0 : -1;
}

/* The request of a body that is not one: its head is there. */
static void
client_refuse_body(struct client *c, int status, const char *why)
{
	struct http_request req;
	const char *none;

	if (http_parse((char *)c->in.data, c->in.len, &req, &none) == 0)
		reply_refuse(c, &req, status, why);
	else
		reply_refuse(c, NULL, status, why);
	client_drop_bytes(c, c->in.len);
}

int
client_keep_body(struct client *c, char *bytes, size_t len)
{
	size_t used, body;
	const char *why;
	int status;

	if (c->state != CLIENT_BODY || c->want != SIZE_MAX)
		return client_keep_bytes(c, bytes, len);
	status = chunked_decode(&c->chunked, bytes, len, &used, &body, &why);
	if (status > 0) {
		client_refuse_body(c, status, why);
		return 0;
	}
	if (client_keep_bytes(c, bytes, body) == -1)
		return -1;
	if (status == -1)
		return 0;
	c->want = c->in.len;
	return client_keep_bytes(c, bytes + used, len - used);
}

void
client_drop_bytes(struct client *c, size_t len)
{
	struct buf rest = { 0 };

	buf_drop(&c->in, len);
	/* A body's memory goes with it, also with a request behind it. */
	if (c->in.len == 0 || (len > SCRATCH_LEN &&
	    buf_add(&rest, c->in.data, c->in.len) == 0)) {
		buf_free(&c->in);
		c->in = rest;
	}
	client_charge_body(c);
}

/*
 * Who has been sending for the longest goes, not who comes last: a few who
 * dawdle with long bodies would keep everybody off until their deadline.
 */
void
clients_make_room(struct front *f)
{
	uint64_t max = 2 * f->child.conf->max_body;
	struct client *c;

	if (max < BODIES_MAX)
		max = BODIES_MAX;
	while (f->bodies > max) {
		TAILQ_FOREACH(c, &f->deadlines[DEADLINE_BODY], timed)
			if (c->charged > 0)
				break;
		if (c == NULL)
			return;
		reply_refuse(c, NULL, 503, "too much is being sent here at "
		    "once; send the request again in a moment");
		/* Before it has taken the answer, for which it may let us
		   wait. */
		client_drop_bytes(c, c->in.len);
		client_resume(c);
	}
}
