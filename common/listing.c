/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/listing.h"
#include "common/tree_path.h"

/* The head of a file in a listing. */
struct record_file {
	uint64_t	ino;
	uint64_t	size;
	int64_t		mtime_ns;
	int64_t		ctime_ns;
	uint32_t	len;
	uint32_t	flags;
};

/* Records are hashed and sealed as bytes, so padding must not exist. */
_Static_assert(sizeof(struct listing_spec) == 16, "listing_spec is padded");
_Static_assert(sizeof(struct record_file) == 40, "record_file is padded");

static int
listing_add(struct buf *b, const void *head, size_t head_len,
    const void *bytes, size_t len)
{
	uint8_t *to;

	/* Add both or none, so that a failure leaves no half record. */
	to = buf_reserve(b, head_len + len);
	if (to == NULL)
		return -1;
	memcpy(to, head, head_len);
	memcpy(to + head_len, bytes, len);
	b->len += head_len + len;
	return 0;
}

int
listing_add_spec(struct buf *b, uint32_t index, enum path_status status,
    const void *spec, size_t len, uint32_t files)
{
	struct listing_spec s;

	memset(&s, 0, sizeof(s));
	s.index = index;
	s.status = status;
	s.len = (uint32_t)len;
	s.files = files;
	return listing_add(b, &s, sizeof(s), spec, len);
}

int
listing_add_file(struct buf *b, const struct identity *id, const void *path,
    size_t len)
{
	struct record_file f = {
		.ino = id->ino, .size = id->size, .mtime_ns = id->mtime_ns,
		.ctime_ns = id->ctime_ns, .len = (uint32_t)len,
		.flags = id->mount != 0 ? LISTING_MOUNT : 0,
	};
	uint8_t head[sizeof(f) + sizeof(id->mount)];
	size_t n = sizeof(f);

	memcpy(head, &f, sizeof(f));
	if (id->mount != 0) {
		memcpy(head + n, &id->mount, sizeof(id->mount));
		n += sizeof(id->mount);
	}
	return listing_add(b, head, n, path, len);
}

void
listing_open(struct listing_reader *r, const void *p, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->at = p;
	/* NULL with no bytes is an empty listing. */
	r->end = len > 0 ? r->at + len : r->at;
}

/* Make every later call fail too: one more file is expected, and no byte is
   left. */
static int
listing_wrong(struct listing_reader *r)
{
	r->at = r->end;
	r->files_left = 1;
	return -1;
}

/* Take n bytes; NULL if fewer are left. */
static const uint8_t *
listing_take(struct listing_reader *r, size_t n)
{
	const uint8_t *p;

	if (n > (size_t)(r->end - r->at))
		return NULL;
	p = r->at;
	r->at += n;
	return p;
}

/* Take a path or a pattern; NULL if it is not valid. */
static const uint8_t *
listing_take_path(struct listing_reader *r, uint32_t len)
{
	const uint8_t *p;

	if (len == 0 || len > SPEC_MAX)
		return NULL;
	p = listing_take(r, len);
	if (p == NULL || p[0] != '/' || memchr(p, '\0', len) != NULL)
		return NULL;
	return p;
}

int
listing_next_spec(struct listing_reader *r)
{
	const uint8_t *head;
	int n;

	while ((n = listing_next_file(r)) == 1)
		;
	if (n == -1)
		return -1;
	if (r->at == r->end)
		return 0;
	head = listing_take(r, sizeof(r->spec));
	if (head == NULL)
		return listing_wrong(r);
	memcpy(&r->spec, head, sizeof(r->spec));
	if (r->spec.status < PATH_OK || r->spec.status > PATH_LINK ||
	    (r->spec.status == PATH_OK) != (r->spec.files != 0))
		return listing_wrong(r);
	r->spec_bytes = listing_take_path(r, r->spec.len);
	if (r->spec_bytes == NULL)
		return listing_wrong(r);
	r->files_left = r->spec.files;
	return 1;
}

/* 0, or -1: the file is truncated or not valid. */
static int
listing_take_file(struct listing_reader *r)
{
	struct record_file f;
	const uint8_t *head;
	uint64_t mount = 0;

	head = listing_take(r, sizeof(f));
	if (head == NULL)
		return -1;
	memcpy(&f, head, sizeof(f));
	if ((f.flags & ~(uint32_t)LISTING_MOUNT) != 0)
		return -1;
	if (f.flags & LISTING_MOUNT) {
		head = listing_take(r, sizeof(mount));
		if (head == NULL)
			return -1;
		memcpy(&mount, head, sizeof(mount));
		if (mount == 0)
			return -1;
	}
	memset(&r->file, 0, sizeof(r->file));
	r->file.len = f.len;
	r->file.identity.ino = f.ino;
	r->file.identity.size = f.size;
	r->file.identity.mtime_ns = f.mtime_ns;
	r->file.identity.ctime_ns = f.ctime_ns;
	r->file.identity.mount = mount;
	return 0;
}

int
listing_next_file(struct listing_reader *r)
{
	if (r->files_left == 0)
		return 0;
	if (listing_take_file(r) == -1)
		return listing_wrong(r);
	r->path = listing_take_path(r, r->file.len);
	/* It was opened: every component is a name. */
	if (r->path == NULL || !tree_path_is_plain((struct str){
	    (const char *)r->path, r->file.len }))
		return listing_wrong(r);
	r->files_left--;
	return 1;
}

static int64_t
nanoseconds(const struct statx_timestamp *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

void
identity_of(struct identity *id, const struct statx *stx)
{
	memset(id, 0, sizeof(*id));
	id->ino = stx->stx_ino;
	id->size = stx->stx_size;
	id->mtime_ns = nanoseconds(&stx->stx_mtime);
	id->ctime_ns = nanoseconds(&stx->stx_ctime);
}

static int
same_times(const struct identity *a, const struct identity *b)
{
	return a->ino == b->ino && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

int
identity_same(const struct identity *a, const struct identity *b)
{
	return same_times(a, b) && a->mount == b->mount;
}

/* The mount without the number of changes, which depends on the time of the
   look. */
static uint64_t
mount_number(uint64_t mount)
{
	return mount & MOUNT_REUSED ? mount & ~MOUNT_CHANGES(UINT32_MAX) :
	    mount;
}

int
identity_same_open(const struct identity *a, const struct identity *b)
{
	return same_times(a, b) &&
	    mount_number(a->mount) == mount_number(b->mount);
}

int
identity_settled(const struct identity *id, int64_t now_ns, bool local)
{
	return id->ctime_ns <= now_ns - IDENTITY_SETTLED_NS ||
	    (local && id->ctime_ns >= now_ns + IDENTITY_SETTLED_NS);
}
