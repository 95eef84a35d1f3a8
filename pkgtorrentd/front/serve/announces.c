/* SPDX-License-Identifier: ISC */
/*
 * A refusal is an answer with status 200, as clients expect it of a tracker:
 * they show its reason, and of another status at most the number.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bencode.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/http/announce.h"
#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/serve/reply.h"

#define LOG_INTERVAL_MS	60000
#define RETRY_SOON_MIN	1
#define RETRY_LATE_MIN	60	/* another key may be a mistake */
#define NEVER		0

/* An announce or a scrape that the tracker has. */
struct announce_wait {
	struct parked		parked;	/* first, to be found by it */
	struct announce_ask	ask;
	bool			dicts;
	bool			scrape;
	uint8_t			info_hash[SHA1_LEN];
};

static const struct announces_key *
announces_key(const struct service *s)
{
	const struct conf *conf = s->conf;

	return &s->announces.keys[conf_key_in_cache(conf) ? KEY_OF_CACHE :
	    KEY_OF_FILE];
}

void
announces_set_key(struct service *s, enum key_source source,
    const uint8_t bytes[SEAL_LEN])
{
	struct announces_key *key = &s->announces.keys[source];

	if (key->known && memcmp(key->bytes, bytes, SEAL_LEN) == 0)
		return;
	key->known = true;
	memcpy(key->bytes, bytes, SEAL_LEN);
	s->generation++;
}

bool
announces_are_named(const struct service *s)
{
	const struct conf *conf = s->conf;

	/* A NUL alone is no list. */
	return announces_key(s)->known && (conf->tracker == TRACKER_YES ||
	    (conf->tracker == TRACKER_AUTO && s->trackers.len <= 1));
}

static void
announces_hex(char *out, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

/* The service answers below any first component; the torrent's own is the one
   that the mirror's web server is most likely to pass on. */
int
announces_add_url(struct buf *url, const struct service *s,
    const struct torrent *t, const char *base)
{
	const char *name = t->path != NULL ? t->path + 1 : t->name;
	char hex[2 * SEAL_TOKEN_LEN + 1];
	uint8_t token[SEAL_TOKEN_LEN];

	seal_token(announces_key(s)->bytes, t->info_hash, token);
	announces_hex(hex, token, sizeof(token));
	if (buf_addf(url, "%s/", base) == -1 ||
	    torrent_encode_path(url, name, strcspn(name, "/")) == -1 ||
	    buf_add(url, "/", 1) == -1 || torrent_encode_path(url,
	    s->conf->service, strlen(s->conf->service)) == -1)
		return -1;
	return buf_addf(url, "/t/%s/announce%c", hex, '\0');
}

/* Answer with these bytes of bencode; NULL: to a HEAD. */
static void
announces_send(const struct exchange *x, const char *body, size_t len,
    const char *state, const uint8_t *info_hash)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n"
	    "Content-Type: text/plain\r\nCache-Control: no-store\r\n";
	static const char length[] = "Content-Length: ";
	struct service *s = x->service;
	char hex[2 * SHA1_LEN + 1] = "-", digits[32];
	struct access_line line = { .status = 200, .state = state,
	    .info_hash = hex };
	struct out out = OUT_EMPTY;
	const char *from = bencode_digits(digits, len, '\r');
	enum conn_after after;
	struct head h;

	s->announces.answered++;
	if (info_hash != NULL && s->conf->access_log != ACCESS_LOG_NO)
		announces_hex(hex, info_hash, SHA1_LEN);
	h.len = 0;
	head_add_text(&h, ok, sizeof(ok) - 1);
	if (body != NULL) {
		head_add_text(&h, length, sizeof(length) - 1);
		head_add_text(&h, from, (size_t)(digits + sizeof(digits) -
		    from));
		head_add_text(&h, "\n", 1);
	}
	/* A client comes again in minutes: do not keep its connection, of which
	   there could be thousands. */
	after = reply_add_head(x, &h, &out, conn_peer(x->conn)->proxy ?
	    CONN_KEEP : CONN_CLOSE);
	if (x->req->method != HTTP_HEAD) {
		out_add(&out, body, len, NULL);
		line.body_len = len;
	}
	reply_send(x, &out, &line, after);
}

static void
announces_refuse(const struct exchange *x, const char *why, unsigned retry_min)
{
	char body[ANNOUNCE_ANSWER_MAX];

	x->service->announces.refused++;
	announces_send(x, body, announce_build_failure(body, why, retry_min),
	    "refused", NULL);
}

/* A client that is not listed gets peers all the same. */
static const char *
announces_warning(uint32_t result)
{
	switch (result) {
	case ANNOUNCED_FULL:
		return "other peers do not learn of you: the tracker is full";
	case ANNOUNCED_ADDRESS:
		return "other peers do not learn of you: the tracker has too "
		    "many of your address";
	case ANNOUNCED_SWARM:
		return "other peers do not learn of you: four of your address "
		    "are in the swarm";
	default:
		return NULL;
	}
}

static void
announce_wait_answer(struct announce_wait *w,
    const struct msg_peers_item *item, const uint8_t *peers)
{
	const struct exchange *x = &w->parked.x;
	char body[ANNOUNCE_ANSWER_MAX];
	struct announce_answer a;
	size_t len;

	if (item == NULL) {
		announces_refuse(x, "the tracker does not answer now; try "
		    "again in a minute", RETRY_SOON_MIN);
		return;
	}
	a = (struct announce_answer){
		.complete = item->complete,
		.incomplete = item->incomplete,
		.downloaded = item->downloaded,
		.interval_s = item->interval_s,
		.warning = announces_warning(item->result),
		.peers4 = peers,
		.peers6 = peers + item->n4 * PEER4_LEN,
		.n4 = item->n4,
		.n6 = item->n6,
	};
	len = w->scrape ? announce_build_scrape(body, w->info_hash, &a) :
	    announce_build(body, &a, w->dicts);
	announces_send(x, body, len, w->scrape ? "scrape" : "announce",
	    w->info_hash);
}

static void
announce_wait_free(struct conn_parked *on)
{
	struct announce_wait *w = (struct announce_wait *)on;

	announce_leave(&w->ask);
	reply_unpark(&w->parked);
	free(w);
}

static void
announce_wait_on_done(struct announce_ask *ask,
    const struct msg_peers_item *item, const uint8_t *peers)
{
	struct announce_wait *w = (struct announce_wait *)((char *)ask -
	    offsetof(struct announce_wait, ask));

	reply_uncharge(&w->parked);
	announce_wait_answer(w, item, peers);
	announce_wait_free(&w->parked.on);
}

/* hash-wait is shorter than the tracker's time. */
static void
announce_wait_on_expired(struct conn_parked *on)
{
	struct announce_wait *w = (struct announce_wait *)on;

	announce_leave(&w->ask);
	announce_wait_on_done(&w->ask, NULL, NULL);
}

/* Wait for the tracker's answer. */
static void
announces_ask(const struct exchange *x, const char *bytes,
    struct msg_announce_item *item, bool dicts, bool scrape)
{
	struct announce_wait *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		announces_refuse(x, "out of memory; try again later",
		    RETRY_SOON_MIN);
		return;
	}
	if (reply_park(&w->parked, x, bytes) == -1) {
		free(w);
		return;
	}
	w->dicts = dicts;
	w->scrape = scrape;
	memcpy(w->info_hash, item->info_hash, SHA1_LEN);
	w->parked.on.expired = announce_wait_on_expired;
	w->parked.on.freed = announce_wait_free;
	w->ask.done = announce_wait_on_done;
	if (announceq_ask(&x->service->announces.q, &w->ask, item) == -1) {
		reply_unpark(&w->parked);
		free(w);
		announces_refuse(x, "the tracker is starting or busy; try "
		    "again in a minute", RETRY_SOON_MIN);
		return;
	}
	conn_park(x->conn, &w->parked.on);
}

/* The address of the client, as peers are to use it.  -1: it has none. */
static int
announces_take_address(const struct exchange *x,
    struct msg_announce_item *item)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct announces *all = &x->service->announces;
	struct conn_peer client;

	reply_client(x->service->conf, conn_peer(x->conn), x->req, &client);
	if (client.proxy || client.family == AF_UNIX) {
		if (log_once(&all->log_ms, LOG_INTERVAL_MS,
		    clock_coarse_ms()))
			log_warn("an announce came through a proxy that does "
			    "not name its client: have it set "
			    "X-Forwarded-For, or set \"proxy none\" if there "
			    "is no proxy");
		return -1;
	}
	if (client.family == AF_INET) {
		memcpy(item->addr, mapped, sizeof(mapped));
		memcpy(item->addr + sizeof(mapped), client.ip, 4);
	} else
		memcpy(item->addr, client.ip, sizeof(item->addr));
	return 0;
}

/* NULL, or why the query or its token is refused; *retry_min is set. */
static const char *
announces_check(const struct exchange *x, const struct request *r,
    struct msg_announce_item *item, bool *dicts, unsigned *retry_min)
{
	const struct announces_key *key = announces_key(x->service);
	struct announce_query q = { .port = 0 };
	uint8_t token[SEAL_TOKEN_LEN];
	const char *why;

	*dicts = false;
	*retry_min = NEVER;
	why = r->kind == REQUEST_SCRAPE ?
	    announce_read_scrape(r->query, q.info_hash) :
	    announce_read(r->query, &q);
	if (why != NULL)
		return why;
	if (x->service->conf->tracker == TRACKER_NO)
		return "this mirror is no tracker; remove it from the torrent";
	*retry_min = RETRY_SOON_MIN;
	if (!key->known)
		return "the tracker has no key yet; try again in a minute";
	*retry_min = RETRY_LATE_MIN;
	seal_token(key->bytes, q.info_hash, token);
	if (!seal_token_equal(token, r->token))
		return "this torrent was not made here, or under another key; "
		    "fetch the torrent again";
	memcpy(item->info_hash, q.info_hash, SHA1_LEN);
	item->port = q.port;
	item->event = (uint8_t)(r->kind == REQUEST_SCRAPE ? ANNOUNCE_SCRAPE :
	    q.event);
	item->flags = q.seed ? ANNOUNCE_SEED : 0;
	item->numwant = q.numwant;
	*dicts = q.dicts;
	return NULL;
}

void
announces_answer(const struct exchange *x, const char *bytes,
    const struct request *r)
{
	struct msg_announce_item item = { 0 };
	unsigned retry_min;
	const char *why;
	bool dicts;

	why = announces_check(x, r, &item, &dicts, &retry_min);
	if (why != NULL)
		announces_refuse(x, why, retry_min);
	else if (announces_take_address(x, &item) == -1)
		announces_refuse(x, "the proxy does not name its client",
		    RETRY_SOON_MIN);
	/* It asks for nothing that the tracker would have to do. */
	else if (x->req->method == HTTP_HEAD)
		announces_send(x, NULL, 0, r->kind == REQUEST_SCRAPE ?
		    "scrape" : "announce", item.info_hash);
	else
		announces_ask(x, bytes, &item, dicts,
		    r->kind == REQUEST_SCRAPE);
}
