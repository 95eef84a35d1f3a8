/* SPDX-License-Identifier: ISC */
/*
 * The front: the process that clients talk to.  Runs as its user in
 * an empty root directory, without a directory descriptor, behind a filter
 * that lets it accept, read, write and pass messages.  It may ask walkers to
 * resolve and open paths, hashers to hash the opened files, and the cache for
 * its entries; it passes announces on to the tracker, once their token is
 * right; it is sent configuration, listening sockets, trackers and a
 * connection to the helper of whitelist-socket by the parent.  It holds
 * clients' connections, the torrents in use and the tracker's key.
 *
 * A break-in here wins wrong answers for as long as the process lives, and the
 * files that any client may read anyway.  It wins nothing that lasts but the
 * tracker's key, by which any torrent can be tracked here, and any info hash on
 * the list of that helper: walkers and hashers seal their answers under keys
 * that are not here, and the cache stores nothing without those seals.
 */
#include <sys/resource.h>

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/timer.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/selftest_front.h"
#include "pkgtorrentd/front/serve/answer_memory.h"
#include "pkgtorrentd/front/serve/metrics.h"
#include "pkgtorrentd/front/serve/reply.h"
#include "pkgtorrentd/front/serve/whitelist.h"

#define TICK_MS		250
#define RATE_S		5	/* seconds that a rate is measured over */
#define STOP_MS		5000

/* Loop, listeners, log, messages in transit, and those for metrics. */
#define FDS_FIXED	(96 + METRICS_CONNS + 1)
#define FDS_LEAST	16
#define FDS_SPARE	64	/* connections that are turned away */
#define FDS_HASHING	1024	/* files to be hashed, at most */
/* The descriptors for the largest max-connections allowed, with files. */
#define FDS_MOST	(2 * (2 * 65536 + FDS_SPARE) + FDS_HASHING + \
			    FDS_FIXED + 2 * HASHERS_MAX)

/* One process, one loop, one struct. */
struct front {
	struct child		 child;		/* parent's channel, conf */
	struct event_base	*base;
	struct event		*parent_ev;
	struct event		*tick_ev;
	uint32_t		 fds;		/* descriptors, at most */
	bool			 stopping;
	uint64_t		 stop_ms;

	struct conns		 conns;
	struct service		 service;
	struct metrics		 metrics;

	struct jobs		 jobs;

	struct buf		 trackers_next;	/* parts so far */

	struct counts_gauges	 parent_gauges;	/* among child.counts */
	uint64_t		 totals_ms;	/* when they were looked at */
	uint64_t		 totals[COUNT_ROWS]; /* sent last */
	struct hash_at_hand	 at_hand;	/* the same, path aside */
	uint64_t		 hashed[RATE_S]; /* bytes, second by second */
	unsigned		 second;	/* of these the next */
};

static enum msg_fault
front_on_channel(struct front *f, struct msg *m)
{
	const struct msg_channel *body = m->body;

	if (body->role == ROLE_TRACKER)
		announceq_attach(&f->service.announces.q, m->fds[0]);
	else if (jobs_attach(&f->jobs, body->role, body->index,
	    m->fds[0]) == -1)
		return FAULT_CONTENT;
	m->nfds = 0;
	return FAULT_NONE;
}

static enum msg_fault
front_on_tracker_key(struct front *f, const struct msg *m)
{
	const struct msg_tracker_key *body = m->body;

	announces_set_key(&f->service, KEY_OF_FILE, body->key);
	return FAULT_NONE;
}

/* The cache's, which came by its own channel. */
static void
front_take_key(void *service, const uint8_t key[SEAL_LEN])
{
	announces_set_key(service, KEY_OF_CACHE, key);
}

static enum msg_fault
front_on_trackers(struct front *f, struct msg *m)
{
	struct service *s = &f->service;
	const struct msg_part *body = m->body;

	if (buf_add(&f->trackers_next, m->tail, m->tail_len) == -1)
		fatal("out of memory");
	if (body->flags & PART_MORE)
		return FAULT_NONE;
	/* Kept as a string. */
	if (buf_add(&f->trackers_next, "", 1) == -1)
		fatal("out of memory");
	buf_free(&s->trackers);
	s->trackers = f->trackers_next;
	memset(&f->trackers_next, 0, sizeof(f->trackers_next));
	s->generation++;
	return FAULT_NONE;
}

/* The limit cannot be raised later, but max-connections can. */
static void
front_limit_descriptors(struct front *f)
{
	struct rlimit rl;

	f->fds = FDS_MOST;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_max < f->fds)
		f->fds = (uint32_t)rl.rlim_max;
}

/*
 * Divide the descriptors beforehand, so that clients can never take the last
 * one that a worker's message needs.  A quarter of the clients' share is for
 * connections that are answered with 503.
 */
static void
front_share_descriptors(struct front *f)
{
	const struct conf *conf = f->child.conf;
	uint32_t fixed = FDS_FIXED + (uint32_t)conf->nroots + conf->hashers;
	/* A client needs one descriptor, and another for a file. */
	uint32_t each = conf->serve_files ? 2 : 1, all, most;

	all = f->fds < fixed + FDS_LEAST ? FDS_LEAST : f->fds - fixed;
	f->jobs.hashq.open_max = all / 4 < FDS_HASHING ? all / 4 : FDS_HASHING;
	f->conns.max = 2 * conf->max_connections;
	f->conns.slots = conf->max_connections;
	most = (all - f->jobs.hashq.open_max) / each;
	if (most < f->conns.max)
		f->conns.max = most;
	if (most - most / 4 >= f->conns.slots)
		return;
	f->conns.slots = most - most / 4;
	log_warn("with %u descriptors there are slots for %u connections: "
	    "raise the hard limit (LimitNOFILE) or lower max-connections",
	    f->fds, f->conns.slots);
}

static enum msg_fault
front_on_mounts(struct front *f, const struct msg *m)
{
	const struct msg_mounts *body = m->body;

	jobs_set_mounts(&f->jobs, body->changes,
	    body->flags & MOUNTS_WATCHED);
	return FAULT_NONE;
}

static enum msg_fault
front_on_warm(struct front *f, const struct msg *m)
{
	return warm_on_warm(&f->jobs.warm, m);
}

/* The parent waits for the end of each command. */
static enum msg_fault
front_on_control(struct front *f, const struct msg *m)
{
	const struct msg_control *body = m->body;

	if (body->command == CONTROL_PURGE)
		purges_on_control(&f->jobs.purges, m);
	else
		child_refuse_control(&f->child, body, "not known here");
	return FAULT_NONE;
}

static enum msg_fault
front_on_whitelist(struct front *f, struct msg *m)
{
	return whitelist_on_whitelist(f->service.whitelist, m);
}

static enum msg_fault
front_on_listener(struct front *f, struct msg *m)
{
	const struct msg_listener *body = m->body;

	if (body->kind == LISTENER_METRICS)
		return conns_on_listener(&f->metrics.conns, m);
	if (body->kind != LISTENER_CLIENTS || body->count == 0)
		return FAULT_CONTENT;
	return conns_on_listener(&f->conns, m);
}

static enum msg_fault
front_on_stop(struct front *f, const struct msg *m)
{
	(void)m;
	f->stopping = true;
	f->stop_ms = clock_coarse_ms() + STOP_MS;
	conns_stop(&f->conns);
	conns_stop(&f->metrics.conns);
	return FAULT_NONE;
}

/* Set the numbers that are not counted in place. */
static void
front_count(struct front *f)
{
	const struct conf *conf = f->child.conf;
	uint64_t *n = f->child.counts;

	n[COUNT_CONNECTIONS] = f->conns.n;
	n[COUNT_CONNECTIONS_LIMIT] = f->conns.slots;
	n[COUNT_ACCEPTED] = f->conns.accepted;
	n[COUNT_REFUSED] = f->conns.refused;
	n[COUNT_SENT] = f->conns.sent;
	n[COUNT_HOT_TORRENTS] = f->jobs.hot.n;
	n[COUNT_HOT_BYTES] = f->jobs.hot.size;
	n[COUNT_HOT_LIMIT] = conf->hot_size;
	n[COUNT_MEMORY] = answer_memory_used(&f->service);
	n[COUNT_MEMORY_LIMIT] = conf->answer_memory;
	n[COUNT_JOBS] = f->jobs.n;
	n[COUNT_JOBS_QUEUED] = f->jobs.queued;
	n[COUNT_JOBS_LIMIT] = conf->max_queue;
	n[COUNT_HASHED] = f->jobs.hashq.hashed;
	n[COUNT_HASH_LEFT] = f->jobs.hashq.left;
	n[COUNT_ANNOUNCED] = f->service.announces.answered;
	n[COUNT_ANNOUNCE_FAILED] = f->service.announces.refused;
}

static void
front_refresh(void *arg)
{
	front_count(arg);
}

/* Send all numbers to the parent, and the file that is being hashed, if
   anything of it has changed.  To be called once a second. */
static void
front_send_totals(struct front *f)
{
	uint64_t *n = f->child.counts, *oldest = &f->hashed[f->second];
	struct msg_totals body = { .path_len = 0 };
	struct hash_at_hand file = { .path = "" };
	uint8_t tail[sizeof(f->totals) + SPEC_MAX];

	front_count(f);
	n[COUNT_HASH_RATE] = (n[COUNT_HASHED] - *oldest) / RATE_S;
	*oldest = n[COUNT_HASHED];
	f->second = (f->second + 1) % RATE_S;
	(void)hashq_at_hand(&f->jobs.hashq, &file);
	if (memcmp(n, f->totals, sizeof(f->totals)) == 0 &&
	    file.done == f->at_hand.done && file.size == f->at_hand.size)
		return;
	body.done = file.done;
	body.size = file.size;
	body.path_len = (uint32_t)strlen(file.path);
	memcpy(tail, n, sizeof(f->totals));
	memcpy(tail + sizeof(f->totals), file.path, body.path_len);
	if (msg_send(&f->child.parent, MSG_TOTALS, &body, tail,
	    sizeof(f->totals) + body.path_len, NULL, 0) == -1)
		return;
	memcpy(f->totals, n, sizeof(f->totals));
	file.path = NULL;
	f->at_hand = file;
}

static enum msg_fault
front_on_counts(struct front *f, const struct msg *m)
{
	return counts_take(ROLE_PARENT, f->child.counts, &f->parent_gauges,
	    m->tail, m->tail_len) == -1 ? FAULT_CONTENT : FAULT_NONE;
}

/* The sum of these rows and those between them. */
static uint64_t
front_sum(const struct front *f, enum count first, enum count last)
{
	uint64_t sum = 0;

	for (; first <= last; first++)
		sum += f->child.counts[first];
	return sum;
}

static enum msg_fault
front_on_status(struct front *f, const struct msg *m)
{
	const uint64_t *n = f->child.counts;

	(void)m;
	front_count(f);
	log_info("%u connections open, %" PRIu64 " accepted, %" PRIu64
	    " refused over max-connections or max-connections-per-client; %"
	    PRIu64 " requests answered, of these %" PRIu64 " from memory, %"
	    PRIu64 " with 403, %" PRIu64 " with another 4xx (412 aside), %"
	    PRIu64 " with 5xx; %u torrents in memory (%zu bytes, and %"
	    PRIu64 " of others being answered with), %u jobs (%u hashing), %"
	    PRIu64 " bytes hashed, %" PRIu64 " to go; %" PRIu64 " announces "
	    "and scrapes answered, %" PRIu64 " of them with a failure",
	    f->conns.n, n[COUNT_ACCEPTED], n[COUNT_REFUSED],
	    front_sum(f, COUNT_CODE_200, COUNT_CODE_OTHER), n[COUNT_HOT_HITS],
	    n[COUNT_CODE_403],
	    /* A 412 is not an error: it makes the client post its paths. */
	    front_sum(f, COUNT_CODE_400, COUNT_CODE_431) - n[COUNT_CODE_403] -
	    n[COUNT_CODE_412],
	    front_sum(f, COUNT_CODE_500, COUNT_CODE_505),
	    f->jobs.hot.n, f->jobs.hot.size, n[COUNT_MEMORY],
	    f->jobs.n, f->jobs.queued,
	    n[COUNT_HASHED], n[COUNT_HASH_LEFT],
	    n[COUNT_ANNOUNCED], n[COUNT_ANNOUNCE_FAILED]);
	return FAULT_NONE;
}

static enum msg_fault
front_on_conf(struct front *f, const struct msg *m)
{
	if (!child_on_conf(&f->child, m))
		return FAULT_NONE;
	f->conns.conf = f->service.conf = f->child.conf;
	f->metrics.conns.conf = f->child.conf;
	f->service.generation++;
	front_share_descriptors(f);
	jobs_set_conf(&f->jobs, f->child.conf);
	whitelist_set_conf(f->service.whitelist, f->child.conf);
	return FAULT_NONE;
}

static enum msg_fault
front_on_access_log(struct front *f, struct msg *m)
{
	reply_set_log(&f->service.access, m->nfds > 0 ? m->fds[0] : -1);
	m->nfds = 0;
	return FAULT_NONE;
}

/* The messages of the parent. */
#define FRONT_HANDLERS(X)						\
	X(CONF, front_on_conf)						\
	X(TRACKER_KEY, front_on_tracker_key)				\
	X(CHANNEL, front_on_channel)					\
	X(LISTENER, front_on_listener)					\
	X(ACCESS_LOG, front_on_access_log)				\
	X(TRACKERS, front_on_trackers)					\
	X(STATUS, front_on_status)					\
	X(MOUNTS, front_on_mounts)					\
	X(COUNTS, front_on_counts)					\
	X(WARM, front_on_warm)						\
	X(CONTROL, front_on_control)					\
	X(WHITELIST, front_on_whitelist)				\
	X(STOP, front_on_stop)

CHANNEL_DISPATCH(front_on_parent, struct front, FRONT_HANDLERS, PARENT,
    FRONT);

static const struct child_ops front_ops = {
	.message = front_on_parent,
};

static void
front_on_parent_readable(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	(void)fd;
	(void)what;
	(void)child_receive_parent(&f->child);
}

static void
front_on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct msg_none none;
	struct front *f = arg;

	(void)fd;
	(void)what;
	(void)msg_send(&f->child.parent, MSG_ALIVE, &none, NULL, 0, NULL, 0);
	jobs_tick(&f->jobs);
	answer_memory_tick(&f->service);
	announceq_tick(&f->service.announces.q);
	if (clock_coarse_ms() - f->totals_ms >= COUNTS_MS) {
		f->totals_ms = clock_coarse_ms();
		front_send_totals(f);
	}
	if (f->stopping && (f->conns.n == 0 || clock_coarse_ms() > f->stop_ms))
		event_base_loopexit(f->base, NULL);
}

static void
front_init(struct front *f)
{
	struct event_config *cfg;

	cfg = event_config_new();
	if (cfg == NULL ||
	    (f->base = event_base_new_with_config(cfg)) == NULL)
		fatal("the event loop cannot be set up");
	event_config_free(cfg);
	f->conns.base = f->base;
	f->conns.conf = f->service.conf = f->child.conf;
	f->conns.ops = &service_ops;
	f->conns.arg = &f->service;
	f->service.jobs = &f->jobs;
	f->service.conns = &f->conns;
	f->service.counts = f->child.counts;
	f->metrics.counts = f->child.counts;
	f->metrics.refresh = front_refresh;
	f->metrics.arg = f;
	f->service.whitelist = whitelist_new(f->base, &f->child.parent);
	f->service.started_ns = clock_real_ns();
	f->service.access.parent = &f->child.parent;
	f->service.access.fd = -1;
	f->child.ops = &front_ops;
	f->child.owner = f;
	f->parent_ev = event_new(f->base, f->child.parent.fd,
	    EV_READ | EV_PERSIST, front_on_parent_readable, f);
	f->tick_ev = event_new(f->base, -1, EV_PERSIST, front_on_tick, f);
	if (f->parent_ev == NULL || event_add(f->parent_ev, NULL) == -1 ||
	    f->tick_ev == NULL || timer_add(f->tick_ev, TICK_MS) == -1 ||
	    f->service.whitelist == NULL || conns_init(&f->conns) == -1 ||
	    metrics_init(&f->metrics, f->base, f->child.conf) == -1 ||
	    jobs_init(&f->jobs, f->base, &f->child) == -1 ||
	    announceq_init(&f->service.announces.q, f->base, &f->child) == -1)
		fatal("the event loop cannot be set up");
	whitelist_set_conf(f->service.whitelist, f->child.conf);
	f->jobs.admit = answer_memory_admit;
	f->jobs.take_key = front_take_key;
	f->jobs.admit_arg = &f->service;
	f->jobs.take_key_arg = &f->service;
}

void
front_main(void)
{
	struct front *f;

	f = calloc(1, sizeof(*f));
	if (f == NULL)
		_exit(1);
	torrent_init();
	child_start(&f->child, ROLE_FRONT, NULL, f);
	/* Writing to a client that has gone fails with EPIPE instead. */
	signal(SIGPIPE, SIG_IGN);
	/* And to an access log of the largest size allowed, with EFBIG. */
	signal(SIGXFSZ, SIG_IGN);
	front_init(f);
	front_limit_descriptors(f);
	front_share_descriptors(f);
	front_confine(&f->child, f->fds);
	event_base_dispatch(f->base);
	reply_set_log(&f->service.access, -1);
	_exit(0);
}
