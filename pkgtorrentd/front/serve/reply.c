#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include "pkgtorrentd/front/serve/forwarded.h"
#include "pkgtorrentd/front/serve/reply.h"

/* Does the client or the service want the connection to end? */
static enum conn_after
reply_after(const struct exchange *x, enum conn_after after)
{
	if (after == CONN_KEEP &&
	    (!x->req->keep_alive || x->service->conns->stopping))
		return CONN_CLOSE;
	return after;
}

/* A 412 is no error: it makes a client post its paths. */
static void
reply_count(struct counters *n, int status)
{
	n->requests++;
	n->forbidden += status == 403;
	n->client_errors += status >= 400 && status < 500 && status != 403 &&
	    status != 412;
	n->server_errors += status >= 500;
}

/* Count and log an answer. */
void
reply_log(struct service *s, const struct conn *c,
    const struct http_request *req, const struct access_line *line)
{
	struct conn_peer client;

	reply_count(&s->counters, line->status);
	if (s->conf->access_log == ACCESS_LOG_NO)
		return;
	forwarded_client(s->conf, conn_peer(c), req, &client);
	access_add(&s->access, &client, s->conns->date, req, line);
}

enum conn_after
reply_add_head(const struct exchange *x, struct head *h, struct out *out,
    enum conn_after after)
{
	after = reply_after(x, after);
	head_end(h, x->service->conns->date, x->req, after != CONN_KEEP);
	out_add(out, h->text, h->len, NULL);
	return after;
}

void
reply_send(const struct exchange *x, const struct out *out,
    const struct access_line *line, enum conn_after after)
{
	reply_log(x->service, x->conn, x->req, line);
	conn_send(x->conn, out, after);
}

void
reply_text(const struct exchange *x, int status, const char *why,
    const char *field, enum conn_after after)
{
	struct access_line line = { .status = status, .state = "-",
	    .info_hash = "-" };
	struct out out = OUT_EMPTY;
	char body[HEAD_TEXT_MAX];
	struct head h;
	size_t len;

	after = reply_after(x, after);
	len = head_make_text(&h, body, status, why, field,
	    x->service->conns->date, x->req, after != CONN_KEEP);
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

/* The address that is charged with the request; NULL: nobody. */
static struct addr *
reply_addr(const struct exchange *x)
{
	struct conns *conns = x->service->conns;
	struct conn_peer client;

	forwarded_client(conns->conf, conn_peer(x->conn), x->req, &client);
	if (client.proxy || client.family == AF_UNIX)
		return NULL;
	return addr_get(&conns->addrs, client.family, client.ip);
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
	http_move(&p->req, bytes, p->head);
	p->x = *x;
	p->x.req = &p->req;
	p->addr = addr;
	if (addr != NULL)
		addr->waiting++;
	return 0;
}

void
reply_unpark(struct parked *p)
{
	if (p->addr != NULL)
		p->addr->waiting--;
	addr_put(p->addr);
	free(p->head);
}
