/*
 * The memory of bodies that are being received, which all clients share.  It
 * is charged by what has come, not by what was announced, so that an
 * announcement takes nothing from others.
 */
#include "front.h"
#include "reply.h"

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
