/* SPDX-License-Identifier: ISC */
#include <time.h>

#include "common/listing.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/entry.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/test.h"

/*
 * Like the parent's, the text leaves nothing to be asked of the system (the
 * number of its CPUs).
 */
static const char *
cache_conf(const char *more)
{
	return fmt("root /usr\ncache %s/cache\nhashers 1\n%s%s%s", here(),
	    strstr(more, "sandbox") != NULL ? "" : "sandbox best-effort\n",
	    strstr(more, "tracker") != NULL ? "" : "tracker no\n", more);
}

void
send_conf(struct cache_under_test *c, const char *more)
{
	proc_configure(&c->proc, 0, CONF_VERBOSE | c->flags, cache_conf(more));
}

void
new_front(struct cache_under_test *c)
{
	if (c->front.fd != -1)
		close(c->front.fd);
	c->front = proc_connect(&c->proc, ROLE_FRONT, 0);
}

void
cache_start(struct cache_under_test *c, const char *conf)
{
	ATF_REQUIRE(mkdir("cache", 0700) == 0 || errno == EEXIST);
	if (c->buf == NULL)
		c->buf = malloc(MSG_MAX);
	ATF_REQUIRE(c->buf != NULL);
	proc_start(&c->proc, ROLE_CACHE, 0, CONF_VERBOSE | c->flags,
	    cache_conf(conf));
	proc_stop_at_end(&c->proc);
	c->front.fd = -1;
	new_front(c);
}

void
cache_stop(struct cache_under_test *c)
{
	close(c->front.fd);
	proc_stop(&c->proc);
}

struct status
cache_status(struct cache_under_test *c)
{
	const struct buf *log = &c->proc.log;
	size_t at = log->len > 0 ? log->len - 1 : 0;
	const char *line;
	struct status st;

	proc_send(&c->proc, MSG_STATUS, NULL, NULL, 0, -1);
	for (;; proc_wait(&c->proc, -1, 0))
		for (; at + 1 < log->len; at += strcspn(line, "\n") + 1) {
			line = (const char *)log->data + at;
			if (sscanf(line, "%lu entries on disk, %lu of %lu KiB "
			    "used, %*u of %*u by info/; %lu lookups found an "
			    "entry, %lu found none; %lu entries stored, %lu "
			    "errors of reading or storing; %lu sweeps, %lu "
			    "entries removed for cache-age, %lu for "
			    "cache-size", &st.entries,
			    &st.used_kib, &st.limit_kib, &st.hits, &st.misses,
			    &st.stored, &st.errors, &st.sweeps, &st.expired,
			    &st.evicted) == 10)
				return st;
		}
}

unsigned
count_in_log(struct cache_under_test *c, const char *text)
{
	const char *at;
	unsigned n = 0;

	cache_status(c);
	for (at = (const char *)c->proc.log.data;
	    (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

struct status
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

uint64_t
digests_of(const struct mirror_file *f, uint32_t piece_len)
{
	return torrent_digests(f->identity.size, piece_len);
}

uint8_t *
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

void
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

void
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

void
put_file(struct put *put, const struct mirror_file *f, uint32_t piece_len,
    bool sealed)
{
	struct msg_put_pieces head = { .piece_len = piece_len, .slices = 1,
	    .path_len = (uint32_t)strlen(f->path), .identity = f->identity };
	struct msg_digests_item item = { .status = DIGESTS_OK,
	    .identity = f->identity };
	uint8_t *digests = make_digests(f, piece_len);

	item.count = (uint32_t)digests_of(f, piece_len);
	proc_seal_file(SEAL_WALKER_CACHE, f->path, head.path_len, &f->identity,
	    head.seal);
	head.seal[0] ^= !sealed;
	proc_seal_digests(f->path, head.path_len, &f->identity, piece_len, 0,
	    item.count, digests, item.seal);
	/* The head of the first file is the body of the message. */
	if (put->tail.len == 0)
		put->body = head;
	else
		ATF_REQUIRE_EQ(0, buf_add(&put->tail, &head, sizeof(head)));
	ATF_REQUIRE_EQ(0, buf_add(&put->tail, f->path, head.path_len));
	ATF_REQUIRE_EQ(0, buf_add(&put->tail, &item, sizeof(item)));
	ATF_REQUIRE_EQ(0, buf_add(&put->tail, digests,
	    (size_t)item.count * SHA1_LEN));
	free(digests);
}

void
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
	proc_seal_file(SEAL_WALKER_CACHE, path, strlen(path), &f->identity,
	    put.body.seal);
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
			proc_seal_digests(f->path, strlen(f->path),
			    &item.identity, piece_len, item.first, item.count,
			    digests + at * SHA1_LEN, item.seal);
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

bool
next_answer(struct cache_under_test *c, struct msg *msg)
{
	struct msg_wrong wrong;

	for (;;) {
		switch (proc_recv(&c->front, c->buf, msg, &wrong)) {
		case MSG_GOT:
			return true;
		case MSG_AGAIN:
			proc_wait(&c->proc, c->front.fd, POLLIN);
			break;
		case MSG_CLOSED:
			return false;
		case MSG_WRONG_ONE:
			atf_tc_fail("wrong message from the cache");
		}
	}
}

void
ask_file(struct buf *tail, uint32_t index, const struct mirror_file *f)
{
	struct msg_file file = {
		.index = index, .len = (uint32_t)strlen(f->path),
		.identity = f->identity,
	};

	ATF_REQUIRE_EQ(0, buf_add(tail, &file, sizeof(file)));
	ATF_REQUIRE_EQ(0, buf_add(tail, f->path, file.len));
}

uint64_t
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

void
digest_of(const char *specs, uint8_t digest[SHA1_LEN])
{
	sha1(specs, strlen(specs), digest);
}

void
put_listing(struct cache_under_test *c, const uint8_t digest[SHA1_LEN],
    const struct buf *listing, bool more)
{
	struct msg_put_info body = { .piece = c->piece };
	size_t at = 0, n;

	memcpy(body.digest, digest, SHA1_LEN);
	do {
		n = listing->len - at < 60000 ? listing->len - at : 60000;
		body.flags = more || at + n < listing->len ? PART_MORE : 0;
		if (at + n == listing->len) {
			body.flags |= PUT_SEALED;
			proc_seal_listing(listing, body.seal);
		}
		(void)msg_send_wait(&c->front, MSG_PUT_INFO, &body,
		    listing->data + at, n, NULL, 0);
		at += n;
	} while (at < listing->len);
}

void
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

int
get_info(struct cache_under_test *c, const uint8_t digest[SHA1_LEN],
    struct buf *listing, struct buf *info)
{
	struct msg_get_info body = { .id = ++c->id, .piece = c->piece };
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

bool
knows_info(struct cache_under_test *c, const uint8_t digest[SHA1_LEN])
{
	struct buf listing = { 0 }, info = { 0 };
	int found;

	found = get_info(c, digest, &listing, &info);
	buf_free(&listing);
	buf_free(&info);
	return found == 1;
}

void
expect_fault(struct cache_under_test *c, enum msg_fault fault)
{
	struct proc *p = &c->proc;
	struct msg msg;

	while (next_answer(c, &msg))
		continue;
	while (p->reports == p->settled)
		proc_wait(p, -1, 0);
	proc_check_blame(p, ROLE_FRONT, 0, p->wrong.type, fault, "the front");
	new_front(c);
}

void
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

void
set_age(const char *path, time_t age_s)
{
	struct timespec times[2] = { 0 };

	times[0].tv_sec = times[1].tv_sec = time(NULL) - age_s;
	ATF_REQUIRE_EQ_MSG(0, utimensat(AT_FDCWD, path, times, 0), "%s: %s",
	    path, strerror(errno));
}

time_t
age_of(const char *path)
{
	struct stat sb;

	ATF_REQUIRE_EQ_MSG(0, lstat(path, &sb), "%s: %s", path,
	    strerror(errno));
	return time(NULL) - sb.st_mtim.tv_sec;
}

bool
there(const char *path)
{
	struct stat sb;

	return lstat(path, &sb) == 0;
}

const char *
info_path(const uint8_t digest[SHA1_LEN])
{
	static char path[ENTRY_PATH_LEN + 10];
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, digest, PIECE_LENGTH);
	snprintf(path, sizeof(path), "cache/%s", name);
	return path;
}

void
write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ATF_REQUIRE_MSG(fd != -1, "%s: %s", path, strerror(errno));
	ATF_REQUIRE_EQ((ssize_t)len, write(fd, data, len));
	close(fd);
}
