/*
 * A cache at work: cache_main() in a process of its own, its parent and its
 * front played by the test, which has the key and so can seal as walkers and
 * hashers do.
 */
#ifndef CACHE_HELP_H
#define CACHE_HELP_H

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/listing.h"
#include "pkgtorrentd/cache/entry.h"
#include "common/child.h"
#include "common/seal.h"
#include "common/torrent.h"

#define WAIT_MS		30000
#define PIECE_LEN	(1U << 20)
#define DAY		86400

/* What STATUS says. */
struct status {
	unsigned long	entries;
	unsigned long	used_kib;
	unsigned long	limit_kib;
	unsigned long	hits;
	unsigned long	misses;
	unsigned long	stored;
	unsigned long	errors;
	unsigned long	sweeps;
	unsigned long	expired;
	unsigned long	evicted;
};

struct cache_under_test {
	pid_t		 pid;
	struct channel	 parent;	/* our ends */
	struct channel	 front;
	struct seal	*seal;
	uint8_t		*buf;
	struct buf	 log;		/* its lines */
	uint32_t	 fault;		/* as it reported last; 0: none */
	bool		 ready;
	bool		 has_status;
	struct status	 status;
	uint64_t	 id;		/* of the last question */
	uint32_t	 flags;		/* CONF_ROOT */
	rlim_t		 fsize;		/* limit before it starts; 0: none */
};

/*
 * The cache's directory is "cache" in the test's own.  Like the parent's, the
 * text leaves nothing to be asked of the system (how many CPUs there are).
 */
static inline void
send_conf(struct cache_under_test *c, const char *more)
{
	struct msg_conf body = {
		.role = ROLE_CACHE, .flags = CONF_VERBOSE | c->flags,
	};
	char cwd[512], text[2048];
	int n;

	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	n = snprintf(text, sizeof(text), "root /usr\ncache %s/cache\n"
	    "hashers 1\n%s%s", cwd, strstr(more, "sandbox") != NULL ? "" :
	    "sandbox best-effort\n", more);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c->parent, MSG_CONF, &body, text,
	    (size_t)n, NULL, 0));
}

static inline void
take_line(struct cache_under_test *c, const uint8_t *line, size_t len)
{
	struct status *st = &c->status;
	char text[2100];

	ATF_REQUIRE_EQ(0, buf_add(&c->log, line, len));
	ATF_REQUIRE_EQ(0, buf_add(&c->log, "\n", 1));
	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	if (sscanf(text, "%lu entries on disk, %lu of %lu KiB used; %lu "
	    "lookups found an entry, %lu found none; %lu entries stored, %lu "
	    "errors of reading or storing; %lu sweeps, %lu entries removed "
	    "for cache-age, %lu for cache-size",
	    &st->entries, &st->used_kib, &st->limit_kib, &st->hits,
	    &st->misses, &st->stored, &st->errors, &st->sweeps, &st->expired,
	    &st->evicted) == 10)
		c->has_status = true;
}

static inline void
from_parent_end(struct cache_under_test *c)
{
	struct msg_wrong wrong;
	struct msg msg;

	switch (msg_recv(&c->parent, c->buf, &msg, &wrong)) {
	case MSG_GOT:
		break;
	case MSG_AGAIN:
		return;
	default:
		atf_tc_fail("the cache has ended: %.*s", (int)c->log.len,
		    c->log.data);
	}
	switch (msg.type) {
	case MSG_READY:
		c->ready = true;
		break;
	case MSG_LOG:
		take_line(c, msg.tail, msg.tail_len);
		break;
	case MSG_WRONG:
		c->fault = ((const struct msg_wrong *)msg.body)->fault;
		break;
	default:
		atf_tc_fail("%s from the cache: %u", msg_name(msg.type),
		    ((const struct msg_syscall *)msg.body)->nr);
	}
}

/* Wait for something from either end, at most WAIT_MS. */
static inline void
wait_for_cache(struct cache_under_test *c)
{
	struct pollfd pfds[2] = {
		{ c->parent.fd, POLLIN, 0 }, { c->front.fd, POLLIN, 0 },
	};
	int n;

	n = poll(pfds, 2, WAIT_MS);
	ATF_REQUIRE_MSG(n > 0, "nothing from the cache: %.*s",
	    (int)c->log.len, c->log.data);
	if (pfds[0].revents != 0)
		from_parent_end(c);
}

static inline void
new_front(struct cache_under_test *c)
{
	struct msg_channel body = { .role = ROLE_FRONT };
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	ATF_REQUIRE_EQ(0, msg_send_wait(&c->parent, MSG_CHANNEL, &body, NULL,
	    0, &fds[1], 1));
	close(fds[1]);
	if (c->front.fd != -1)
		close(c->front.fd);
	c->front = (struct channel){ .fd = fds[0], .self = ROLE_FRONT,
	    .peer = ROLE_CACHE };
}

static inline void
cache_start(struct cache_under_test *c, const char *conf)
{
	struct msg_key key = { .key = "sixteen or more bytes" };
	int fds[2];

	ATF_REQUIRE(mkdir("cache", 0700) == 0 || errno == EEXIST);
	if (c->buf == NULL)
		c->buf = malloc(MSG_MAX);
	if (c->seal == NULL)
		c->seal = seal_new(key.key);
	ATF_REQUIRE(c->buf != NULL && c->seal != NULL);
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	c->pid = fork();
	ATF_REQUIRE(c->pid != -1);
	if (c->pid == 0) {
		struct rlimit rl = { c->fsize, c->fsize };

		if (c->fsize != 0 && setrlimit(RLIMIT_FSIZE, &rl) == -1)
			_exit(1);
		if (dup2(fds[1], PARENT_FD) == -1)
			_exit(1);
		/* Of all ends of channels it has only its own: it ends when
		   the others are closed. */
		closefrom(PARENT_FD + 1);
		cache_main();
	}
	close(fds[1]);
	c->parent = (struct channel){ .fd = fds[0], .self = ROLE_PARENT,
	    .peer = ROLE_CACHE };
	c->front.fd = -1;
	c->ready = false;
	send_conf(c, conf);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c->parent, MSG_KEY, &key, NULL, 0,
	    NULL, 0));
	while (!c->ready)
		wait_for_cache(c);
	new_front(c);
}

/* It ends when its parent does, and has nothing to complain of. */
static inline void
cache_stop(struct cache_under_test *c)
{
	int status;

	close(c->parent.fd);
	close(c->front.fd);
	ATF_REQUIRE_EQ(c->pid, waitpid(c->pid, &status, 0));
	ATF_CHECK_EQ(0, status);
}

static inline struct status
cache_status(struct cache_under_test *c)
{
	struct msg_none body = { 0 };

	c->has_status = false;
	ATF_REQUIRE_EQ(0, msg_send_wait(&c->parent, MSG_STATUS, &body, NULL,
	    0, NULL, 0));
	while (!c->has_status)
		wait_for_cache(c);
	return c->status;
}

/* How often it has said so, now that it has said all. */
static inline unsigned
count_in_log(struct cache_under_test *c, const char *text)
{
	const char *at;
	unsigned n = 0;

	cache_status(c);
	ATF_REQUIRE_EQ(0, buf_add(&c->log, "", 1));
	for (at = (const char *)c->log.data; (at = strstr(at, text)) != NULL;
	    at++)
		n++;
	c->log.len--;
	return n;
}

/* Waits until as many sweeps have ended. */
static inline struct status
wait_for_sweeps(struct cache_under_test *c, unsigned long sweeps)
{
	struct status st;
	int i;

	for (i = 0; i < WAIT_MS / 10; i++) {
		st = cache_status(c);
		if (st.sweeps >= sweeps)
			return st;
		(void)poll(NULL, 0, 10);
	}
	atf_tc_fail("no sweep ended");
}

/* A file of the mirror, as the test imagines it. */
struct mirror_file {
	const char	*path;
	struct identity	 identity;
};

static inline uint64_t
digests_of(const struct mirror_file *f, uint32_t piece_len)
{
	return torrent_digests(f->identity.size, piece_len);
}

/* Digests that follow from the identity: to be freed. */
static inline uint8_t *
make_digests(const struct mirror_file *f, uint32_t piece_len)
{
	uint64_t i, n = digests_of(f, piece_len);
	uint8_t *d = malloc(n * SHA1_LEN + 1);
	uint64_t words[3] = { f->identity.ino, piece_len, 0 };

	ATF_REQUIRE(d != NULL);
	for (i = 0; i < n; i++) {
		words[2] = i;
		sha1(words, sizeof(words), d + i * SHA1_LEN);
	}
	return d;
}

/* How a PUT_PIECES lies; the honest one is all zero. */
struct put_lies {
	const char	*path;		/* said, the seal being for another */
	uint64_t	 size;		/* the same */
	uint64_t	 ino;
	bool		 no_mount;	/* … as if it did not matter */
	bool		 unsealed;	/* slices */
	uint32_t	 skip;		/* leave this slice out, from 1 on */
	uint32_t	 again;		/* send this one twice */
	bool		 beyond;	/* a sealed slice after the last */
	bool		 swapped;	/* the first two slices */
	bool		 no_padded;	/* no digest of the padded last piece */
	bool		 cut;		/* no last part */
	size_t		 junk;		/* bytes at the end of the last part */
};

struct put {
	struct cache_under_test	*c;
	struct msg_put_pieces	 body;
	struct buf		 tail;
};

static inline void
put_part(struct put *put, bool more)
{
	put->body.flags = more ? PART_MORE : 0;
	/* The cache may have closed the channel already. */
	(void)msg_send_wait(&put->c->front, MSG_PUT_PIECES, &put->body,
	    put->tail.data, put->tail.len, NULL, 0);
	put->tail.len = 0;
	put->body.path_len = 0;
	put->body.slices = 0;
}

static inline void
put_slice(struct put *put, const struct msg_digests_item *item,
    const uint8_t *digests)
{
	size_t len = (size_t)item->count * SHA1_LEN;

	if (put->tail.len + sizeof(*item) + len > MSG_TAIL_MAX)
		put_part(put, true);
	ATF_REQUIRE_EQ(0, buf_add(&put->tail, item, sizeof(*item)));
	ATF_REQUIRE_EQ(0, buf_add(&put->tail, digests, len));
	put->body.slices++;
}

/* Slices of at most slice_len pieces, as the front would send them. */
static inline void
put_pieces(struct cache_under_test *c, const struct mirror_file *f,
    uint32_t piece_len, uint32_t slice_len, const struct put_lies *lies)
{
	static const struct put_lies honest;
	const char *path = f->path;
	uint64_t pieces = torrent_pieces(f->identity.size, piece_len), at;
	uint8_t *digests = make_digests(f, piece_len);
	struct put put = { .c = c };
	struct msg_digests_item item;
	uint32_t slice = 0;

	if (lies == NULL)
		lies = &honest;
	put.body.piece_len = piece_len;
	put.body.identity = f->identity;
	seal_file(c->seal, path, strlen(path), &f->identity, put.body.seal);
	if (lies->path != NULL)
		path = lies->path;
	if (lies->size != 0)
		put.body.identity.size = lies->size;
	if (lies->ino != 0)
		put.body.identity.ino = lies->ino;
	if (lies->no_mount)
		put.body.identity.mount = 0;
	put.body.path_len = (uint32_t)strlen(path);
	ATF_REQUIRE_EQ(0, buf_add(&put.tail, path, strlen(path)));
	for (at = lies->swapped ? slice_len : 0; at < pieces + lies->beyond;
	    at += slice_len) {
		memset(&item, 0, sizeof(item));
		item.status = DIGESTS_OK;
		item.identity = f->identity;
		item.first = (uint32_t)at;
		item.count = slice_len;
		if (at < pieces && at + slice_len >= pieces)
			item.count = (uint32_t)(digests_of(f, piece_len) -
			    at - lies->no_padded);
		if (!lies->unsealed)
			seal_digests(c->seal, &item.identity, piece_len,
			    item.first, item.count, digests + at * SHA1_LEN,
			    item.seal);
		if (++slice != lies->skip)
			put_slice(&put, &item, digests + at * SHA1_LEN);
		if (slice == lies->again)
			put_slice(&put, &item, digests + at * SHA1_LEN);
		if (lies->swapped && slice == 1)
			at = (uint64_t)0 - slice_len;
		else if (lies->swapped && slice == 2)
			at = slice_len;
	}
	for (at = 0; at < lies->junk; at++)
		ATF_REQUIRE_EQ(0, buf_add(&put.tail, "", 1));
	put_part(&put, lies->cut);
	buf_free(&put.tail);
	free(digests);
}

/* The next answer of the front's channel; false: it was closed. */
static inline bool
next_answer(struct cache_under_test *c, struct msg *msg)
{
	struct msg_wrong wrong;

	for (;;) {
		switch (msg_recv(&c->front, c->buf, msg, &wrong)) {
		case MSG_GOT:
			return true;
		case MSG_AGAIN:
			wait_for_cache(c);
			break;
		case MSG_CLOSED:
			return false;
		case MSG_WRONG_ONE:
			atf_tc_fail("wrong message from the cache");
		}
	}
}

/* A GET_PIECES in the making. */
static inline void
ask_file(struct buf *tail, uint32_t index, const struct mirror_file *f)
{
	struct msg_file file = {
		.index = index, .len = (uint32_t)strlen(f->path),
		.identity = f->identity,
	};

	ATF_REQUIRE_EQ(0, buf_add(tail, &file, sizeof(file)));
	ATF_REQUIRE_EQ(0, buf_add(tail, f->path, file.len));
}

/* Asks for one file: how many digests are known; these are compared. */
static inline uint64_t
get_pieces(struct cache_under_test *c, const struct mirror_file *f,
    uint32_t piece_len)
{
	struct msg_get_pieces body = {
		.id = ++c->id, .piece_len = piece_len, .count = 1,
	};
	uint8_t *digests = make_digests(f, piece_len);
	const struct msg_pieces *body_in;
	struct msg_pieces_item item;
	struct buf tail = { 0 };
	uint64_t got = 0;
	struct msg msg;

	ask_file(&tail, 7, f);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c->front, MSG_GET_PIECES, &body,
	    tail.data, tail.len, NULL, 0));
	buf_free(&tail);
	do {
		ATF_REQUIRE(next_answer(c, &msg));
		ATF_REQUIRE_EQ(MSG_PIECES, msg.type);
		body_in = msg.body;
		ATF_REQUIRE_EQ(c->id, body_in->id);
		ATF_REQUIRE_EQ(1, body_in->count);
		ATF_REQUIRE(msg.tail_len >= sizeof(item));
		memcpy(&item, msg.tail, sizeof(item));
		ATF_REQUIRE_EQ(7, item.index);
		ATF_REQUIRE_EQ(got, item.first);
		ATF_REQUIRE_EQ(msg.tail_len, sizeof(item) +
		    (size_t)item.count * SHA1_LEN);
		ATF_REQUIRE(item.total == 0 ||
		    item.total == digests_of(f, piece_len));
		ATF_REQUIRE(item.total == 0 || item.count > 0);
		ATF_REQUIRE(memcmp(msg.tail + sizeof(item), digests +
		    got * SHA1_LEN, (size_t)item.count * SHA1_LEN) == 0);
		got += item.count;
	} while (got < item.total);
	free(digests);
	return got;
}

static inline void
digest_of(const char *specs, uint8_t digest[SHA1_LEN])
{
	sha1(specs, strlen(specs), digest);
}

/* One walker's share, whole: more of others may follow. */
static inline void
put_listing(struct cache_under_test *c, const uint8_t digest[SHA1_LEN],
    const struct buf *listing, bool more)
{
	struct msg_put_info body = { 0 };
	uint8_t sum[SEAL_LEN];
	size_t at = 0, n;

	memcpy(body.digest, digest, SHA1_LEN);
	do {
		n = listing->len - at < 60000 ? listing->len - at : 60000;
		body.flags = more || at + n < listing->len ? PART_MORE : 0;
		if (at + n == listing->len) {
			body.flags |= PUT_SEALED;
			sha256(listing->data, listing->len, sum);
			seal_listing(c->seal, sum, body.seal);
		}
		(void)msg_send_wait(&c->front, MSG_PUT_INFO, &body,
		    listing->data + at, n, NULL, 0);
		at += n;
	} while (at < listing->len);
}

static inline void
list_spec(struct buf *b, uint32_t index, const char *spec,
    const struct mirror_file *files, uint32_t n)
{
	uint32_t i;

	ATF_REQUIRE_EQ(0, listing_add_spec(b, index, n > 0 ? PATH_OK :
	    PATH_MISSING, spec, strlen(spec), n));
	for (i = 0; i < n; i++)
		ATF_REQUIRE_EQ(0, listing_add_file(b, &files[i].identity,
		    files[i].path, strlen(files[i].path)));
}

/* Asks what a digest stands for; 1: found. */
static inline int
get_info(struct cache_under_test *c, const uint8_t digest[SHA1_LEN],
    struct buf *listing, struct buf *info)
{
	struct msg_get_info body = { .id = ++c->id };
	const struct msg_info *answer;
	struct buf all = { 0 };
	struct msg msg;
	uint32_t flags;

	memcpy(body.digest, digest, SHA1_LEN);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c->front, MSG_GET_INFO, &body, NULL,
	    0, NULL, 0));
	do {
		ATF_REQUIRE(next_answer(c, &msg));
		ATF_REQUIRE_EQ(MSG_INFO, msg.type);
		answer = msg.body;
		ATF_REQUIRE_EQ(c->id, answer->id);
		ATF_REQUIRE_EQ(0, buf_add(&all, msg.tail, msg.tail_len));
		flags = answer->flags;
	} while (flags & PART_MORE);
	ATF_REQUIRE_EQ(all.len, answer->listing_len + answer->info_len);
	listing->len = info->len = 0;
	ATF_REQUIRE_EQ(0, buf_add(listing, all.data, answer->listing_len));
	ATF_REQUIRE_EQ(0, buf_add(info, all.data + answer->listing_len,
	    answer->info_len));
	buf_free(&all);
	return (flags & INFO_FOUND) != 0;
}

static inline bool
knows_info(struct cache_under_test *c, const uint8_t digest[SHA1_LEN])
{
	struct buf listing = { 0 }, info = { 0 };
	int found;

	found = get_info(c, digest, &listing, &info);
	buf_free(&listing);
	buf_free(&info);
	return found == 1;
}

/* The cache closes the front's channel, says why, and lives on. */
static inline void
expect_fault(struct cache_under_test *c, enum msg_fault fault)
{
	struct msg msg;

	while (next_answer(c, &msg))
		continue;
	while (c->fault == 0)
		wait_for_cache(c);
	ATF_CHECK_EQ(fault, c->fault);
	c->fault = 0;
	new_front(c);
}

/* A digest with one file, and its pieces, remembered. */
static inline void
remember(struct cache_under_test *c, const struct mirror_file *f,
    uint8_t digest[SHA1_LEN])
{
	struct buf listing = { 0 };

	put_pieces(c, f, PIECE_LEN, 16, NULL);
	digest_of(f->path, digest);
	list_spec(&listing, 0, f->path, f, 1);
	put_listing(c, digest, &listing, false);
	buf_free(&listing);
}

static inline void
set_age(const char *path, time_t age_s)
{
	struct timespec times[2] = { 0 };

	times[0].tv_sec = times[1].tv_sec = time(NULL) - age_s;
	ATF_REQUIRE_EQ_MSG(0, utimensat(AT_FDCWD, path, times, 0), "%s: %s",
	    path, strerror(errno));
}

static inline time_t
age_of(const char *path)
{
	struct stat sb;

	ATF_REQUIRE_EQ_MSG(0, lstat(path, &sb), "%s: %s", path,
	    strerror(errno));
	return time(NULL) - sb.st_mtim.tv_sec;
}

static inline bool
there(const char *path)
{
	struct stat sb;

	return lstat(path, &sb) == 0;
}

/* "cache/info/<digest>" */
static inline const char *
info_path(const uint8_t digest[SHA1_LEN])
{
	static char path[ENTRY_PATH_LEN + 10];
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, digest);
	snprintf(path, sizeof(path), "cache/%s", name);
	return path;
}

static inline void
write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ATF_REQUIRE_MSG(fd != -1, "%s: %s", path, strerror(errno));
	ATF_REQUIRE_EQ((ssize_t)len, write(fd, data, len));
	close(fd);
}

#endif
