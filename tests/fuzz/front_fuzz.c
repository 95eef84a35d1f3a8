/* SPDX-License-Identifier: ISC */
/*
 * The front between clients and peers that do anything.  The input is a
 * list of steps: a client asks, leaves or sends anything; a walker, hasher, the
 * cache or the tracker answers a question, as it should, changed, cut, twice or
 * not at all, or says something nobody asked for; it is lost and another
 * comes; time passes; the configuration changes; the helper of whitelist-socket
 * does anything.
 *
 * In the end, once all peers are honest and all clients have gone,
 * nothing may be left: no job, no file being hashed, no descriptor.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <stdint.h>
#include <time.h>

static uint64_t	fuzz_ms = 1000000;

/* Time passes when the input says so. */
static int
fuzz_clock(clockid_t id, struct timespec *ts)
{
	ts->tv_sec = (time_t)(fuzz_ms / 1000) +
	    (id == CLOCK_MONOTONIC_COARSE ? 0 : 1700000000);
	ts->tv_nsec = (long)(fuzz_ms % 1000) * 1000000;
	return 0;
}

#define clock_gettime	fuzz_clock
#include "common/clock.c"
#undef clock_gettime
#include "common/seal.h"
#include "pkgtorrentd/front/conn/conn.c"
#include "pkgtorrentd/front/front.c"

#include <fnmatch.h>

#include "common/torrent.h"
#include "common/tree_path.h"
#include "tests/lib/fuzz.h"

#define CLIENTS		6
#define PEERS		6	/* cache, two walkers, two hashers, tracker */
#define PENDING		64
#define ROUNDS		3000
#define DESCRIPTORS	200	/* more than there ever are */
#define FILE_LEN	(3U << 20)

struct answer_to {
	enum msg_type	 type;
	uint8_t		*body;		/* body and tail of the question */
	size_t		 len;
};

struct other {
	enum role		 role;
	uint32_t		 index;
	struct channel		 ch;
	struct answer_to	 asked[PENDING];
	unsigned		 n;
	struct buf		 specs;		/* of a RESOLVE so far */
	struct buf		 remembered;	/* by the last PUT_INFO */
};

static struct front	 front;
static struct channel	 parent;
static struct other	 others[PEERS];
static int		 clients[CLIENTS];
static int		 helper = -1;	/* of whitelist-socket */
static int		 a_file = -1;	/* read-only */
static int		 no_file = -1;	/* could be written */
static uint8_t		 room[MSG_MAX] __attribute__((__aligned__(8)));
static uint8_t		 version[8];	/* of each file */

/* The mirror: names, and sizes around the borders of pieces. */
static const struct {
	const char	*path;
	uint64_t	 size;
} files[] = {
	{ "/d/a", 100 }, { "/d/b", 16384 }, { "/d/c", 0 },
	{ "/d/e/f", 3 * 16384 + 1 }, { "/d/long", 40 << 20 },
	{ "/e/x", 70000 }, { "/r/p", 50000 }, { "/r/q", 17 << 20 },
};
#define NFILES	(sizeof(files) / sizeof(files[0]))

static struct identity
file_identity(size_t i)
{
	return (struct identity){ .ino = i + 1, .size = files[i].size +
	    version[i] % 3, .mtime_ns = version[i],
	    .ctime_ns = version[i] & 0x80 ? INT64_MAX : version[i] };
}

static const char *const confs[] = {
	"root /srv\nroot /r /srv2\nhashers 2\npiece-length 16K\n"
	"serve-files yes\nmax-queue 6\nmax-jobs-per-client 3\n"
	"cache /c\ntrackers /t\nlisten 127.0.0.1:80\n",
	"root /srv\nroot /r /srv2\nhashers 2\npiece-length 32K\n"
	"revalidate 0s\nhash-wait 1s\npadding attr\nproxy none\ncors yes\n"
	"whitelist-socket /w\n"
	"cache /c\ntrackers /t\nlisten 127.0.0.1:80\n",
	"root /srv\nroot /d/e /srv2\nhashers 2\npiece-length 16K\n"
	"max-connections 3\nmax-files 3\nhot-size 1M\nmax-torrent 2K\n"
	"cache /c\ntrackers /t\nlisten 127.0.0.1:80\n",
};

#define TORRENT	"aaaaaaaaaaaaaaaaaaaa"

static const char *const requests[] = {
	"GET /d/torrent_service/single/d/a HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/simple/d/b HTTP/1.0\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/single/d/* HTTP/1.1\r\nHost: h\r\n\r\n",
	"HEAD /d/torrent_service/single/d/** HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/single/r/p HTTP/1.1\r\nHost: h\r\n"
	"X-Forwarded-For: 10.0.0.1\r\n\r\n",
	"GET /d/torrent_service/single/r/* HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/single/d/long HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/single/d/none HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/single/** HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/meta4/d/a HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/meta4/d/* HTTP/1.1\r\nHost: h\r\n"
	"If-None-Match: \"e\"\r\n\r\n",
	"HEAD /d/torrent_service/meta4/r/* HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/nullfile/16000_0 HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/b HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /r/q HTTP/1.1\r\nHost: h\r\nRange: bytes=5-9\r\n\r\n",
	"GET /d/torrent_service/digest/"
	"7bdbef8ee9c0a3ea9cb9a4abcb88d1a5b5fd5c4e HTTP/1.1\r\nHost: h\r\n\r\n",
	/* With the digests of /d/a; of /d/a, /d/e/f; of /d/a, /r/p. */
	"GET /d/torrent_service/digest/%s?p=/d/a HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/digest/%s?p=/d/a&p=/d/e/f HTTP/1.1\r\n"
	"Host: h\r\n\r\n",
	"GET /d/torrent_service/digest/%s?p=/d/a&p=/r/p HTTP/1.1\r\n"
	"Host: h\r\n\r\n",
	"GET /d/torrent_service/digest/%s HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /d/torrent_service/digest/%s?piece=auto HTTP/1.1\r\n"
	"Host: h\r\n\r\n",
	"GET /d/torrent_service/digest/%s?piece=auto&p=/d/a HTTP/1.1\r\n"
	"Host: h\r\n\r\n",
	/* With the token of a torrent of letters. */
	"GET /d/torrent_service/t/%s/announce?info_hash=" TORRENT
	"&port=1&left=0 HTTP/1.1\r\nHost: h\r\n"
	"X-Forwarded-For: 192.0.2.1\r\n\r\n",
	"GET /d/torrent_service/t/%s/announce?info_hash=" TORRENT
	"&port=2&left=7&compact=0 HTTP/1.0\r\nHost: h\r\n"
	"X-Forwarded-For: 2001:db8::1\r\n\r\n",
	"GET /d/torrent_service/t/%s/scrape?info_hash=" TORRENT
	" HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
};
static const char *const forms[] = { "/d/a", "/d/a\n/d/e/f", "/d/a\n/r/p",
	"/d/a\n/d/e/f", "/d/a\n/d/e/f", "/d/a" };
#define NREQUESTS	(sizeof(requests) / sizeof(requests[0]))
#define FIRST_FORM	16
#define FIRST_ANNOUNCE	22

static const uint8_t tracker_key[SEAL_LEN] = "the key of the tracker";

static void
send_request(int fd, unsigned which)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * SHA1_LEN + 1], text[512];
	uint8_t digest[SHA1_LEN];
	size_t i, len = SHA1_LEN;
	const char *form;

	which %= NREQUESTS;
	if (which >= FIRST_ANNOUNCE) {
		len = SEAL_TOKEN_LEN;
		seal_token(tracker_key, (const uint8_t *)TORRENT, digest);
	} else {
		form = forms[which < FIRST_FORM ? 0 : which - FIRST_FORM];
		sha1(form, strlen(form), digest);
	}
	for (i = 0; i < len; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * len] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	i = (size_t)snprintf(text, sizeof(text), requests[which], hex);
#pragma GCC diagnostic pop
	(void)!write(fd, text, i);
}

static void
loop(void)
{
	struct msg_wrong wrong;
	struct msg msg;
	int i;

	for (i = 0; i < 4; i++)
		event_base_loop(front.base, EVLOOP_NONBLOCK);
	/* Its messages to the parent. */
	while (msg_recv(&parent, room, &msg, &wrong) == MSG_GOT)
		msg_close_fds(&msg);
}

static void
other_forget(struct other *o)
{
	while (o->n > 0)
		free(o->asked[--o->n].body);
	buf_free(&o->specs);
}

/* The parent starts it anew. */
static void
other_start(struct other *o)
{
	struct msg_channel body = { .role = o->role, .index = o->index };
	int fds[2];

	other_forget(o);
	if (o->ch.fd != -1)
		close(o->ch.fd);
	require(msg_pair(fds) == 0);
	require(msg_send(&parent, MSG_CHANNEL, &body, NULL, 0, &fds[1],
	    1) == 0);
	close(fds[1]);
	o->ch = (struct channel){ .fd = fds[0], .self = o->role,
	    .peer = ROLE_FRONT };
	loop();
}

/* The front's questions meanwhile. */
static void
other_listen(struct other *o)
{
	struct msg_wrong wrong;
	struct msg msg;

	while (o->n < PENDING && o->ch.fd != -1) {
		switch (msg_recv(&o->ch, room, &msg, &wrong)) {
		case MSG_GOT:
			break;
		case MSG_AGAIN:
			return;
		case MSG_CLOSED:
			close(o->ch.fd);
			o->ch.fd = -1;
			return;
		case MSG_WRONG_ONE:
			abort();
		}
		msg_close_fds(&msg);
		o->asked[o->n].type = msg.type;
		o->asked[o->n].len = msg_body_len(msg.type) + msg.tail_len;
		o->asked[o->n].body = malloc(o->asked[o->n].len);
		require(o->asked[o->n].body != NULL);
		memcpy(o->asked[o->n++].body, msg.body,
		    msg_body_len(msg.type) + msg.tail_len);
	}
}

/* An answer in the making, and how the input spoils it. */
struct saying {
	enum msg_type	 type;
	uint8_t		 body[256];
	struct buf	 tail;
	int		 nfds;
};

static void
say(struct other *o, struct saying *s, const void *body, bool spoil)
{
	int fds[MSG_FDS_MAX], i, times = 1;
	size_t body_len = msg_body_len(s->type), at;
	uint8_t kind = spoil ? next() : 0;

	memcpy(s->body, body, body_len);
	if (s->tail.len > MSG_TAIL_MAX)
		s->tail.len = MSG_TAIL_MAX;
	if (kind & 1)
		s->body[next() % body_len] ^= (uint8_t)(1U << next() % 8);
	if ((kind & 2) && s->tail.len > 0) {
		at = (size_t)(next() << 8 | next()) % s->tail.len;
		s->tail.data[at] = next();
	}
	if (kind & 4)
		s->tail.len -= s->tail.len * next() / 256;
	if (kind & 8)
		s->nfds = next() % (MSG_FDS_MAX + 1);
	if (kind & 16)
		times = 2;
	if ((kind & 32) && s->tail.len >= 8) {
		/* Numbers that are large. */
		at = (size_t)next() % (s->tail.len / 4) * 4;
		memset(s->tail.data + at, 0xff, 4);
	}
	if ((kind & 64) && s->tail.len > 0 && s->tail.len < 1000) {
		require(buf_reserve(&s->tail, s->tail.len) != NULL);
		memcpy(s->tail.data + s->tail.len, s->tail.data, s->tail.len);
		s->tail.len *= 2;
	}
	if (kind & 128)
		times = 0;
	for (i = 0; i < s->nfds; i++)
		fds[i] = (kind & 8) && next() % 8 == 0 ? no_file : a_file;
	for (; times > 0 && o->ch.fd != -1; times--) {
		(void)msg_send(&o->ch, s->type, s->body, s->tail.data,
		    s->tail.len, fds, s->nfds);
		loop();
	}
	buf_free(&s->tail);
}

static void
add(struct buf *b, const void *p, size_t len)
{
	require(buf_add(b, p, len) == 0);
}

static bool
other_serves(const struct other *o, const char *path)
{
	return conf_root_of(front.child.conf, path, strlen(path)) ==
	    (int)o->index;
}

static bool
spec_matches(const struct other *o, const uint8_t *spec, uint32_t len,
    size_t file)
{
	const char *path = files[file].path;
	char pattern[SPEC_MAX + 1];

	memcpy(pattern, spec, len);
	pattern[len] = '\0';
	return other_serves(o, path) &&
	    fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0;
}

/* Specs, as they came in all parts, to a listing. */
static void
resolve(struct other *o, struct buf *listing)
{
	const uint8_t *at = o->specs.data, *end = at + o->specs.len;
	struct msg_spec spec;
	struct identity id;
	uint32_t n;
	size_t i;

	while (at < end) {
		memcpy(&spec, at, sizeof(spec));
		at += sizeof(spec);
		for (n = 0, i = 0; i < NFILES; i++)
			n += spec_matches(o, at, spec.len, i);
		require(listing_add_spec(listing, spec.index, n > 0 ?
		    PATH_OK : PATH_MISSING, at, spec.len, n) == 0);
		for (i = 0; i < NFILES; i++) {
			if (!spec_matches(o, at, spec.len, i))
				continue;
			id = file_identity(i);
			require(listing_add_file(listing, &id, files[i].path,
			    strlen(files[i].path)) == 0);
		}
		at += spec.len;
	}
}

static void
answer_resolve(struct other *o, const struct answer_to *q, bool spoil)
{
	const struct msg_resolve *body = (const void *)q->body;
	struct msg_resolved end = { .id = body->id, .result = RESOLVE_OK };
	struct msg_id part = { body->id };
	struct saying s = { .type = MSG_LISTING };

	add(&o->specs, q->body + sizeof(*body), q->len - sizeof(*body));
	if (body->flags & PART_MORE)
		return;
	resolve(o, &s.tail);
	o->specs.len = 0;
	sha256(s.tail.data, s.tail.len, end.listing_sha256);
	if ((body->flags & RESOLVE_EXPECT) && memcmp(end.listing_sha256,
	    body->expect, SEAL_LEN) == 0) {
		end.result = RESOLVE_SAME;
		buf_free(&s.tail);
	} else {
		say(o, &s, &part, spoil);
	}
	memset(&s, 0, sizeof(s));
	s.type = MSG_RESOLVED;
	if (spoil && next() % 8 == 0)
		end.result = next() % 10;
	say(o, &s, &end, spoil);
}

/* The next two files of the tree; they are in order. */
static void
answer_walk(struct other *o, const struct answer_to *q, bool spoil)
{
	const struct msg_walk *body = (const void *)q->body;
	struct msg_walked answer = { .id = body->id, .result = WALK_END };
	struct str tree = { (const char *)q->body + sizeof(*body),
	    body->tree_len };
	struct str after = { tree.p + tree.len, body->after_len }, path;
	struct saying s = { .type = MSG_WALKED };
	struct msg_file item;
	size_t i;

	for (i = 0; i < NFILES && answer.count < 2; i++) {
		path = (struct str){ files[i].path, strlen(files[i].path) };
		if (!other_serves(o, path.p) || !tree_path_is_in(path, tree) ||
		    tree_path_compare(path, after) <= 0)
			continue;
		item = (struct msg_file){ .index = answer.count++,
		    .len = (uint32_t)path.len,
		    .identity = file_identity(i) };
		add(&s.tail, &item, sizeof(item));
		add(&s.tail, path.p, path.len);
		after = path;
	}
	if (answer.count == 2) {
		answer.result = WALK_MORE;
		answer.position_len = (uint32_t)after.len;
		add(&s.tail, after.p, after.len);
	}
	say(o, &s, &answer, spoil);
}

static void
answer_open(struct other *o, const struct answer_to *q, bool spoil)
{
	const struct msg_open *body = (const void *)q->body;
	struct msg_opened answer = { .id = body->id, .count = body->count };
	const uint8_t *at = q->body + sizeof(*body);
	struct saying s = { .type = MSG_OPENED };
	struct msg_opened_item item;
	struct msg_path path;
	uint32_t i;
	size_t f;

	for (i = 0; i < body->count; i++) {
		memcpy(&path, at, sizeof(path));
		at += sizeof(path);
		memset(&item, 0, sizeof(item));
		item.status = PATH_MISSING;
		for (f = 0; f < NFILES; f++) {
			if (strlen(files[f].path) != path.len ||
			    memcmp(files[f].path, at, path.len) != 0)
				continue;
			item.status = PATH_OK;
			item.identity = file_identity(f);
			s.nfds++;
		}
		at += path.len;
		add(&s.tail, &item, sizeof(item));
	}
	say(o, &s, &answer, spoil);
}

static void
answer_hash(struct other *o, const struct answer_to *q, bool spoil)
{
	const struct msg_hash *body = (const void *)q->body;
	struct msg_digests answer = { .id = body->id, .count = body->count };
	const uint8_t *at = q->body + sizeof(*body);
	struct saying s = { .type = MSG_DIGESTS };
	struct msg_digests_item item;
	struct msg_range range;
	uint8_t digest[SHA1_LEN] = { 0 };
	uint32_t i, j;
	size_t f;

	for (i = 0; i < body->count; i++, at += sizeof(range)) {
		memcpy(&range, at, sizeof(range));
		memset(&item, 0, sizeof(item));
		item.status = DIGESTS_OK;
		item.flags = DIGESTS_SETTLED;
		for (f = 0; f < NFILES; f++)
			if (file_identity(f).size == range.identity.size)
				item.identity = file_identity(f);
		if (item.identity.ctime_ns == INT64_MAX)
			item.flags = 0;
		item.first = (uint32_t)(range.offset / body->piece_len);
		item.count = (uint32_t)torrent_pieces(range.len,
		    body->piece_len);
		if (range.offset + range.len == range.identity.size &&
		    range.identity.size % body->piece_len != 0 && range.len > 0)
			item.count++;
		add(&s.tail, &item, sizeof(item));
		for (j = 0; j < item.count; j++)
			add(&s.tail, digest, sizeof(digest));
	}
	say(o, &s, &answer, spoil);
}

static void
answer_info(struct other *o, const struct answer_to *q, bool spoil)
{
	static const char info[] = "d6:lengthi1e4:name1:xe";
	const struct msg_get_info *body = (const void *)q->body;
	struct msg_info answer = { .id = body->id };
	struct saying s = { .type = MSG_INFO };

	if (o->remembered.len > 0 && next() % 2 == 0) {
		answer.flags = INFO_FOUND;
		answer.listing_len = (uint32_t)o->remembered.len;
		add(&s.tail, o->remembered.data, o->remembered.len);
		if (next() % 4 != 0) {
			answer.info_len = sizeof(info) - 1;
			add(&s.tail, info, sizeof(info) - 1);
		}
	}
	say(o, &s, &answer, spoil);
}

static void
answer_pieces(struct other *o, const struct answer_to *q, bool spoil)
{
	const struct msg_get_pieces *body = (const void *)q->body;
	struct msg_pieces answer = { .id = body->id, .count = body->count };
	const uint8_t *at = q->body + sizeof(*body);
	struct saying s = { .type = MSG_PIECES };
	struct msg_pieces_item item;
	uint8_t digest[SHA1_LEN] = { 0 };
	struct msg_file file;
	uint32_t i, j;
	uint8_t how;

	for (i = 0; i < body->count; i++) {
		memcpy(&file, at, sizeof(file));
		at += sizeof(file) + file.len;
		memset(&item, 0, sizeof(item));
		item.index = file.index;
		if (file.identity.size < FILE_LEN && (how = next()) % 2 == 0) {
			item.total = item.count = (uint32_t)torrent_digests(
			    file.identity.size, body->piece_len);
			item.flags = how % 4 == 0 ? PIECES_IMPORTED : 0;
		}
		add(&s.tail, &item, sizeof(item));
		for (j = 0; j < item.count; j++)
			add(&s.tail, digest, sizeof(digest));
	}
	say(o, &s, &answer, spoil);
}

static void
take_info(struct other *o, const struct answer_to *q)
{
	o->remembered.len = 0;
	add(&o->remembered, q->body + sizeof(struct msg_put_info),
	    q->len - sizeof(struct msg_put_info));
}

static void
answer_cancel(struct other *o, const struct answer_to *q, bool spoil)
{
	const struct msg_id *body = (const void *)q->body;
	struct msg_resolved end = { .id = body->id,
	    .result = RESOLVE_CANCELLED };
	struct saying s = { .type = MSG_RESOLVED };

	say(o, &s, &end, spoil);
}

static void
answer_announce(struct other *o, const struct answer_to *q, bool spoil)
{
	const struct msg_announce *body = (const void *)q->body;
	const uint8_t *at = q->body + sizeof(*body);
	struct msg_peers answer = { .id = body->id, .count = body->count };
	struct saying s = { .type = MSG_PEERS };
	struct msg_announce_item item;
	struct msg_peers_item one;
	uint32_t i;

	for (i = 0; i < body->count; i++) {
		memcpy(&item, at + i * sizeof(item), sizeof(item));
		require(item.numwant <= NUMWANT_MAX && (item.port != 0 ||
		    item.event == ANNOUNCE_SCRAPE));
		one = (struct msg_peers_item){ .id = item.id,
		    .complete = 1, .interval_s = 120,
		    .result = ANNOUNCED + next() % ANNOUNCED_SWARM,
		    .n4 = next() % 20, .n6 = next() % 20 };
		add(&s.tail, &one, sizeof(one));
		next_bytes(&s.tail, one.n4 * PEER4_LEN + one.n6 * PEER6_LEN);
	}
	say(o, &s, &answer, spoil);
}

/* One more of its questions. 1: there was one. */
static int
other_answer(struct other *o, bool spoil)
{
	struct answer_to q;

	other_listen(o);
	if (o->n == 0)
		return 0;
	q = o->asked[0];
	memmove(o->asked, o->asked + 1, --o->n * sizeof(q));
	switch (q.type) {
	case MSG_RESOLVE:
		answer_resolve(o, &q, spoil);
		break;
	case MSG_CANCEL:
		answer_cancel(o, &q, spoil);
		break;
	case MSG_OPEN:
		answer_open(o, &q, spoil);
		break;
	case MSG_WALK:
		answer_walk(o, &q, spoil);
		break;
	case MSG_HASH:
		answer_hash(o, &q, spoil);
		break;
	case MSG_GET_INFO:
		answer_info(o, &q, spoil);
		break;
	case MSG_GET_PIECES:
		answer_pieces(o, &q, spoil);
		break;
	case MSG_PUT_INFO:
		take_info(o, &q);
		break;
	case MSG_ANNOUNCE:
		answer_announce(o, &q, spoil);
		break;
	default:
		break;
	}
	free(q.body);
	return 1;
}

/* Something out of the blue, but of a kind that it may send. */
static void
other_speak(struct other *o)
{
	static const enum msg_type types[] = { MSG_LISTING, MSG_RESOLVED,
	    MSG_SLOW, MSG_OPENED, MSG_DIGESTS, MSG_INFO, MSG_PIECES,
	    MSG_WALKED, MSG_PEERS, MSG_TRACKER_KEY, MSG_COUNTS };
	struct saying s = { .type = types[next() % 11] };
	uint64_t id = front.jobs.workers.last_id - next() % 8;
	uint8_t body[sizeof(s.body)] = { 0 };
	size_t i, n = next();

	memcpy(body, &id, sizeof(id));
	for (i = sizeof(id); i < 24; i++)
		body[i] = next();
	next_bytes(&s.tail, n);
	s.nfds = s.type == MSG_OPENED ? next() % 4 : 0;
	say(o, &s, body, false);
}

static void
client_connect(unsigned i)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	struct sockaddr_in *sa = (void *)&ss;
	int fds[2], little = 4096;

	sa->sin_addr.s_addr = htonl(i % 2 == 0 ? INADDR_LOOPBACK :
	    0xc0000200 + i);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds) == 0);
	/* So that longer answers go out bit by bit. */
	require(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &little,
	    sizeof(little)) == 0);
	conn_new(&front.conns, fds[1], &ss, sizeof(*sa));
	clients[i] = fds[0];
}

static void
client_leave(unsigned i)
{
	if (clients[i] != -1)
		close(clients[i]);
	clients[i] = -1;
	loop();
}

static void
client_hear(unsigned i)
{
	static char text[1 << 16];

	while (clients[i] != -1 && read(clients[i], text, sizeof(text)) > 0)
		loop();
}

static void
client_say(unsigned i)
{
	char text[64];
	size_t n, len = next() % sizeof(text);

	for (n = 0; n < len; n++)
		text[n] = (char)next();
	(void)!write(clients[i], text, len);
}

static void
pass(uint64_t ms)
{
	fuzz_ms += ms;
	front_on_tick(-1, 0, &front);
	loop();
}

static void
configure(const char *text)
{
	struct msg_conf body = { .role = ROLE_FRONT };
	unsigned i;

	require(msg_send(&parent, MSG_CONF, &body, text, strlen(text), NULL,
	    0) == 0);
	loop();
	/* Those that have to are started again. */
	for (i = 0; i < PEERS; i++)
		other_listen(&others[i]);
	for (i = 0; i < PEERS; i++)
		if (others[i].ch.fd == -1)
			other_start(&others[i]);
}

/* The parent wants a tree warmed, or none any longer. */
static void
warm(uint8_t arg)
{
	static const char *const trees[] = { "", "/", "/d", "/r", "/d/e",
	    "/none", "/d/", "/d/../r" };
	static const char *const after[] = { "", "/d/b", "/r/p", "/zz" };
	struct msg_warm body = { .id = arg,
	    .mode = 1 + arg / 32 % 3 };
	char tail[64];

	snprintf(tail, sizeof(tail), "%s%s", trees[arg % 8],
	    after[arg / 8 % 4]);
	body.tree_len = (uint32_t)strlen(trees[arg % 8]);
	body.after_len = (uint32_t)strlen(after[arg / 8 % 4]);
	require(msg_send(&parent, MSG_WARM, &body, tail, strlen(tail), NULL,
	    0) == 0);
	loop();
}

/* The parent wants something forgotten. */
static void
purge(uint8_t arg)
{
	static const char *const trees[] = { "/", "/d", "/d/b", "/r/p",
	    "/none", "/d/", "d" };
	const char *tree = trees[arg % 7];
	struct msg_control body = { .id = arg, .command = CONTROL_PURGE,
	    .flags = next() & CONTROL_PURGE_LAST };

	require(msg_send(&parent, MSG_CONTROL, &body, tree, strlen(tree), NULL,
	    0) == 0);
	loop();
}

/* Lines are whole, of lower-case digits, and only the last may be cut. */
static void
helper_hear(void)
{
	static char text[1 << 16];
	ssize_t i, n = read(helper, text, sizeof(text));

	for (i = 0; i < n; i++)
		require(i % 41 == 40 ? text[i] == '\n' :
		    (text[i] >= '0' && text[i] <= '9') ||
		    (text[i] >= 'a' && text[i] <= 'f'));
}

/* The helper of whitelist-socket comes or goes, or answers anything. */
static void
helper_step(uint8_t arg)
{
	static const char *const answers[] = { "ok\n", "ok\nok\nok\n", "o",
	    "k\n", "no\n", "\n", "ok", "\0\n" };
	static uint32_t id;
	struct msg_whitelist body = { 0 };
	char text[300];
	int fds[2] = { -1, -1 };

	if (arg % 8 < 2) {
		if (helper != -1)
			close(helper);
		helper = -1;
	}
	if (arg % 8 == 0) {
		require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0, fds) == 0);
		helper = fds[0];
		body.id = ++id;
	}
	if (arg % 8 < 2)
		require(msg_send(&parent, MSG_WHITELIST, &body, NULL, 0,
		    &fds[1], fds[1] == -1 ? 0 : 1) == 0);
	else if (helper != -1 && arg % 8 == 2) {
		memset(text, arg, sizeof(text));
		(void)!write(helper, text, next());
	} else if (helper != -1 && arg % 8 < 6)
		(void)!write(helper, answers[arg / 8],
		    strlen(answers[arg / 8]) + (arg / 8 == 7) * 2);
	if (fds[1] != -1)
		close(fds[1]);
	loop();
	/* The time in which lines become one write. */
	if (arg % 8 == 6)
		usleep(10000);
	loop();
	if (helper != -1)
		helper_hear();
}

static void
step(void)
{
	uint8_t what = next(), arg = next();
	struct other *o = &others[arg < 240 ? arg % 5 : PEERS - 1];
	unsigned c = arg % CLIENTS;

	switch (what % 16) {
	case 0: case 1: case 2:
		if (clients[c] == -1)
			client_connect(c);
		send_request(clients[c], next());
		loop();
		break;
	case 3: case 4: case 5: case 6:
		other_answer(o, false);
		break;
	case 7: case 8:
		other_answer(o, true);
		break;
	case 9:
		other_speak(o);
		break;
	case 10:
		other_start(o);
		break;
	case 11:
		client_leave(c);
		break;
	case 12:
		pass(arg & 1 ? arg * 20U : arg * 3000U);
		break;
	case 13:
		version[arg % NFILES] = next();
		break;
	case 14:
		client_hear(c);
		if (clients[c] == -1)
			client_connect(c);
		client_say(c);
		loop();
		break;
	case 15:
		if (arg >= 192)
			helper_step(arg - 192);
		else if (arg >= 160)
			purge(arg);
		else if (arg >= 64)
			warm(arg);
		else
			configure(confs[arg % 3]);
		break;
	}
}

static void
start(void)
{
	char name[64];
	unsigned i;
	int fds[2];

	require(msg_pair(fds) == 0);
	front.child.parent = (struct channel){ .fd = fds[0],
	    .self = ROLE_FRONT, .peer = ROLE_PARENT };
	parent = (struct channel){ .fd = fds[1], .self = ROLE_PARENT,
	    .peer = ROLE_FRONT };
	log_open_child(&front.child.parent);
	front.child.conf = fuzz_conf(confs[0]);
	signal(SIGPIPE, SIG_IGN);
	front_init(&front);
	front.fds = 4000;
	front_share_descriptors(&front);
	announces_set_key(&front.service, KEY_OF_CACHE, tracker_key);
	no_file = memfd_create("file", MFD_CLOEXEC);
	require(no_file != -1 && ftruncate(no_file, FILE_LEN) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", no_file);
	a_file = open(name, O_RDONLY | O_CLOEXEC);
	require(a_file != -1);
	for (i = 0; i < PEERS; i++) {
		others[i].role = i == 0 ? ROLE_CACHE : i < 3 ? ROLE_WALKER :
		    i < 5 ? ROLE_HASHER : ROLE_TRACKER;
		others[i].index = i == 0 || i == 5 ? 0 : (i - 1) % 2;
		others[i].ch.fd = -1;
		other_start(&others[i]);
	}
	memset(clients, -1, sizeof(clients));
}

/* All are honest until there is nothing left to say. */
static void
settle(void)
{
	int rounds, busy = 1;
	unsigned i;

	for (rounds = 0; busy; rounds++) {
		require(rounds < ROUNDS);
		busy = 0;
		for (i = 0; i < PEERS; i++) {
			other_listen(&others[i]);
			if (others[i].ch.fd == -1)
				other_start(&others[i]);
			busy |= other_answer(&others[i], false);
		}
	}
}

static void
check_nothing_left(void)
{
	require(front.conns.n == 0 && front.conns.bodies == 0);
	require(front.jobs.n == 0 && front.jobs.queued == 0);
	require(RB_EMPTY(&front.jobs.by_key) && RB_EMPTY(&front.jobs.by_id));
	require(RB_EMPTY(&front.jobs.hashq.tree));
	require(front.jobs.hashq.nopen == 0 && front.jobs.hashq.left == 0);
	require(front.jobs.hashq.left_background == 0);
	require(TAILQ_EMPTY(&front.jobs.openq.list));
	require(front.jobs.warm.report.state != WARM_RUNNING);
	require(TAILQ_EMPTY(&front.jobs.warm.parts));
	require(front.jobs.warm.files == 0 && front.jobs.warm.bytes == 0);
	require(front.jobs.warm.walk.worker == NULL && !front.jobs.warm.stale);
	require(front.jobs.purges.n == 0);
	require(TAILQ_EMPTY(&front.service.announces.q.asks));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hot_entry *e;
	unsigned i;
	int before;

	if (front.base == NULL)
		start();
	before = count_descriptors(DESCRIPTORS);
	in = data;
	in_len = len;
	while (in_len > 0)
		step();
	for (i = 0; i < CLIENTS; i++)
		client_leave(i);
	configure(confs[0]);
	if (helper != -1)
		close(helper);
	helper = -1;
	require(front.service.listing == 0);
	/* Questions without an answer go to new ones. */
	for (i = 0; i < PEERS; i++)
		other_start(&others[i]);
	settle();
	pass(11 * 60 * 1000);
	settle();
	check_nothing_left();
	while ((e = TAILQ_FIRST(&front.jobs.hot.lru)) != NULL)
		hot_remove(&front.jobs.hot, &e->key);
	front.jobs.hashq.hashed = front.jobs.hashq.rate_hashed = 0;
	memset(version, 0, sizeof(version));
	announces_set_key(&front.service, KEY_OF_CACHE, tracker_key);
	for (i = 0; i < PEERS; i++)
		buf_free(&others[i].remembered);
	front.service.access.lines.len = 0;
	require(count_descriptors(DESCRIPTORS) == before);
	return 0;
}
