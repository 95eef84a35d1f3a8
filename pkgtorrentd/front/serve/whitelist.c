/* SPDX-License-Identifier: ISC */
#include <sys/tree.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mix.h"
#include "common/timer.h"
#include "pkgtorrentd/front/serve/whitelist.h"

/* Hashes that come within this time are one write. */
#define WRITE_MS	10
#define WRITE_LINES	128
#define LINE_LEN	(2 * SHA1_LEN + 1)
#define LOG_INTERVAL_MS	60000
#define HOUR_MS		3600000
#define CLIENTS		4096		/* counters */

/* A hash that the helper has not answered. */
struct whitelist_line {
	RB_ENTRY(whitelist_line) by_hash;
	TAILQ_ENTRY(whitelist_line) entry;
	uint8_t			 hash[SHA1_LEN];
	uint64_t		 since_ms;
	bool			 late;		/* no answer waits for it */
	TAILQ_HEAD(, whitelist_wait) waits;
};

RB_HEAD(line_tree, whitelist_line);

/* The hashes that were acknowledged last, those of each set from 1 on. */
struct known_set {
	uint8_t		hash[WHITELIST_WAYS][SHA1_LEN];
	uint8_t		n;
	uint8_t		next;		/* to be replaced */
};

struct whitelist {
	struct channel		*parent;
	char			*path;		/* NULL: off */
	uint32_t		 mark;
	struct known_set	*known;		/* WHITELIST_SETS */

	int			 fd;		/* -1: no connection */
	uint32_t		 id;		/* of the connection */
	bool			 expected;	/* one, or a message that there
						   is none */
	struct event_base	*base;
	struct event		*readable;
	struct event		*writable;
	char			 out[WRITE_LINES * LINE_LEN];
	size_t			 out_len;
	size_t			 out_at;
	char			 in[WHITELIST_ANSWER_MAX];
	size_t			 in_len;

	/* In the order in which they are written; a new connection gets all of
	   them again. */
	TAILQ_HEAD(, whitelist_line) lines;
	struct line_tree	 by_hash;
	uint32_t		 n;
	struct whitelist_line	*unwritten;	/* and those after it */
	struct whitelist_line	*waiting;	/* the first that is not late,
						   or NULL */
	struct event		*write_ev;
	struct event		*wait_ev;
	unsigned		 failures;	/* in a row */
	uint64_t		 pause_ms;	/* until then */

	uint64_t		 hour_ms;	/* when it began */
	uint32_t		 written;	/* in that hour */
	uint16_t		 by_client[CLIENTS];
	uint64_t		 salt;
	uint32_t		 left_out;	/* since the last log line */
	uint64_t		 left_out_log_ms;
	uint64_t		 refused_log_ms;
	uint64_t		 wrong_log_ms;
};

static int
line_cmp(const struct whitelist_line *a, const struct whitelist_line *b)
{
	return memcmp(a->hash, b->hash, SHA1_LEN);
}

RB_GENERATE_INTERNAL(line_tree, whitelist_line, by_hash, line_cmp,
    static __attribute__((__unused__)))

/* Info hashes are random in all their bytes.  A client that looks for hashes of
   one set only has others written again. */
static struct known_set *
known_set(const struct whitelist *w, const uint8_t *hash)
{
	uint32_t n;

	memcpy(&n, hash, sizeof(n));
	return &w->known[n % WHITELIST_SETS];
}

static bool
whitelist_is_known(const struct whitelist *w, const uint8_t *hash)
{
	const struct known_set *set = known_set(w, hash);
	unsigned i;

	for (i = 0; i < set->n; i++)
		if (memcmp(set->hash[i], hash, SHA1_LEN) == 0)
			return true;
	return false;
}

static void
whitelist_know(struct whitelist *w, const uint8_t *hash)
{
	struct known_set *set = known_set(w, hash);

	memcpy(set->hash[set->next], hash, SHA1_LEN);
	set->next = (uint8_t)((set->next + 1) % WHITELIST_WAYS);
	if (set->n < WHITELIST_WAYS)
		set->n++;
}

/* Let the answers leave that wait for this line. */
static void
line_release(struct whitelist_line *line)
{
	struct whitelist_wait *wait;

	while ((wait = TAILQ_FIRST(&line->waits)) != NULL) {
		whitelist_leave(wait);
		wait->done(wait);
	}
}

/* Take a line out of the queue.  Its waits stay with it. */
static void
whitelist_remove(struct whitelist *w, struct whitelist_line *line)
{
	if (w->unwritten == line)
		w->unwritten = TAILQ_NEXT(line, entry);
	if (w->waiting == line)
		w->waiting = TAILQ_NEXT(line, entry);
	TAILQ_REMOVE(&w->lines, line, entry);
	RB_REMOVE(line_tree, &w->by_hash, line);
	w->n--;
}

static void
whitelist_drop_lines(struct whitelist *w)
{
	struct whitelist_line *line;

	while ((line = TAILQ_FIRST(&w->lines)) != NULL) {
		whitelist_remove(w, line);
		line_release(line);
		free(line);
	}
}

/* No answer waits any longer. */
static void
whitelist_release_all(struct whitelist *w)
{
	struct whitelist_line *line;

	TAILQ_FOREACH(line, &w->lines, entry) {
		line->late = true;
		line_release(line);
	}
	w->waiting = NULL;
}

/* The next connection begins with the first line again. */
static void
whitelist_close(struct whitelist *w)
{
	if (w->fd == -1)
		return;
	event_free(w->readable);
	event_free(w->writable);
	close(w->fd);
	w->fd = -1;
	w->in_len = w->out_len = w->out_at = 0;
	w->unwritten = TAILQ_FIRST(&w->lines);
}

/* Lines wait for the next connection, and answers as long as they would. */
static void
whitelist_lose(struct whitelist *w)
{
	struct msg_whitelist body = { .id = w->id };

	whitelist_close(w);
	w->expected = true;
	(void)msg_send_wait(w->parent, MSG_WHITELIST_LOST, &body, NULL, 0,
	    NULL, 0);
}

static void
whitelist_add_out(struct whitelist *w, const struct whitelist_line *line)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < SHA1_LEN; i++) {
		w->out[w->out_len++] = digits[line->hash[i] >> 4];
		w->out[w->out_len++] = digits[line->hash[i] & 0xf];
	}
	w->out[w->out_len++] = '\n';
}

/* Write lines until the helper has no room. */
static void
whitelist_write(struct whitelist *w)
{
	ssize_t n;

	while (w->fd != -1) {
		if (w->out_at == w->out_len)
			w->out_at = w->out_len = 0;
		for (; w->unwritten != NULL &&
		    w->out_len + LINE_LEN <= sizeof(w->out);
		    w->unwritten = TAILQ_NEXT(w->unwritten, entry))
			whitelist_add_out(w, w->unwritten);
		if (w->out_len == 0)
			return;
		n = write(w->fd, w->out + w->out_at, w->out_len - w->out_at);
		if (n >= 0)
			w->out_at += (size_t)n;
		else if (errno == EAGAIN) {
			(void)event_add(w->writable, NULL);
			return;
		} else if (errno != EINTR)
			whitelist_lose(w);
	}
}

static void
whitelist_on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	whitelist_write(arg);
}

/* The helper does not know how to answer. */
static void
whitelist_on_nonsense(struct whitelist *w, const char *why)
{
	if (log_once(&w->wrong_log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		log_warn("whitelist-socket %s: %s: the connection is closed",
		    w->path, why);
	whitelist_lose(w);
}

/* The answer to the first line. */
static void
whitelist_take_answer(struct whitelist *w, const char *answer, size_t len)
{
	struct whitelist_line *line = TAILQ_FIRST(&w->lines);
	char text[4 * WHITELIST_ANSWER_MAX];

	if (line == NULL || line == w->unwritten) {
		whitelist_on_nonsense(w, "more answers than lines");
		return;
	}
	if (len == 2 && memcmp(answer, "ok", 2) == 0) {
		whitelist_know(w, line->hash);
		if (!line->late)
			w->failures = 0;
	} else if (log_once(&w->refused_log_ms, LOG_INTERVAL_MS,
	    clock_coarse_ms()))
		log_warn("whitelist-socket %s: the answer to an info hash is "
		    "\"%s\", not ok: trackers may refuse it", w->path,
		    log_escape(text, sizeof(text), answer, len));
	whitelist_remove(w, line);
	line_release(line);
	free(line);
}

static void
whitelist_read(struct whitelist *w)
{
	char *end;
	ssize_t n;
	size_t len;

	n = read(w->fd, w->in + w->in_len, sizeof(w->in) - w->in_len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		whitelist_lose(w);
		return;
	}
	w->in_len += (size_t)n;
	while (w->fd != -1 &&
	    (end = memchr(w->in, '\n', w->in_len)) != NULL) {
		len = (size_t)(end - w->in);
		whitelist_take_answer(w, w->in, len);
		if (w->fd == -1)
			return;
		w->in_len -= len + 1;
		memmove(w->in, end + 1, w->in_len);
	}
	if (w->in_len == sizeof(w->in))
		whitelist_on_nonsense(w, "an answer of more than 255 bytes");
}

static void
whitelist_on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	whitelist_read(arg);
}

static void
whitelist_on_write_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	whitelist_write(arg);
}

static void
whitelist_fail(struct whitelist *w, uint64_t now)
{
	/* Without a connection nothing was waited for. */
	if ((w->fd == -1 && !w->expected) || now < w->pause_ms ||
	    ++w->failures < WHITELIST_FAILURES_MAX)
		return;
	w->failures = 0;
	w->pause_ms = now + WHITELIST_PAUSE_MS;
	log_warn("whitelist-socket %s: no ok within %d s, %d times: torrents "
	    "do not wait for it for %d s", w->path, WHITELIST_WAIT_MS / 1000,
	    WHITELIST_FAILURES_MAX, WHITELIST_PAUSE_MS / 1000);
	whitelist_release_all(w);
}

/* Lines are in the order of their deadlines.  Those that expire together count
   as one failure.  A request that begins when one before it is answered may add
   a line after now. */
static void
whitelist_on_wait_time(evutil_socket_t fd, short what, void *arg)
{
	struct whitelist *w = arg;
	struct whitelist_line *line;
	uint64_t now = clock_ms();
	bool expired = false;

	(void)fd;
	(void)what;
	while ((line = w->waiting) != NULL &&
	    line->since_ms + WHITELIST_WAIT_MS <= now) {
		w->waiting = TAILQ_NEXT(line, entry);
		expired = expired || !line->late;
		line->late = true;
		line_release(line);
	}
	if (expired)
		whitelist_fail(w, now);
	if ((line = w->waiting) != NULL)
		(void)timer_add(w->wait_ev, (unsigned)(line->since_ms +
		    WHITELIST_WAIT_MS - now));
}

struct whitelist *
whitelist_new(struct event_base *base, struct channel *parent)
{
	struct whitelist *w;

	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->base = base;
	w->parent = parent;
	w->fd = -1;
	/* The filter allows no request for random bytes after lockdown. */
	w->salt = (uint64_t)arc4random() << 32 | arc4random();
	TAILQ_INIT(&w->lines);
	RB_INIT(&w->by_hash);
	w->write_ev = evtimer_new(base, whitelist_on_write_time, w);
	w->wait_ev = evtimer_new(base, whitelist_on_wait_time, w);
	if (w->write_ev == NULL || w->wait_ev == NULL) {
		whitelist_free(w);
		return NULL;
	}
	return w;
}

/* Begin with another socket, or with none. */
static void
whitelist_turn_off(struct whitelist *w)
{
	free(w->path);
	w->path = NULL;
	whitelist_close(w);
	whitelist_drop_lines(w);
	free(w->known);
	w->known = NULL;
	w->expected = false;
	w->failures = 0;
	w->pause_ms = 0;
	(void)evtimer_del(w->write_ev);
	(void)evtimer_del(w->wait_ev);
}

void
whitelist_free(struct whitelist *w)
{
	if (w->write_ev != NULL && w->wait_ev != NULL)
		whitelist_turn_off(w);
	if (w->write_ev != NULL)
		event_free(w->write_ev);
	if (w->wait_ev != NULL)
		event_free(w->wait_ev);
	free(w);
}

void
whitelist_set_conf(struct whitelist *w, const struct conf *conf)
{
	const char *path = conf->whitelist_socket;

	if (path == NULL ? w->path == NULL :
	    w->path != NULL && strcmp(path, w->path) == 0)
		return;
	whitelist_turn_off(w);
	if (path == NULL)
		return;
	w->path = strdup(path);
	w->known = calloc(WHITELIST_SETS, sizeof(*w->known));
	if (w->path == NULL || w->known == NULL)
		fatal("out of memory");
	w->mark++;
	w->expected = true;
}

enum msg_fault
whitelist_on_whitelist(struct whitelist *w, struct msg *m)
{
	const struct msg_whitelist *body = m->body;

	whitelist_close(w);
	w->expected = false;
	if (m->nfds == 0 || w->path == NULL) {
		whitelist_release_all(w);
		return FAULT_NONE;
	}
	w->fd = m->fds[0];
	m->nfds = 0;
	w->id = body->id;
	w->readable = event_new(w->base, w->fd, EV_READ | EV_PERSIST,
	    whitelist_on_readable, w);
	w->writable = event_new(w->base, w->fd, EV_WRITE,
	    whitelist_on_writable, w);
	if (w->readable == NULL || w->writable == NULL ||
	    event_add(w->readable, NULL) == -1)
		fatal("out of memory");
	whitelist_write(w);
	return FAULT_NONE;
}

uint32_t
whitelist_mark(const struct whitelist *w)
{
	return w->path != NULL ? w->mark : 0;
}

/* May this client have another line in this hour? */
static bool
whitelist_count(struct whitelist *w, const struct addr *addr, uint64_t now)
{
	uint16_t *client = NULL;

	if (now - w->hour_ms >= HOUR_MS) {
		w->hour_ms = now;
		w->written = 0;
		memset(w->by_client, 0, sizeof(w->by_client));
	}
	if (addr != NULL) {
		client = &w->by_client[mix(w->salt + (unsigned)addr->family,
		    addr->ip, sizeof(addr->ip)) % CLIENTS];
		if (*client >= WHITELIST_CLIENT_MAX)
			return false;
	}
	if (w->written >= WHITELIST_HOUR_MAX || w->n >= WHITELIST_LINES_MAX)
		return false;
	w->written++;
	if (client != NULL)
		++*client;
	return true;
}

static void
whitelist_leave_out(struct whitelist *w, uint64_t now)
{
	w->left_out++;
	if (!log_once(&w->left_out_log_ms, LOG_INTERVAL_MS, now))
		return;
	log_warn("whitelist-socket %s: %u info hashes were not written: more "
	    "than %d wait for an answer, or are new in an hour (%d of all "
	    "clients, %d of one)", w->path, w->left_out, WHITELIST_LINES_MAX,
	    WHITELIST_HOUR_MAX, WHITELIST_CLIENT_MAX);
	w->left_out = 0;
}

static struct whitelist_line *
whitelist_add(struct whitelist *w, const uint8_t *hash,
    const struct addr *addr)
{
	struct whitelist_line *line = NULL;
	uint64_t now = clock_ms();

	if (!whitelist_count(w, addr, now) ||
	    (line = calloc(1, sizeof(*line))) == NULL) {
		whitelist_leave_out(w, now);
		return NULL;
	}
	memcpy(line->hash, hash, SHA1_LEN);
	line->since_ms = now;
	TAILQ_INIT(&line->waits);
	TAILQ_INSERT_TAIL(&w->lines, line, entry);
	RB_INSERT(line_tree, &w->by_hash, line);
	w->n++;
	if (w->unwritten == NULL) {
		w->unwritten = line;
		(void)timer_add(w->write_ev, WRITE_MS);
	}
	if (w->waiting == NULL) {
		w->waiting = line;
		(void)timer_add(w->wait_ev, WHITELIST_WAIT_MS);
	}
	return line;
}

struct whitelist_line *
whitelist_want(struct whitelist *w, const uint8_t *hash, uint32_t *mark,
    const struct addr *addr)
{
	struct whitelist_line look, *line;

	if (w->path == NULL)
		return NULL;
	if (whitelist_is_known(w, hash)) {
		*mark = w->mark;
		return NULL;
	}
	memcpy(look.hash, hash, SHA1_LEN);
	line = RB_FIND(line_tree, &w->by_hash, &look);
	if (line == NULL)
		line = whitelist_add(w, hash, addr);
	if (line == NULL || line->late || (w->fd == -1 && !w->expected) ||
	    clock_coarse_ms() < w->pause_ms)
		return NULL;
	return line;
}

void
whitelist_wait(struct whitelist_line *line, struct whitelist_wait *wait)
{
	wait->line = line;
	TAILQ_INSERT_TAIL(&line->waits, wait, entry);
}

void
whitelist_leave(struct whitelist_wait *wait)
{
	if (wait->line != NULL)
		TAILQ_REMOVE(&wait->line->waits, wait, entry);
	wait->line = NULL;
}
