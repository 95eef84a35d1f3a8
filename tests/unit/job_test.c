/* SPDX-License-Identifier: ISC */
/* Jobs, with workers that the test plays: it holds the other ends of their
   channels.  There is no HTTP here, and no client. */
#include "common/clock.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/job/charge.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/job/job_state.h"
#include "tests/lib/test.h"

#define PIECE		(1U << 20)
#define SIZE		(PIECE + 5)	/* bytes of each file */
#define DIGESTS		3		/* two pieces, one padded */
#define WALKERS		2

static const char conf_text[] = "root / /srv\nroot /other /srv/other\n"
    "hashers 1\n";

/* One end that the test plays, and the last message received there. */
struct end {
	struct channel	 ch;
	uint8_t		 buf[MSG_MAX];
	struct msg	 msg;
};

struct rig {
	struct child	 child;
	struct event_base *base;
	struct jobs	 jobs;
	struct end	 parent;
	struct end	 cache;
	struct end	 walker[WALKERS];
	struct end	 hasher;
	struct addrs	 addrs;
};

/* A request that waits, and the result that it got. */
struct request_rig {
	struct waiter		 waiter;
	bool			 done;
	unsigned		 order;		/* in which they were done */
	struct request_rig	*expires;	/* when this one is done */
	struct job_result	 result;
};

/*
 * The rig.
 */

static struct conf *
rig_conf(const char *more)
{
	struct strings none = { 0 };
	struct buf errors = { 0 }, text = { 0 };
	struct conf *conf;

	ATF_REQUIRE_EQ(0, buf_add(&text, conf_text, strlen(conf_text)));
	ATF_REQUIRE_EQ(0, buf_add(&text, more, strlen(more)));
	conf = conf_parse("test", (char *)text.data, text.len, &none,
	    &errors);
	ATF_REQUIRE_MSG(conf != NULL, "%.*s", (int)errors.len, errors.data);
	buf_free(&text);
	return conf;
}

static void
end_open(struct end *end, enum role role, enum role peer, int fd)
{
	end->ch = (struct channel){ .fd = fd, .self = role, .peer = peer };
}

/* The parent hands the front a channel to a new worker. */
static void
rig_attach(struct rig *rig, enum role role, uint32_t index, struct end *end)
{
	int pair[2];

	ATF_REQUIRE_EQ(0, msg_pair(pair));
	end_open(end, role, ROLE_FRONT, pair[1]);
	ATF_REQUIRE_EQ(0, jobs_attach(&rig->jobs, role, index, pair[0]));
}

static struct rig *
rig_start(const char *more)
{
	struct rig *rig;
	uint32_t i;
	int pair[2];

	rig = calloc(1, sizeof(*rig));
	ATF_REQUIRE(rig != NULL);
	rig->base = event_base_new();
	rig->child.conf = rig_conf(more);
	ATF_REQUIRE(rig->base != NULL);
	ATF_REQUIRE_EQ(0, msg_pair(pair));
	rig->child.parent = (struct channel){ .fd = pair[0],
	    .self = ROLE_FRONT, .peer = ROLE_PARENT };
	end_open(&rig->parent, ROLE_PARENT, ROLE_FRONT, pair[1]);
	ATF_REQUIRE_EQ(0, jobs_init(&rig->jobs, rig->base, &rig->child));
	rig->jobs.hashq.open_max = 1000;
	rig_attach(rig, ROLE_CACHE, 0, &rig->cache);
	for (i = 0; i < WALKERS; i++)
		rig_attach(rig, ROLE_WALKER, i, &rig->walker[i]);
	rig_attach(rig, ROLE_HASHER, 0, &rig->hasher);
	return rig;
}

/* The front's loop, until it has nothing to do. */
static void
rig_loop(struct rig *rig)
{
	int i;

	for (i = 0; i < 5 || turns_first(&rig->jobs.due) != NULL; i++)
		ATF_REQUIRE(event_base_loop(rig->base,
		    EVLOOP_NONBLOCK) != -1);
}

/* A process that played this role ends, and another is there. */
static void
rig_replace(struct rig *rig, enum role role, struct end *end)
{
	close(end->ch.fd);
	rig_loop(rig);
	rig_attach(rig, role, 0, end);
}

/* The message of this type that the front has sent to an end. */
static const void *
rig_expect(struct rig *rig, struct end *end, enum msg_type type)
{
	struct msg_wrong wrong;

	rig_loop(rig);
	ATF_REQUIRE_EQ_MSG(MSG_GOT, msg_recv(&end->ch, end->buf, &end->msg,
	    &wrong), "no %s came", msg_name(type));
	ATF_REQUIRE_STREQ(msg_name(type), msg_name(end->msg.type));
	msg_close_fds(&end->msg);
	return end->msg.body;
}

static void
rig_expect_nothing(struct rig *rig, struct end *end)
{
	struct msg_wrong wrong;

	rig_loop(rig);
	ATF_CHECK_EQ(MSG_AGAIN, msg_recv(&end->ch, end->buf, &end->msg,
	    &wrong));
}

/* A message of a worker, which the front handles. */
static void
rig_say(struct rig *rig, struct end *end, enum msg_type type,
    const void *body, const void *tail, size_t len)
{
	ATF_REQUIRE_EQ(0, msg_send(&end->ch, type, body, tail, len, NULL, 0));
	rig_loop(rig);
}

/*
 * Requests.
 */

static void
request_take(struct request_rig *r, const struct job_result *result)
{
	static unsigned order;

	r->done = true;
	r->order = ++order;
	r->result = *result;
	if (r->result.torrent != NULL)
		torrent_ref(r->result.torrent);
}

/* As a client does whose hash-wait is over. */
static void
request_expire(struct request_rig *r)
{
	const struct job_result *result;
	struct job_progress progress;

	result = job_progress(r->waiter.job, &progress);
	job_leave(&r->waiter);
	if (result != NULL)
		request_take(r, result);
}

static void
request_on_done(struct waiter *w, const struct job_result *result)
{
	struct request_rig *r = (struct request_rig *)(void *)w;

	request_take(r, result);
	if (r->expires != NULL)
		request_expire(r->expires);
}

/* The piece length that requests ask for. */
static enum piece_kind request_piece;

/* Wait for the torrent of these paths (joined by newlines), which the request
   brings along or not. */
static void
request_send(struct rig *rig, struct request_rig *r, const char *paths,
    bool brings, bool multi, struct addr *addr)
{
	struct torrent_key key = { .multi = multi,
	    .piece = (uint8_t)request_piece };
	struct specs specs = { 0 };
	const char *p;

	memset(r, 0, sizeof(*r));
	sha1(paths, strlen(paths), key.digest);
	for (p = paths; brings; p += strcspn(p, "\n") + 1) {
		ATF_REQUIRE_EQ(0, specs_add(&specs, p, strcspn(p, "\n")));
		if (strchr(p, '\n') == NULL)
			break;
	}
	r->waiter.addr = addr;
	r->waiter.done = request_on_done;
	ATF_REQUIRE_EQ(0, job_want(&rig->jobs, &key, &specs, NULL,
	    &r->waiter));
	specs_free(&specs);
	rig_loop(rig);
}

static void
request_check(struct rig *rig, struct request_rig *r, int status)
{
	rig_loop(rig);
	ATF_REQUIRE_MSG(r->done, "the request still waits");
	ATF_CHECK_EQ_MSG(status, r->result.status, "%d instead of %d: %s",
	    r->result.status, status, r->result.why);
	ATF_CHECK_EQ(status == 200, r->result.torrent != NULL);
	torrent_unref(r->result.torrent);
	r->result.torrent = NULL;
}

/* The torrent that the front remembers for these paths, or NULL. */
static struct torrent *
rig_remembers(struct rig *rig, const char *paths, bool *known)
{
	struct torrent_key key = { .multi = 1 };
	struct hot_entry *e;

	sha1(paths, strlen(paths), key.digest);
	e = hot_find(&rig->jobs.hot, &key);
	*known = e != NULL;
	return e != NULL ? e->torrent : NULL;
}

/*
 * The workers' parts.
 */

/* All files have this identity; version makes them another one. */
static struct identity
identity(int version)
{
	return (struct identity){ .ino = 1, .size = SIZE,
	    .mtime_ns = version, .ctime_ns = version };
}

/* A listing of plain paths, each of them a file. */
static struct buf
listing(const char *paths, struct identity id)
{
	struct buf out = { 0 };
	uint32_t index = 0;
	const char *p;
	size_t len;

	for (p = paths; *p != '\0'; index++) {
		len = strcspn(p, "\n");
		ATF_REQUIRE_EQ(0, listing_add_spec(&out, index, PATH_OK, p,
		    len, 1));
		ATF_REQUIRE_EQ(0, listing_add_file(&out, &id, p, len));
		p += len + (p[len] == '\n');
	}
	return out;
}

static void
cache_knows_nothing(struct rig *rig)
{
	const struct msg_get_info *asked = rig_expect(rig, &rig->cache,
	    MSG_GET_INFO);
	struct msg_info body = { .id = asked->id };

	rig_say(rig, &rig->cache, MSG_INFO, &body, NULL, 0);
}

/* List the files, and claim to have worked for so long.  Returns the client
   that was named. */
static uint32_t
walker_works(struct rig *rig, const char *paths, struct identity id,
    uint32_t used_us)
{
	struct end *walker = &rig->walker[0];
	const struct msg_resolve *asked = rig_expect(rig, walker,
	    MSG_RESOLVE);
	struct msg_id part = { .id = asked->id };
	struct msg_resolved body = { .id = asked->id, .result = RESOLVE_OK,
	    .used_us = used_us };
	struct buf records = listing(paths, id);
	const uint32_t client = asked->client;

	sha256(records.data, records.len, body.listing_sha256);
	rig_say(rig, walker, MSG_LISTING, &part, records.data, records.len);
	rig_say(rig, walker, MSG_RESOLVED, &body, NULL, 0);
	buf_free(&records);
	return client;
}

/* Returns the client that was named. */
static uint32_t
walker_lists(struct rig *rig, const char *paths, struct identity id)
{
	return walker_works(rig, paths, id, 0);
}

static void
walker_refuses(struct rig *rig, struct end *walker, uint32_t result)
{
	const struct msg_resolve *asked = rig_expect(rig, walker,
	    MSG_RESOLVE);
	struct msg_resolved body = { .id = asked->id, .result = result };

	rig_say(rig, walker, MSG_RESOLVED, &body, NULL, 0);
}

/* The pieces that the cache has: imported or not, and each byte of them. */
static uint32_t pieces_flags;
static uint8_t pieces_byte;

/* Zeros are the digests of all pieces: of n files, or none of them. */
static void
cache_answers_pieces(struct rig *rig, uint32_t n, bool known)
{
	static uint8_t digests[DIGESTS * SHA1_LEN];
	const struct msg_get_pieces *asked = rig_expect(rig, &rig->cache,
	    MSG_GET_PIECES);
	struct msg_pieces body = { .id = asked->id, .count = n };
	struct msg_pieces_item item = { 0 };
	struct buf tail = { 0 };

	ATF_CHECK_EQ(n, asked->count);
	memset(digests, pieces_byte, sizeof(digests));
	item.total = item.count = known ? DIGESTS : 0;
	item.flags = known ? pieces_flags : 0;
	for (; item.index < n; item.index++) {
		ATF_REQUIRE_EQ(0, buf_add(&tail, &item, sizeof(item)));
		ATF_REQUIRE_EQ(0, buf_add(&tail, digests,
		    (size_t)item.count * SHA1_LEN));
	}
	rig_say(rig, &rig->cache, MSG_PIECES, &body, tail.data, tail.len);
	buf_free(&tail);
}

/* Digests in one message. */
#define PART		3000U

static void
cache_sends_part(struct rig *rig, uint64_t id, uint64_t total, uint64_t first)
{
	static const uint8_t zeros[PART * SHA1_LEN];
	struct msg_pieces body = { .id = id, .count = 1 };
	struct msg_pieces_item item = { .total = (uint32_t)total,
	    .first = (uint32_t)first, .count = PART };
	struct buf tail = { 0 };

	if (item.total - item.first < PART)
		item.count = item.total - item.first;
	ATF_REQUIRE_EQ(0, buf_add(&tail, &item, sizeof(item)));
	ATF_REQUIRE_EQ(0, buf_add(&tail, zeros, item.count * SHA1_LEN));
	ATF_REQUIRE_EQ(0, msg_send(&rig->cache.ch, MSG_PIECES, &body,
	    tail.data, tail.len, NULL, 0));
	buf_free(&tail);
}

/* All parts of a file's pieces but the last; the number of the job. */
static uint64_t
cache_begins_pieces(struct rig *rig, uint64_t size)
{
	const struct msg_get_pieces *asked = rig_expect(rig, &rig->cache,
	    MSG_GET_PIECES);
	uint64_t id = asked->id, total = torrent_digests(size, PIECE), at;

	for (at = 0; at + PART < total; at += PART) {
		cache_sends_part(rig, id, total, at);
		rig_loop(rig);
	}
	return id;
}

/* The last part, which is not handled yet. */
static void
cache_ends_pieces(struct rig *rig, uint64_t id, uint64_t size)
{
	uint64_t total = torrent_digests(size, PIECE);

	cache_sends_part(rig, id, total, (total - 1) / PART * PART);
}

/* Open n files, which have this identity by now. */
static void
walker_opens(struct rig *rig, uint32_t n, struct identity id)
{
	const struct msg_open *asked = rig_expect(rig, &rig->walker[0],
	    MSG_OPEN);
	struct msg_opened body = { .id = asked->id, .count = n };
	struct msg_opened_item item[MSG_FDS_MAX];
	int fds[MSG_FDS_MAX];
	uint32_t i;

	ATF_REQUIRE_EQ(n, asked->count);
	memset(item, 0, sizeof(item));
	for (i = 0; i < n; i++) {
		item[i].status = PATH_OK;
		item[i].identity = id;
		fds[i] = open("/proc/self/exe", O_RDONLY);
		ATF_REQUIRE(fds[i] != -1);
	}
	ATF_REQUIRE_EQ(0, msg_send(&rig->walker[0].ch, MSG_OPENED, &body,
	    item, n * sizeof(item[0]), fds, (int)n));
	for (i = 0; i < n; i++)
		close(fds[i]);
	rig_loop(rig);
}

/* Hash a batch of n whole files. */
static void
hasher_hashes(struct rig *rig, uint32_t n, struct identity id)
{
	static const uint8_t zeros[DIGESTS * SHA1_LEN];
	const struct msg_hash *asked = rig_expect(rig, &rig->hasher,
	    MSG_HASH);
	struct msg_digests body = { .id = asked->id, .count = n };
	struct msg_digests_item item = { .status = DIGESTS_OK,
	    .flags = DIGESTS_SETTLED, .count = DIGESTS, .identity = id };
	struct buf tail = { 0 };
	uint32_t i;

	ATF_REQUIRE_EQ(n, asked->count);
	for (i = 0; i < n; i++) {
		ATF_REQUIRE_EQ(0, buf_add(&tail, &item, sizeof(item)));
		ATF_REQUIRE_EQ(0, buf_add(&tail, zeros, item.count *
		    SHA1_LEN));
	}
	rig_say(rig, &rig->hasher, MSG_DIGESTS, &body, tail.data, tail.len);
	buf_free(&tail);
}

/* Of the two files /a/x and /a/y with digests of zeros. */
#define PATHS	"/a/x\n/a/y"

static void
check_torrent_of(const struct torrent *t, size_t n)
{
	static const uint8_t zeros[DIGESTS * SHA1_LEN];
	struct torrent_file tf[] = {
		{ .path = "/a/x", .path_len = 4, .size = SIZE,
		    .digests = zeros },
		{ .path = "/a/y", .path_len = 4, .size = SIZE,
		    .digests = zeros },
		{ .path = "/a/x", .path_len = 4, .size = SIZE,
		    .digests = zeros },
	};
	struct torrent_params params = { .piece_len = PIECE,
	    .service = "torrent_service" };
	struct buf info = { 0 };
	uint8_t hash[SHA1_LEN];

	ATF_REQUIRE_EQ(0, torrent_info(&info, &params, tf, n, true,
	    1U << 20));
	sha1(info.data, info.len, hash);
	ATF_CHECK_EQ(0, memcmp(hash, t->info_hash, SHA1_LEN));
	ATF_CHECK_STREQ("a", t->name);
	buf_free(&info);
}

static void
check_torrent(const struct torrent *t)
{
	check_torrent_of(t, 2);
}

/*
 * The cases, in the order of the states.
 */

TEST(job__cold_digest)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	struct identity id = identity(1);
	bool known;

	request_send(rig, &r, PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, id);
	cache_answers_pieces(rig, 2, false);
	ATF_CHECK_EQ(1, rig->jobs.queued);
	walker_opens(rig, 2, id);
	ATF_CHECK(!r.done);
	hasher_hashes(rig, 2, id);
	rig_expect(rig, &rig->cache, MSG_PUT_PIECES);
	rig_expect(rig, &rig->cache, MSG_PUT_INFO);
	ATF_REQUIRE(r.done && r.result.torrent != NULL);
	check_torrent(r.result.torrent);
	ATF_CHECK(!r.result.checked);
	ATF_CHECK_EQ(r.result.torrent, rig_remembers(rig, PATHS, &known));
	request_check(rig, &r, 200);
	ATF_CHECK_EQ(0, rig->jobs.n);
	ATF_CHECK_EQ(0, rig->jobs.queued);
}

struct admission {
	bool		 open;		/* the answer to the question */
	unsigned	 asked;
	const struct addr *addr;
	uint64_t	 bytes;
};

static bool
admission_ask(void *arg, const struct addr *addr, uint64_t bytes)
{
	struct admission *a = arg;

	a->asked++;
	a->addr = addr;
	a->bytes = bytes;
	return a->open;
}

/* What a job takes for a torrent counts, but not while it hashes. */
TEST(job__memory_counts)
{
	struct admission a = { .open = true };
	struct rig *rig = rig_start("");
	struct addr *addr;
	struct request_rig r;
	struct identity id = identity(1);

	rig->jobs.admit = admission_ask;
	rig->jobs.admit_arg = &a;
	addr = addr_get(&rig->addrs, AF_INET, (const uint8_t *)"1234");
	request_send(rig, &r, PATHS, true, true, addr);
	cache_knows_nothing(rig);
	ATF_CHECK_EQ(0, rig->jobs.made);
	walker_lists(rig, PATHS, id);
	/* The lists, and a dictionary with a copy of two thirds of them. */
	ATF_CHECK(rig->jobs.made > 2 * DIGESTS * SHA1_LEN + 4 * SHA1_LEN);
	ATF_CHECK_EQ(rig->jobs.made, addr->made);
	cache_answers_pieces(rig, 2, false);
	ATF_CHECK_EQ(1, rig->jobs.queued);
	ATF_CHECK_EQ(0, rig->jobs.made);
	ATF_CHECK_EQ(0, addr->made);
	walker_opens(rig, 2, id);
	hasher_hashes(rig, 2, id);
	request_check(rig, &r, 200);
	ATF_CHECK_EQ(0, rig->jobs.made);
	ATF_CHECK_EQ(0, addr->made);
	ATF_CHECK_EQ(1, addr->refs);
	/* Small ones are always made. */
	ATF_CHECK_EQ(0, a.asked);
}

/* The files' names alone make a large torrent of this many. */
#define MANY		40000

static struct buf
many_paths(void)
{
	struct buf text = { 0 };
	int i;

	for (i = 0; i < MANY; i++)
		ATF_REQUIRE_EQ(0, buf_addf(&text, "%s/a/%05d", i > 0 ?
		    "\n" : "", i));
	ATF_REQUIRE_EQ(0, buf_add(&text, "", 1));
	return text;
}

/* As walker_lists(), in as many messages as it takes. */
static void
walker_lists_many(struct rig *rig, const char *paths, struct identity id)
{
	struct end *walker = &rig->walker[0];
	struct msg_resolved body = { .result = RESOLVE_OK };
	struct buf records = listing(paths, id);
	struct msg_id part = { 0 };
	const struct msg_resolve *asked;
	size_t at, n;

	do
		asked = rig_expect(rig, walker, MSG_RESOLVE);
	while (asked->flags & PART_MORE);
	part.id = body.id = asked->id;
	sha256(records.data, records.len, body.listing_sha256);
	for (at = 0; at < records.len; at += n) {
		n = records.len - at < MSG_TAIL_MAX ? records.len - at :
		    MSG_TAIL_MAX;
		rig_say(rig, walker, MSG_LISTING, &part, records.data + at,
		    n);
	}
	rig_say(rig, walker, MSG_RESOLVED, &body, NULL, 0);
	buf_free(&records);
}

TEST(job__large_torrents_may_be_refused)
{
	struct admission a = { .open = false };
	struct rig *rig = rig_start("max-files 100000\n");
	struct buf paths = many_paths();
	struct identity empty = identity(1);
	struct request_rig r;

	empty.size = 0;
	rig->jobs.admit = admission_ask;
	rig->jobs.admit_arg = &a;
	request_send(rig, &r, (char *)paths.data, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists_many(rig, (char *)paths.data, empty);
	request_check(rig, &r, 503);
	ATF_CHECK(r.result.retry_s > 0);
	ATF_CHECK_EQ(1, a.asked);
	ATF_CHECK(a.bytes > 1U << 20);
	ATF_CHECK_EQ(0, rig->jobs.made);
	a.open = true;
	request_send(rig, &r, (char *)paths.data, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists_many(rig, (char *)paths.data, empty);
	request_check(rig, &r, 200);
	ATF_CHECK_EQ(2, a.asked);
	ATF_CHECK_EQ(0, rig->jobs.made);
	buf_free(&paths);
}

/* As soon as the cache begins to send one. */
TEST(job__large_entries_may_be_refused)
{
	struct admission a = { .open = false };
	struct rig *rig = rig_start("");
	struct request_rig r;
	const struct msg_get_info *asked;
	struct msg_info body = { .flags = PART_MORE | INFO_FOUND,
	    .listing_len = 100, .info_len = 2U << 20 };

	rig->jobs.admit = admission_ask;
	rig->jobs.admit_arg = &a;
	request_send(rig, &r, PATHS, false, true, NULL);
	asked = rig_expect(rig, &rig->cache, MSG_GET_INFO);
	body.id = asked->id;
	rig_say(rig, &rig->cache, MSG_INFO, &body, "x", 1);
	request_check(rig, &r, 503);
	ATF_CHECK_EQ(1, a.asked);
	ATF_CHECK_EQ(100 + (2U << 20), a.bytes);
	ATF_CHECK_EQ(0, rig->jobs.made);
	/* The rest of it is not wanted. */
	rig_say(rig, &rig->cache, MSG_INFO, &body, "x", 1);
}

/* The cache has the entry, and the walker says that nothing has changed. */
TEST(job__cache_knows_the_torrent)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	struct buf stored = listing(PATHS, identity(1));
	const struct msg_get_info *get;
	const struct msg_resolve *asked;
	struct msg_info info = { .flags = INFO_FOUND };
	uint8_t sha[SEAL_LEN];

	sha256(stored.data, stored.len, sha);
	request_send(rig, &r, PATHS, false, true, NULL);
	get = rig_expect(rig, &rig->cache, MSG_GET_INFO);
	info.id = get->id;
	info.listing_len = (uint32_t)stored.len;
	info.info_len = 4;
	ATF_REQUIRE_EQ(0, buf_add(&stored, "dict", 4));
	rig_say(rig, &rig->cache, MSG_INFO, &info, stored.data, stored.len);
	asked = rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	ATF_CHECK_EQ(RESOLVE_EXPECT, asked->flags);
	ATF_CHECK_EQ(0, memcmp(sha, asked->expect, SEAL_LEN));
	rig_say(rig, &rig->walker[0], MSG_RESOLVED, &(struct msg_resolved){
	    .id = asked->id, .result = RESOLVE_SAME }, NULL, 0);
	ATF_CHECK(r.done && r.result.checked);
	request_check(rig, &r, 200);
	rig_expect_nothing(rig, &rig->cache);
	rig_expect_nothing(rig, &rig->hasher);
	buf_free(&stored);
}

/* A cache ends in the middle of its answer, and the entry of the next one is
   longer: than that, and than a max-torrent that has been lowered. */
TEST(job__cache_ends_in_its_answer)
{
	static const uint8_t dict[2000];
	struct rig *rig = rig_start("max-torrent 1K\n");
	struct request_rig r;
	struct buf stored = listing("/a/x", identity(1));
	struct msg_info info = { .flags = INFO_FOUND | PART_MORE,
	    .listing_len = 1, .info_len = 1 };
	const struct msg_resolve *asked;

	request_send(rig, &r, "/a/x", false, true, NULL);
	info.id = ((const struct msg_get_info *)rig_expect(rig, &rig->cache,
	    MSG_GET_INFO))->id;
	rig_say(rig, &rig->cache, MSG_INFO, &info, "x", 1);
	ATF_CHECK_EQ(2, rig->jobs.made);
	rig_replace(rig, ROLE_CACHE, &rig->cache);
	info.id = ((const struct msg_get_info *)rig_expect(rig, &rig->cache,
	    MSG_GET_INFO))->id;
	ATF_CHECK_EQ(0, rig->jobs.made);
	info.listing_len = (uint32_t)stored.len;
	info.info_len = sizeof(dict);
	rig_say(rig, &rig->cache, MSG_INFO, &info, stored.data, stored.len);
	info.flags = INFO_FOUND;
	rig_say(rig, &rig->cache, MSG_INFO, &info, dict, sizeof(dict));
	asked = rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	ATF_CHECK(rig->jobs.made >= sizeof(dict));
	rig_say(rig, &rig->walker[0], MSG_RESOLVED, &(struct msg_resolved){
	    .id = asked->id, .result = RESOLVE_SAME }, NULL, 0);
	request_check(rig, &r, 200);
	ATF_CHECK_EQ(0, rig->jobs.made);
	rig_expect_nothing(rig, &rig->parent);
	buf_free(&stored);
}

TEST(job__cache_knows_the_pieces)
{
	struct rig *rig = rig_start("max-queue 1\n");
	struct request_rig r;

	rig->jobs.queued = 1;	/* nothing may be hashed */
	request_send(rig, &r, PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	ATF_REQUIRE(r.done && r.result.torrent != NULL);
	check_torrent(r.result.torrent);
	request_check(rig, &r, 200);
	rig_expect_nothing(rig, &rig->hasher);
}

/* A file that is named again is in the torrent twice, and hashed once. */
TEST(job__repeats_are_asked_once)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	int known;

	for (known = 0; known < 2; known++) {
		request_send(rig, &r, PATHS "\n/a/x", true, true, NULL);
		cache_knows_nothing(rig);
		walker_lists(rig, PATHS "\n/a/x", identity(1));
		cache_answers_pieces(rig, 2, known);
		if (!known) {
			walker_opens(rig, 2, identity(1));
			hasher_hashes(rig, 2, identity(1));
			rig_expect(rig, &rig->cache, MSG_PUT_PIECES);
		}
		rig_expect(rig, &rig->cache, MSG_PUT_INFO);
		ATF_REQUIRE(r.done && r.result.torrent != NULL);
		check_torrent_of(r.result.torrent, 3);
		ATF_CHECK_EQ(3ULL * SIZE, r.result.torrent->bytes);
		request_check(rig, &r, 200);
	}
}

/* Its specs are not known, so they are asked for with 412. */
TEST(job__unknown_digest)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	bool known;

	request_send(rig, &r, PATHS, false, true, NULL);
	cache_knows_nothing(rig);
	request_check(rig, &r, 412);
	ATF_CHECK_EQ(NULL, rig_remembers(rig, PATHS, &known));
	ATF_CHECK(known);
	rig_expect_nothing(rig, &rig->walker[0]);
}

/* The digest was asked for at one piece length, by a request that may still
   wait; now it is asked for at another one, without the paths. */
static void
request_other_length(struct rig *rig, struct request_rig *r)
{
	const struct msg_get_info *info;
	const struct msg_get_pieces *pieces;
	struct msg_info nothing = { 0 };

	request_piece = PIECE_AUTO;
	request_send(rig, r, PATHS, false, true, NULL);
	info = rig_expect(rig, &rig->cache, MSG_GET_INFO);
	ATF_CHECK_EQ(PIECE_AUTO, info->piece);
	nothing.id = info->id;
	rig_say(rig, &rig->cache, MSG_INFO, &nothing, NULL, 0);
	walker_lists(rig, PATHS, identity(1));
	pieces = rig_expect(rig, &rig->cache, MSG_GET_PIECES);
	ATF_CHECK_EQ(64U << 10, pieces->piece_len);
	ATF_CHECK(!r->done);
}

TEST(job__digest_is_known_at_each_length)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];
	bool known;

	/* Unknown means: at all lengths. */
	request_send(rig, &r[0], PATHS, false, true, NULL);
	cache_knows_nothing(rig);
	request_check(rig, &r[0], 412);
	request_send(rig, &r[0], PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	request_check(rig, &r[0], 200);
	rig_expect(rig, &rig->cache, MSG_PUT_INFO);
	ATF_CHECK(rig_remembers(rig, PATHS, &known) != NULL);
	request_other_length(rig, &r[1]);
	ATF_CHECK_EQ(1, rig->jobs.n);
}

TEST(job__of_another_length_knows_the_paths)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];

	request_send(rig, &r[0], PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	request_other_length(rig, &r[1]);
	ATF_CHECK(!r[0].done);
	ATF_CHECK_EQ(2, rig->jobs.n);
}

/* The paths come while the cache is asked for them. */
TEST(job__paths_come_at_another_length)
{
	struct rig *rig = rig_start("");
	struct msg_info nothing = { 0 };
	const struct msg_get_info *info;
	struct request_rig r[2];
	bool known;

	request_piece = PIECE_AUTO;
	request_send(rig, &r[0], PATHS, false, true, NULL);
	info = rig_expect(rig, &rig->cache, MSG_GET_INFO);
	nothing.id = info->id;
	request_piece = PIECE_LENGTH;
	request_send(rig, &r[1], PATHS, true, true, NULL);
	rig_expect(rig, &rig->cache, MSG_GET_INFO);
	rig_say(rig, &rig->cache, MSG_INFO, &nothing, NULL, 0);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	ATF_CHECK(!r[0].done);
	ATF_CHECK(!r[1].done);
	rig_remembers(rig, PATHS, &known);
	ATF_CHECK(!known);
}

/* A request that brings the paths makes the job of one that does not. */
TEST(job__is_shared)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];

	request_send(rig, &r[0], PATHS, false, true, NULL);
	request_send(rig, &r[1], PATHS, true, true, NULL);
	ATF_CHECK_EQ(1, rig->jobs.n);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	request_check(rig, &r[0], 200);
	request_check(rig, &r[1], 200);
}

/* Without the cache a digest alone cannot be answered; paths can. */
TEST(job__cache_is_away)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];

	request_send(rig, &r[0], PATHS, false, true, NULL);
	request_send(rig, &r[1], "/a/x", true, true, NULL);
	close(rig->cache.ch.fd);
	rig_loop(rig);
	jobs_tick(&rig->jobs);
	rig_loop(rig);
	ATF_CHECK(!r[0].done);
	rig->jobs.workers.cache.lost_ms -= 3000;
	jobs_tick(&rig->jobs);
	request_check(rig, &r[0], 503);
	ATF_CHECK_EQ(5, r[0].result.retry_s);
	walker_lists(rig, "/a/x", identity(1));
	jobs_tick(&rig->jobs);
	walker_opens(rig, 1, identity(1));
	hasher_hashes(rig, 1, identity(1));
	request_check(rig, &r[1], 200);
}

/*
 * Imported pieces.
 */

/* Of the torrent that is remembered for PATHS, which is to be checked. */
static void
request_check_of_old(struct rig *rig, struct request_rig *r)
{
	struct torrent_key key = { .multi = 1 };
	bool known;

	memset(r, 0, sizeof(*r));
	sha1(PATHS, strlen(PATHS), key.digest);
	r->waiter.done = request_on_done;
	ATF_REQUIRE_EQ(0, job_want(&rig->jobs, &key, NULL,
	    rig_remembers(rig, PATHS, &known), &r->waiter));
	ATF_REQUIRE(known);
}

static void
walker_sees_no_change(struct rig *rig)
{
	const struct msg_resolve *asked = rig_expect(rig, &rig->walker[0],
	    MSG_RESOLVE);
	struct msg_resolved body = { .id = asked->id,
	    .result = RESOLVE_SAME };

	ATF_CHECK(asked->flags & RESOLVE_EXPECT);
	rig_say(rig, &rig->walker[0], MSG_RESOLVED, &body, NULL, 0);
}

/* A torrent of imported pieces is answered and remembered; the hashers are to
   hash both files. */
static void
request_imported(struct rig *rig)
{
	struct request_rig r;
	bool known;

	pieces_flags = PIECES_IMPORTED;
	request_send(rig, &r, PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	request_check(rig, &r, 200);
	ATF_CHECK(rig_remembers(rig, PATHS, &known) != NULL);
	rig_expect_nothing(rig, &rig->cache);
	walker_opens(rig, 2, identity(1));
}

/* Once they are, the torrent is made anew, and stored, at its next check. */
TEST(job__imported_pieces_are_rechecked)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	bool known;

	request_imported(rig);
	/* Not before. */
	request_check_of_old(rig, &r);
	walker_sees_no_change(rig);
	ATF_CHECK(r.result.checked);
	request_check(rig, &r, 200);
	hasher_hashes(rig, 2, identity(1));
	rig_expect(rig, &rig->cache, MSG_PUT_PIECES);
	rig_expect_nothing(rig, &rig->parent);
	ATF_CHECK(rig_remembers(rig, PATHS, &known) != NULL);

	pieces_flags = 0;
	request_check_of_old(rig, &r);
	walker_sees_no_change(rig);
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	rig_expect(rig, &rig->cache, MSG_PUT_INFO);
	check_torrent(r.result.torrent);
	request_check(rig, &r, 200);
	/* Then it is a torrent like any other. */
	request_check_of_old(rig, &r);
	walker_sees_no_change(rig);
	request_check(rig, &r, 200);
}

/* The torrent is forgotten, also if a walker has said meanwhile that its files
   have not changed. */
TEST(job__imported_pieces_may_be_wrong)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	bool known;

	pieces_byte = 1;
	request_imported(rig);
	/* Others are still to be rechecked. */
	request_send(rig, &r, "/a/z", true, false, NULL);
	walker_lists(rig, "/a/z", identity(1));
	cache_answers_pieces(rig, 1, true);
	request_check(rig, &r, 200);
	rig_expect(rig, &rig->walker[0], MSG_OPEN);
	request_check_of_old(rig, &r);
	hasher_hashes(rig, 2, identity(1));
	rig_expect(rig, &rig->cache, MSG_PUT_PIECES);
	ATF_CHECK(rig_remembers(rig, PATHS, &known) == NULL);
	ATF_CHECK(!known);
	walker_sees_no_change(rig);
	ATF_CHECK(!r.done);
	pieces_flags = pieces_byte = 0;
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	ATF_REQUIRE(r.result.torrent != NULL);
	check_torrent(r.result.torrent);
	request_check(rig, &r, 200);
}

/* A job that has some of them, and waits for others, starts over. */
TEST(job__imported_pieces_may_be_wrong_in_a_job)
{
	static const uint8_t ones[DIGESTS * SHA1_LEN] = { 1 };
	struct msg_pieces_item items[2] = { { 0, DIGESTS, 0, DIGESTS,
	    PIECES_IMPORTED }, { .index = 1 } };
	struct rig *rig = rig_start("");
	struct msg_pieces body = { .count = 2 };
	struct request_rig r;
	struct buf tail = { 0 };

	pieces_byte = 1;
	pieces_flags = PIECES_IMPORTED;
	request_send(rig, &r, "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", identity(1));
	cache_answers_pieces(rig, 1, true);
	request_check(rig, &r, 200);
	walker_opens(rig, 1, identity(1));
	request_send(rig, &r, PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	body.id = ((const struct msg_get_pieces *)rig_expect(rig, &rig->cache,
	    MSG_GET_PIECES))->id;
	ATF_REQUIRE_EQ(0, buf_add(&tail, &items[0], sizeof(items[0])));
	ATF_REQUIRE_EQ(0, buf_add(&tail, ones, sizeof(ones)));
	ATF_REQUIRE_EQ(0, buf_add(&tail, &items[1], sizeof(items[1])));
	rig_say(rig, &rig->cache, MSG_PIECES, &body, tail.data, tail.len);
	rig_expect(rig, &rig->walker[0], MSG_OPEN);
	hasher_hashes(rig, 1, identity(1));
	rig_expect(rig, &rig->cache, MSG_PUT_PIECES);
	pieces_flags = pieces_byte = 0;
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	ATF_REQUIRE(r.result.torrent != NULL);
	check_torrent(r.result.torrent);
	request_check(rig, &r, 200);
	buf_free(&tail);
}

/* The file may change once more without another identity. */
TEST(job__imported_pieces_of_a_new_file_are_not_used)
{
	struct rig *rig = rig_start("");
	struct identity young = identity(1);
	struct request_rig r;

	pieces_flags = PIECES_IMPORTED;
	young.ctime_ns = clock_real_ns() - 1000000000;
	request_send(rig, &r, "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", young);
	cache_answers_pieces(rig, 1, true);
	ATF_CHECK(!r.done);
	ATF_CHECK(recheck_is_idle(&rig->jobs.recheck));
	walker_opens(rig, 1, young);
	hasher_hashes(rig, 1, young);
	request_check(rig, &r, 200);
}

/* A cache that floods the front with other answers is not waited for. */
TEST(job__cache_only_talks)
{
	struct msg_info info = { .id = UINT64_MAX };
	struct msg_pieces late = { .count = 1 };
	struct msg_pieces_item miss = { .total = 0 };
	struct rig *rig = rig_start("");
	struct request_rig r;
	struct job *job;

	request_send(rig, &r, "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", identity(1));
	rig_expect(rig, &rig->cache, MSG_GET_PIECES);
	job = RB_MIN(job_id_tree, &rig->jobs.by_id);
	job->asked_cache_ms -= 50000;
	rig_say(rig, &rig->cache, MSG_INFO, &info, NULL, 0);
	jobs_tick(&rig->jobs);
	rig_expect_nothing(rig, &rig->walker[0]);
	job->asked_cache_ms -= 20000;
	rig_say(rig, &rig->cache, MSG_INFO, &info, NULL, 0);
	jobs_tick(&rig->jobs);
	late.id = job->id;
	rig_say(rig, &rig->cache, MSG_PIECES, &late, &miss, sizeof(miss));
	walker_opens(rig, 1, identity(1));
	hasher_hashes(rig, 1, identity(1));
	request_check(rig, &r, 200);
	rig_expect_nothing(rig, &rig->parent);
}

TEST(job__cache_is_restarted)
{
	struct rig *rig = rig_start("");
	struct request_rig r;

	request_send(rig, &r, PATHS, true, true, NULL);
	rig_expect(rig, &rig->cache, MSG_GET_INFO);
	rig_replace(rig, ROLE_CACHE, &rig->cache);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	rig_expect(rig, &rig->cache, MSG_GET_PIECES);
	rig_replace(rig, ROLE_CACHE, &rig->cache);
	cache_answers_pieces(rig, 2, true);
	request_check(rig, &r, 200);
}

TEST(job__walker_is_restarted)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	struct identity id = identity(1);

	request_send(rig, &r, "/a/x", true, false, NULL);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	rig_replace(rig, ROLE_WALKER, &rig->walker[0]);
	walker_lists(rig, "/a/x", id);
	cache_answers_pieces(rig, 1, false);
	rig_expect(rig, &rig->walker[0], MSG_OPEN);
	rig_replace(rig, ROLE_WALKER, &rig->walker[0]);
	walker_opens(rig, 1, id);
	hasher_hashes(rig, 1, id);
	request_check(rig, &r, 200);
}

/* The log's lines that have this text. */
static unsigned
rig_count_log(struct rig *rig, const char *text)
{
	struct msg_wrong wrong;
	unsigned n = 0;

	while (msg_recv(&rig->parent.ch, rig->parent.buf, &rig->parent.msg,
	    &wrong) == MSG_GOT)
		n += rig->parent.msg.type == MSG_LOG &&
		    memmem(rig->parent.msg.tail, rig->parent.msg.tail_len,
		    text, strlen(text)) != NULL;
	return n;
}

/* Two walkers end over a request: it is refused, and others are not. */
TEST(job__ends_walkers)
{
	struct rig *rig = rig_start("");
	struct request_rig r[3];

	log_open_child(&rig->child.parent);
	request_send(rig, &r[0], "/a/x", true, false, NULL);
	request_send(rig, &r[1], "/a/y", true, false, NULL);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	rig_replace(rig, ROLE_WALKER, &rig->walker[0]);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	rig_expect_nothing(rig, &rig->walker[0]);
	ATF_CHECK(!r[0].done);
	rig_replace(rig, ROLE_WALKER, &rig->walker[0]);
	request_check(rig, &r[0], 500);
	ATF_CHECK_EQ(1, rig_count_log(rig, "a walker ended twice over a "
	    "request for \"/a/x\": it is refused for 5 minutes"));
	walker_lists(rig, "/a/y", identity(1));
	cache_answers_pieces(rig, 1, true);
	request_check(rig, &r[1], 200);
	/* As a digest, too. */
	request_send(rig, &r[0], "/a/x", true, true, NULL);
	request_check(rig, &r[0], 500);
	rig_expect_nothing(rig, &rig->cache);
	rig_expect_nothing(rig, &rig->walker[0]);
	request_send(rig, &r[2], "/a/x\n/a/y", true, true, NULL);
	cache_knows_nothing(rig);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	/* A new configuration is another chance. */
	jobs_set_conf(&rig->jobs, rig->child.conf);
	request_send(rig, &r[0], "/a/x", true, false, NULL);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
}

/* While one is asked alone, others wait for it, but not without end. */
TEST(job__held_requests_are_bounded)
{
	static struct request_rig r[20];
	struct rig *rig = rig_start("");
	struct buf paths = { 0 };
	int i;

	for (i = 0; i < 500; i++)
		ATF_REQUIRE_EQ(0, buf_addf(&paths, "/a/%04000d\n", i));
	paths.data[paths.len - 1] = '\0';
	request_send(rig, &r[0], "/a/x", true, false, NULL);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	rig_replace(rig, ROLE_WALKER, &rig->walker[0]);
	for (i = 1; i < 20; i++) {
		paths.data[1] = (uint8_t)('a' + i);
		request_send(rig, &r[i], (char *)paths.data, true, false,
		    NULL);
	}
	request_check(rig, &r[19], 503);
	ATF_CHECK(!r[1].done);
	walker_lists(rig, "/a/x", identity(1));
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	buf_free(&paths);
}

/* The first path of the share that ended the walker is named. */
TEST(job__share_ends_walkers)
{
	struct rig *rig = rig_start("");
	struct request_rig r;

	log_open_child(&rig->child.parent);
	request_send(rig, &r, "/other/a\n/a/x\n/other/b\n/a/y", true, true,
	    NULL);
	cache_knows_nothing(rig);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	rig_replace(rig, ROLE_WALKER, &rig->walker[0]);
	rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	rig_replace(rig, ROLE_WALKER, &rig->walker[0]);
	request_check(rig, &r, 500);
	ATF_CHECK_EQ(1, rig_count_log(rig, "for \"/a/x\" and 1 more"));
}

/* A process that played walker 1 ends, and another is there. */
static void
rig_replace_other(struct rig *rig)
{
	close(rig->walker[1].ch.fd);
	rig_loop(rig);
	rig_attach(rig, ROLE_WALKER, 1, &rig->walker[1]);
}

/* Refused by one walker, while the other works on it. */
static uint64_t
request_is_refused(struct rig *rig, struct request_rig *r)
{
	const struct msg_resolve *asked;
	uint64_t id;

	request_send(rig, r, "/a/**\n/other/**", true, true, NULL);
	cache_knows_nothing(rig);
	asked = rig_expect(rig, &rig->walker[1], MSG_RESOLVE);
	id = asked->id;
	walker_refuses(rig, &rig->walker[0], RESOLVE_TOO_MANY_FILES);
	request_check(rig, r, 413);
	rig_expect(rig, &rig->walker[1], MSG_CANCEL);
	ATF_CHECK_EQ(1, rig->jobs.n);
	return id;
}

/* Two walkers end over requests that are answered before. */
TEST(job__ends_walkers_after_its_answer)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];

	log_open_child(&rig->child.parent);
	request_is_refused(rig, &r[0]);
	rig_replace_other(rig);
	rig_expect_nothing(rig, &rig->walker[1]);
	ATF_CHECK_EQ(0, rig->jobs.n);
	/* It is asked alone from now on, even if nobody waits any more. */
	request_is_refused(rig, &r[0]);
	request_send(rig, &r[1], "/other/x", true, false, NULL);
	rig_expect_nothing(rig, &rig->walker[1]);
	rig_replace_other(rig);
	ATF_CHECK_EQ(1, rig_count_log(rig, "a walker ended twice over a "
	    "request for \"/other/**\""));
	rig_expect(rig, &rig->walker[1], MSG_RESOLVE);
	ATF_CHECK_EQ(1, rig->jobs.n);
	request_send(rig, &r[0], "/a/**\n/other/**", true, true, NULL);
	request_check(rig, &r[0], 500);
}

/* Nothing is held against it once the walker has answered. */
TEST(job__is_innocent_after_its_answer)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];
	struct msg_resolved cancelled = { .result = RESOLVE_CANCELLED };
	int i;

	request_is_refused(rig, &r[0]);
	rig_replace_other(rig);
	for (i = 0; i < 2; i++) {
		cancelled.id = request_is_refused(rig, &r[0]);
		request_send(rig, &r[1], "/other/x", true, false, NULL);
		if (i == 1)
			rig_expect(rig, &rig->walker[1], MSG_RESOLVE);
		rig_expect_nothing(rig, &rig->walker[1]);
		rig_say(rig, &rig->walker[1], MSG_RESOLVED, &cancelled, NULL,
		    0);
		if (i == 0)
			walker_refuses(rig, &rig->walker[1],
			    RESOLVE_TOO_MANY_FILES);
	}
	ATF_CHECK_EQ(1, rig->jobs.n);
}

/* The cache's last word counts also if nobody hears it. */
TEST(job__ends_with_the_answer_of_the_cache)
{
	struct admission a = { .open = false };
	struct rig *rig = rig_start("");
	struct request_rig r;
	struct msg_info info = { .flags = INFO_FOUND, .listing_len = 1,
	    .info_len = 2U << 20 };
	struct msg_pieces pieces = { .count = 1 };
	struct msg_pieces_item miss = { 0 };

	rig->jobs.admit = admission_ask;
	rig->jobs.admit_arg = &a;
	request_send(rig, &r, PATHS, false, true, NULL);
	info.id = ((const struct msg_get_info *)rig_expect(rig, &rig->cache,
	    MSG_GET_INFO))->id;
	rig_say(rig, &rig->cache, MSG_INFO, &info, "x", 1);
	request_check(rig, &r, 503);
	ATF_CHECK_EQ(0, rig->jobs.n);
	/* Its work is more than is free, and there is no room in the queue. */
	rig->jobs.queued = rig->jobs.conf->max_queue;
	request_send(rig, &r, PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	pieces.id = ((const struct msg_get_pieces *)rig_expect(rig,
	    &rig->cache, MSG_GET_PIECES))->id;
	pieces.used_us = CHARGE_FREE_US;
	rig_say(rig, &rig->cache, MSG_PIECES, &pieces, &miss, sizeof(miss));
	request_check(rig, &r, 503);
	ATF_CHECK_EQ(1, rig->jobs.n);
	miss.index = 1;
	rig_say(rig, &rig->cache, MSG_PIECES, &pieces, &miss, sizeof(miss));
	ATF_CHECK_EQ(0, rig->jobs.n);
}

/* It is forgotten if the workers never answer. */
TEST(job__ends_without_an_answer)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	struct job *job;

	request_is_refused(rig, &r);
	job = RB_MIN(job_id_tree, &rig->jobs.by_id);
	jobs_tick(&rig->jobs);
	rig_loop(rig);
	ATF_CHECK_EQ(1, rig->jobs.n);
	job->asked_ms -= 30001;
	jobs_tick(&rig->jobs);
	rig_loop(rig);
	ATF_CHECK_EQ(0, rig->jobs.n);
}

/* Nor does a reload leave anything of it. */
TEST(job__ends_with_the_walkers)
{
	struct rig *rig = rig_start("");
	struct request_rig r;

	request_is_refused(rig, &r);
	jobs_set_conf(&rig->jobs, rig_conf("piece-length 2M\n"));
	rig_loop(rig);
	ATF_CHECK_EQ(0, rig->jobs.n);
}

/* The cache ends over an entry that is refused for its length. */
TEST(job__ends_the_cache_after_its_answer)
{
	struct admission a = { .open = false };
	struct rig *rig = rig_start("");
	struct request_rig r[2];
	struct msg_info body = { .flags = PART_MORE | INFO_FOUND,
	    .listing_len = 100, .info_len = 2U << 20 };
	int i;

	log_open_child(&rig->child.parent);
	rig->jobs.admit = admission_ask;
	rig->jobs.admit_arg = &a;
	for (i = 0; i < 2; i++) {
		request_send(rig, &r[0], PATHS, false, true, NULL);
		body.id = ((const struct msg_get_info *)rig_expect(rig,
		    &rig->cache, MSG_GET_INFO))->id;
		rig_say(rig, &rig->cache, MSG_INFO, &body, "x", 1);
		request_check(rig, &r[0], 503);
		request_send(rig, &r[1], "/a/x", true, true, NULL);
		if (i == 0)
			cache_knows_nothing(rig);
		rig_expect_nothing(rig, &rig->cache);
		rig_replace(rig, ROLE_CACHE, &rig->cache);
		if (i == 0)
			walker_refuses(rig, &rig->walker[0],
			    RESOLVE_TOO_MANY_FILES);
	}
	ATF_CHECK_EQ(1, rig_count_log(rig, "the cache ended twice over a "
	    "request for the digest "));
	rig_expect(rig, &rig->cache, MSG_GET_INFO);
	request_send(rig, &r[0], PATHS, false, true, NULL);
	request_check(rig, &r[0], 500);
}

/* Once by the entry of the digest, which nobody knows the paths of, and once
   by that of a file. */
TEST(job__ends_the_cache)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];
	int i;

	log_open_child(&rig->child.parent);
	request_send(rig, &r[0], "/a/x", false, true, NULL);
	request_send(rig, &r[1], PATHS, true, true, NULL);
	rig_expect(rig, &rig->cache, MSG_GET_INFO);
	for (i = 0; i < 2; i++)
		rig_replace(rig, ROLE_CACHE, &rig->cache);
	request_check(rig, &r[0], 500);
	ATF_CHECK_EQ(1, rig_count_log(rig, "the cache ended twice over a "
	    "request for the digest "));
	cache_knows_nothing(rig);
	walker_lists(rig, PATHS, identity(1));
	rig_expect(rig, &rig->cache, MSG_GET_PIECES);
	for (i = 0; i < 2; i++)
		rig_replace(rig, ROLE_CACHE, &rig->cache);
	request_check(rig, &r[1], 500);
	ATF_CHECK_EQ(1, rig_count_log(rig, "for \"/a/x\" and 1 more"));
	for (i = 0; i < 2; i++) {
		request_send(rig, &r[i], i == 0 ? "/a/x" : PATHS, true, true,
		    NULL);
		request_check(rig, &r[i], 500);
	}
	rig_expect_nothing(rig, &rig->cache);
}

/* The cache has no pieces of a file that its mount identifies, and is not asked
   for any; so it did not end over that. */
TEST(job__does_not_ask_the_cache)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];
	struct identity id = identity(1);
	int i;

	id.mount = 7;
	request_send(rig, &r[0], "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", id);
	rig_expect(rig, &rig->walker[0], MSG_OPEN);
	for (i = 0; i < 3; i++)
		rig_replace(rig, ROLE_CACHE, &rig->cache);
	rig_expect_nothing(rig, &rig->cache);
	ATF_CHECK(!r[0].done);
	request_send(rig, &r[1], PATHS, true, true, NULL);
	cache_knows_nothing(rig);
}

/* A reload or another directory for a root is no reason to suspect anything. */
TEST(job__walker_is_replaced)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];
	int i, old;

	request_send(rig, &r[0], "/a/x", true, false, NULL);
	request_send(rig, &r[1], "/a/y", true, false, NULL);
	for (i = 0; i < 3; i++) {
		rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
		rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
		old = rig->walker[0].ch.fd;
		rig_attach(rig, ROLE_WALKER, 0, &rig->walker[0]);
		close(old);
	}
	walker_lists(rig, "/a/x", identity(1));
	cache_answers_pieces(rig, 1, true);
	request_check(rig, &r[0], 200);
}

/* The other walker is told that its listing is not needed any more. */
TEST(job__walker_refuses)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	const struct msg_resolve *asked;
	const struct msg_id *cancelled;
	uint64_t id;

	request_send(rig, &r, "/a/**\n/other/**", true, true, NULL);
	cache_knows_nothing(rig);
	asked = rig_expect(rig, &rig->walker[1], MSG_RESOLVE);
	id = asked->id;
	walker_refuses(rig, &rig->walker[0], RESOLVE_TOO_MANY_FILES);
	request_check(rig, &r, 413);
	cancelled = rig_expect(rig, &rig->walker[1], MSG_CANCEL);
	ATF_CHECK_EQ(id, cancelled->id);
}

/* A listing of a path that is not below the walker's root. */
TEST(job__walker_lists_others_files)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	const struct msg_wrong *wrong;
	struct buf records = { 0 };
	struct identity id = identity(1);
	const struct msg_resolve *asked;
	struct msg_id part = { 0 };
	struct msg_resolved body = { .result = RESOLVE_OK };

	request_send(rig, &r, "/a/x", true, false, NULL);
	asked = rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	part.id = body.id = asked->id;
	ATF_REQUIRE_EQ(0, listing_add_spec(&records, 0, PATH_OK, "/a/x", 4,
	    1));
	ATF_REQUIRE_EQ(0, listing_add_file(&records, &id, "/other/x", 8));
	rig_say(rig, &rig->walker[0], MSG_LISTING, &part, records.data,
	    records.len);
	rig_say(rig, &rig->walker[0], MSG_RESOLVED, &body, NULL, 0);
	wrong = rig_expect(rig, &rig->parent, MSG_WRONG);
	ATF_CHECK_EQ(ROLE_WALKER, wrong->role);
	ATF_CHECK_EQ(FAULT_CONTENT, wrong->fault);
	ATF_CHECK_EQ(-1, rig->jobs.workers.walkers[0].ch.fd);
	ATF_CHECK(!r.done);
	buf_free(&records);
}

/* The job starts again twice, then gives up. */
TEST(job__file_changes)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	int i;

	request_send(rig, &r, "/a/x", true, false, NULL);
	for (i = 0; i < 3; i++) {
		ATF_CHECK_MSG(!r.done, "after %d changes", i);
		walker_lists(rig, "/a/x", identity(2 * i));
		cache_answers_pieces(rig, 1, false);
		if (i == 0) {
			walker_opens(rig, 1, identity(1));
			continue;
		}
		walker_opens(rig, 1, identity(2 * i));
		hasher_hashes(rig, 1, identity(2 * i + 1));
	}
	request_check(rig, &r, 503);
	ATF_CHECK_EQ(10, r.result.retry_s);
	ATF_CHECK_EQ(0, rig->jobs.queued);
}

/* When the walkers' listings are too old they are made again. */
TEST(job__checks_the_files)
{
	struct rig *rig = rig_start("revalidate 0\n");
	struct request_rig r;
	struct identity id = identity(1);
	const struct msg_resolve *asked;
	uint64_t start;

	request_send(rig, &r, "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", id);
	cache_answers_pieces(rig, 1, false);
	start = clock_coarse_ms();
	walker_opens(rig, 1, id);
	while (clock_coarse_ms() == start)
		continue;
	hasher_hashes(rig, 1, id);
	ATF_CHECK(!r.done);
	asked = rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	ATF_CHECK_EQ(RESOLVE_EXPECT, asked->flags);
	rig_say(rig, &rig->walker[0], MSG_RESOLVED, &(struct msg_resolved){
	    .id = asked->id, .result = RESOLVE_SAME }, NULL, 0);
	request_check(rig, &r, 200);
}

TEST(job__too_many_of_a_client)
{
	static const uint8_t ip[16] = { 192, 0, 2, 1 };
	struct rig *rig = rig_start("max-jobs-per-client 1\n");
	struct addr *addr = addr_get(&rig->addrs, 2, ip);
	const struct msg_resolve *asked;
	struct request_rig r[3];
	struct identity id = identity(1);

	request_send(rig, &r[0], "/a/x", true, false, addr);
	ATF_CHECK_EQ(addr->number, walker_lists(rig, "/a/x", id));
	cache_answers_pieces(rig, 1, false);
	walker_opens(rig, 1, id);
	request_send(rig, &r[1], "/a/y", true, false, addr);
	walker_lists(rig, "/a/y", id);
	cache_answers_pieces(rig, 1, false);
	request_check(rig, &r[1], 429);
	ATF_CHECK_EQ(1, addr->jobs);
	/* Another client's job is not counted. */
	request_send(rig, &r[2], "/a/z", true, false, NULL);
	asked = rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
	ATF_CHECK(asked->client != addr->number);
	hasher_hashes(rig, 1, id);
	request_check(rig, &r[0], 200);
	ATF_CHECK_EQ(0, addr->jobs);
	ATF_CHECK(!r[2].done);
}

/* A job that two clients wait for does not fail because one of them has no
   slot. */
TEST(job__of_two_clients)
{
	static const uint8_t ips[2][16] = { { 192, 0, 2, 1 },
	    { 192, 0, 2, 2 } };
	struct rig *rig = rig_start("max-jobs-per-client 1\n");
	struct addr *full = addr_get(&rig->addrs, 2, ips[0]);
	struct addr *other = addr_get(&rig->addrs, 2, ips[1]);
	struct request_rig r[3];
	struct identity id = identity(1);

	request_send(rig, &r[0], "/a/x", true, false, full);
	walker_lists(rig, "/a/x", id);
	cache_answers_pieces(rig, 1, false);
	walker_opens(rig, 1, id);
	request_send(rig, &r[1], "/a/y", true, false, full);
	request_send(rig, &r[2], "/a/y", true, false, other);
	walker_lists(rig, "/a/y", identity(2));
	cache_answers_pieces(rig, 1, false);
	ATF_CHECK(!r[1].done && !r[2].done);
	ATF_CHECK_EQ(1, full->jobs);
	ATF_CHECK_EQ(1, other->jobs);
	hasher_hashes(rig, 1, id);
	request_check(rig, &r[0], 200);
	ATF_CHECK_EQ(0, full->jobs);
	ATF_CHECK_EQ(1, other->jobs);
}

TEST(job__queue_is_full)
{
	struct rig *rig = rig_start("max-queue 1\n");
	struct request_rig r[2];
	struct identity id = identity(1);

	request_send(rig, &r[0], "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", id);
	cache_answers_pieces(rig, 1, false);
	walker_opens(rig, 1, id);
	request_send(rig, &r[1], "/a/y", true, false, NULL);
	walker_lists(rig, "/a/y", id);
	cache_answers_pieces(rig, 1, false);
	request_check(rig, &r[1], 503);
	ATF_CHECK(r[1].result.retry_s > 0);
	ATF_CHECK(!r[0].done);
	ATF_CHECK_EQ(1, rig->jobs.queued);
}

/* The job goes on, and its torrent is remembered. */
TEST(job__waiter_leaves)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	bool known;

	request_send(rig, &r, PATHS, true, true, NULL);
	cache_knows_nothing(rig);
	job_leave(&r.waiter);
	ATF_CHECK_EQ(NULL, r.waiter.job);
	walker_lists(rig, PATHS, identity(1));
	cache_answers_pieces(rig, 2, true);
	rig_loop(rig);
	ATF_CHECK(!r.done);
	ATF_CHECK(rig_remembers(rig, PATHS, &known) != NULL);
	ATF_CHECK_EQ(0, rig->jobs.n);
}

/* No Metalink has other pieces than those of piece-length, so what it needs is
   neither measured nor kept. */
TEST(job__measures_metalinks)
{
	static const enum piece_kind kinds[] = { PIECE_LENGTH, PIECE_AUTO };
	struct rig *rig = rig_start("piece-length 64K\n");
	struct identity id = identity(1);
	struct request_rig r;
	size_t i;

	id.size = (64 << 10) + 5;
	for (i = 0; i < 2; i++) {
		request_piece = kinds[i];
		request_send(rig, &r, "/a/x", true, false, NULL);
		walker_lists(rig, "/a/x", id);
		cache_answers_pieces(rig, 1, true);
		ATF_REQUIRE(r.done && r.result.torrent != NULL);
		ATF_CHECK_EQ(i == 0, r.result.torrent->meta.files);
		request_check(rig, &r, 200);
	}
}

/* A Metalink of one file, which would be too large. */
static int
request_refuses(const struct waiter *w, const struct job_files *files,
    const char **why)
{
	(void)w;
	ATF_CHECK_EQ(1, files->n);
	ATF_CHECK_EQ(1, files->meta.files);
	ATF_CHECK_EQ(2, files->meta.pieces);
	*why = "too large";
	return 413;
}

TEST(job__refused_by_all)
{
	struct rig *rig = rig_start("");
	struct request_rig r, s;
	const char *why;

	request_send(rig, &r, "/a/x", true, false, NULL);
	request_send(rig, &s, "/a/x", true, false, NULL);
	r.waiter.refuses = s.waiter.refuses = request_refuses;
	ATF_CHECK_EQ(0, job_is_refused(&r.waiter, &why));
	walker_lists(rig, "/a/x", identity(1));
	rig_expect_nothing(rig, &rig->cache);
	request_check(rig, &r, 413);
	request_check(rig, &s, 413);
	ATF_CHECK_STREQ("too large", r.result.why);
	ATF_CHECK_EQ(0, rig->jobs.n);
}

/* The torrent is made for the other, and a latecomer learns at once. */
TEST(job__refused_by_one)
{
	struct rig *rig = rig_start("");
	struct request_rig r, s;
	struct torrent *t;
	const char *why;

	request_send(rig, &r, "/a/x", true, false, NULL);
	r.waiter.refuses = request_refuses;
	request_send(rig, &s, "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", identity(1));
	ATF_CHECK(!r.done);
	ATF_CHECK_EQ(413, job_is_refused(&r.waiter, &why));
	ATF_CHECK_EQ(0, job_is_refused(&s.waiter, &why));
	cache_answers_pieces(rig, 1, true);
	ATF_REQUIRE(s.done && s.result.torrent != NULL);
	/* The last file of a torrent needs no digest besides. */
	t = s.result.torrent;
	ATF_CHECK_EQ(1, t->meta.files);
	ATF_CHECK_EQ(0, t->ends.len);
	request_check(rig, &r, 200);
	request_check(rig, &s, 200);
}

TEST(job__new_configuration)
{
	struct rig *rig = rig_start("");
	struct conf *conf = rig_conf("piece-length 2M\n");
	struct request_rig r;
	struct identity id = identity(1);
	const struct msg_get_pieces *get;
	uint32_t i;

	request_send(rig, &r, "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", id);
	cache_answers_pieces(rig, 1, false);
	walker_opens(rig, 1, id);
	rig_expect(rig, &rig->hasher, MSG_HASH);
	rig->child.conf = conf;
	jobs_set_conf(&rig->jobs, conf);
	ATF_CHECK_EQ(1, rig->jobs.layout_epoch);
	for (i = 0; i < WALKERS; i++) {
		ATF_CHECK_EQ(-1, rig->jobs.workers.walkers[i].ch.fd);
		close(rig->walker[i].ch.fd);
		rig_attach(rig, ROLE_WALKER, i, &rig->walker[i]);
	}
	/* A hasher may know the walkers by other numbers now: it gets its
	   range again over the new channel. */
	ATF_CHECK_EQ(-1, rig->jobs.workers.hashers[0].ch.fd);
	ATF_CHECK_EQ(-1, rig->jobs.workers.cache.ch.fd);
	close(rig->hasher.ch.fd);
	rig_attach(rig, ROLE_HASHER, 0, &rig->hasher);
	rig_expect(rig, &rig->hasher, MSG_HASH);
	rig_attach(rig, ROLE_CACHE, 0, &rig->cache);
	walker_lists(rig, "/a/x", id);
	get = rig_expect(rig, &rig->cache, MSG_GET_PIECES);
	ATF_CHECK_EQ(2 * PIECE, get->piece_len);
	ATF_CHECK(!r.done);
}

/*
 * The charge.  The others' slots are taken by the test.
 */

/* The longest file whose info dictionary is free: some 80 bytes are not pieces;
   and one whose is not. */
#define FREE		((CHARGE_FREE_LEN - 80) / SHA1_LEN * (uint64_t)PIECE)
#define LARGE		(FREE + 5 * (uint64_t)PIECE)

static struct identity
large(uint64_t size)
{
	struct identity id = identity(1);

	id.size = size;
	return id;
}

/* Without a slot a torrent is laid out if it is small. */
TEST(job__large_torrent_takes_slots)
{
	static const uint8_t ip[16] = { 192, 0, 2, 1 };
	struct rig *rig = rig_start("max-queue 2\nmax-jobs-per-client 1\n");
	struct addr *addr = addr_get(&rig->addrs, 2, ip);
	const uint64_t size[] = { FREE, LARGE };
	struct request_rig r;
	uint64_t id;
	uint32_t i;

	rig->jobs.queued = 2;
	request_send(rig, &r, "/a/x", true, false, addr);
	walker_lists(rig, "/a/x", large(LARGE));
	request_check(rig, &r, 503);
	ATF_CHECK(r.result.retry_s > 0);
	rig->jobs.queued = 1;
	addr->jobs = 1;
	request_send(rig, &r, "/a/x", true, false, addr);
	walker_lists(rig, "/a/x", large(LARGE));
	request_check(rig, &r, 429);
	addr->jobs = 0;
	for (i = 0; i < 2; i++) {
		request_send(rig, &r, "/a/x", true, false, addr);
		walker_lists(rig, "/a/x", large(size[i]));
		ATF_CHECK_EQ(1 + i, rig->jobs.queued);
		ATF_CHECK_EQ(i, addr->jobs);
		id = cache_begins_pieces(rig, size[i]);
		cache_ends_pieces(rig, id, size[i]);
		request_check(rig, &r, 200);
		ATF_CHECK_EQ(1, rig->jobs.queued);
		ATF_CHECK_EQ(0, addr->jobs);
	}
}

/* A reload lowers the limit while the cache answers. */
TEST(job__max_torrent_is_lowered)
{
	struct rig *rig = rig_start("");
	struct request_rig r;
	uint64_t id;

	request_send(rig, &r, "/a/x", true, false, NULL);
	walker_lists(rig, "/a/x", large(LARGE));
	id = cache_begins_pieces(rig, LARGE);
	jobs_set_conf(&rig->jobs, rig_conf("max-torrent 1M\n"));
	cache_ends_pieces(rig, id, LARGE);
	request_check(rig, &r, 413);
	ATF_CHECK_EQ(0, r.result.retry_s);
	ATF_CHECK_EQ(0, rig->jobs.made);
}

/* Nor is one loaded that the cache has. */
TEST(job__large_torrent_of_the_cache_takes_slots)
{
	static const struct {
		const char	*path;
		uint64_t	 info_len;
		bool		 done;
	} tries[] = {
		{ "/a/0", CHARGE_FREE_LEN, false },
		{ "/a/1", CHARGE_FREE_LEN + 1, false },	/* takes the slot */
		{ "/a/2", CHARGE_FREE_LEN + 1, true },
		{ "/a/3", CHARGE_FREE_LEN, false },
	};
	struct rig *rig = rig_start("max-queue 1\n");
	struct msg_info info = { .flags = INFO_FOUND | PART_MORE };
	const struct msg_get_info *get;
	struct request_rig r[4];
	struct buf stored;
	int i;

	for (i = 0; i < 4; i++) {
		stored = listing(tries[i].path, identity(1));
		request_send(rig, &r[i], tries[i].path, false, true, NULL);
		get = rig_expect(rig, &rig->cache, MSG_GET_INFO);
		info.id = get->id;
		info.listing_len = (uint32_t)stored.len;
		info.info_len = tries[i].info_len;
		rig_say(rig, &rig->cache, MSG_INFO, &info, stored.data,
		    stored.len);
		ATF_CHECK_EQ_MSG(tries[i].done, r[i].done, "%d", i);
		ATF_CHECK_EQ_MSG(i > 0, rig->jobs.queued, "%d", i);
		buf_free(&stored);
	}
	request_check(rig, &r[2], 503);
}

/* The walker says how long it took. */
TEST(job__work_takes_slots)
{
	struct rig *rig = rig_start("max-queue 1\n");
	struct request_rig r;

	request_send(rig, &r, "/a/x", true, false, NULL);
	walker_works(rig, "/a/x", identity(1), CHARGE_FREE_US);
	ATF_CHECK_EQ(1, rig->jobs.queued);
	cache_answers_pieces(rig, 1, true);
	request_check(rig, &r, 200);
	ATF_CHECK_EQ(0, rig->jobs.queued);
	rig->jobs.queued = 1;
	request_send(rig, &r, "/a/y", true, false, NULL);
	walker_works(rig, "/a/y", identity(1), CHARGE_FREE_US);
	request_check(rig, &r, 503);
}

/* A job has ended, but its waiters were not told before one expires. */
TEST(job__expires_as_the_job_ends)
{
	struct rig *rig = rig_start("");
	struct request_rig r[2];
	const struct msg_resolve *asked;
	struct msg_resolved body[2];
	int i;

	request_send(rig, &r[0], "/a/**", true, false, NULL);
	request_send(rig, &r[1], "/b/**", true, false, NULL);
	r[0].expires = &r[1];
	r[1].expires = &r[0];
	for (i = 0; i < 2; i++) {
		asked = rig_expect(rig, &rig->walker[0], MSG_RESOLVE);
		body[i] = (struct msg_resolved){ .id = asked->id,
		    .result = RESOLVE_TOO_DEEP };
	}
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(0, msg_send(&rig->walker[0].ch, MSG_RESOLVED,
		    &body[i], NULL, 0, NULL, 0));
	for (i = 0; i < 2; i++)
		request_check(rig, &r[i], 413);
	ATF_CHECK_EQ(0, rig->jobs.n);
}

/*
 * One client has two torrents laid out that take many turns.  Another client's
 * small one is answered before them, though it comes last.
 */
TEST(job__turns_go_round_by_client)
{
	static const uint8_t ip[2][16] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
	const uint64_t size = 1500000ULL * PIECE;
	struct rig *rig = rig_start("");
	struct addr *many = addr_get(&rig->addrs, 2, ip[0]);
	struct addr *small = addr_get(&rig->addrs, 2, ip[1]);
	struct request_rig r[3];
	uint64_t id[2];
	int i;

	request_send(rig, &r[0], "/a/x", true, false, many);
	walker_lists(rig, "/a/x", large(size));
	request_send(rig, &r[1], "/a/y", true, false, many);
	walker_lists(rig, "/a/y", large(size));
	request_send(rig, &r[2], "/a/z", true, false, small);
	walker_lists(rig, "/a/z", large(PIECE));
	id[0] = cache_begins_pieces(rig, size);
	id[1] = cache_begins_pieces(rig, size);
	cache_ends_pieces(rig, id[0], size);
	cache_ends_pieces(rig, id[1], size);
	cache_ends_pieces(rig, id[1] + 1, PIECE);
	rig_loop(rig);
	ATF_CHECK(rig->jobs.turns > 3);
	for (i = 0; i < 2; i++) {
		ATF_CHECK(r[2].order < r[i].order);
		request_check(rig, &r[i], 200);
	}
	request_check(rig, &r[2], 200);
}
