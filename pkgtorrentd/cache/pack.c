/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mix.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/pack.h"

#define PACK_VERSION	1
#define HEAD_SUM_LEN	16	/* the first bytes of a SHA-256 */
#define SUM_LEN		8
#define DAY_NS		(86400LL * 1000000000)

/* Not a string, which would have a NUL at the end. */
static const uint8_t head_magic[8] = {
	'p', 'k', 'g', 'p', 'a', 'c', 'k', '\n'
};

/* It names the version of the format, too.  Neither zeros nor text have it. */
#define RECORD_MAGIC	0xa1
/* The same, imported.  Version 0.1.0 takes it for bytes that are no record. */
#define IMPORTED_MAGIC	0xa2

/* The formats on disk.  No implicit padding: every byte is written. */
struct head {
	uint8_t		magic[8];
	uint32_t	version;
	uint32_t	piece_len;
	uint32_t	dir_len;
	uint8_t		sum[HEAD_SUM_LEN];
	uint32_t	zero;
};

/* An identity without its mount: an identity with a mount is not stored. */
struct stored_identity {
	uint64_t	ino;
	uint64_t	size;
	int64_t		mtime_ns;
	int64_t		ctime_ns;
};

struct record {
	uint8_t			magic;
	uint8_t			name_len;
	uint16_t		day;
	uint32_t		check;
	struct stored_identity	identity;
};

_Static_assert(sizeof(struct head) == 40, "named padding only");
_Static_assert(sizeof(struct record) == PACK_RECORD_MIN,
    "named padding only");
_Static_assert(offsetof(struct record, day) == PACK_DAY_AT, "as documented");

static struct stored_identity
stored(const struct identity *id)
{
	struct stored_identity s = {
		.ino = id->ino, .size = id->size, .mtime_ns = id->mtime_ns,
		.ctime_ns = id->ctime_ns,
	};

	return s;
}

static struct identity
restored(const struct stored_identity *s)
{
	struct identity id = {
		.ino = s->ino, .size = s->size, .mtime_ns = s->mtime_ns,
		.ctime_ns = s->ctime_ns,
	};

	return id;
}

static uint64_t
aligned(uint64_t len)
{
	return (len + PACK_ALIGN - 1) & ~(uint64_t)(PACK_ALIGN - 1);
}

static bool
component_ok(const char *p, size_t len)
{
	return len >= 1 && len <= PACK_FILE_MAX &&
	    memchr(p, '\0', len) == NULL &&
	    !(len == 1 && p[0] == '.') &&
	    !(len == 2 && p[0] == '.' && p[1] == '.');
}

int
pack_split(const void *path, size_t len, size_t *dir_len)
{
	const char *p = path, *end = p + len, *slash;

	if (len == 0 || len > SPEC_MAX)
		return -1;
	while (p < end) {
		*dir_len = (size_t)(p - (const char *)path);
		if (*p++ != '/')
			return -1;
		slash = memchr(p, '/', (size_t)(end - p));
		if (slash == NULL)
			slash = end;
		if (!component_ok(p, (size_t)(slash - p)))
			return -1;
		p = slash;
	}
	return 0;
}

void
pack_name(char out[PACK_NAME_LEN], const struct pack_id *id)
{
	int i, n;

	n = snprintf(out, PACK_NAME_LEN, "pieces/%02x/", id->key[0]);
	for (i = 0; i < SEAL_LEN; i++)
		n += snprintf(out + n, PACK_NAME_LEN - (size_t)n, "%02x",
		    id->key[i]);
	(void)snprintf(out + n, PACK_NAME_LEN - (size_t)n, ".%u",
	    id->piece_len);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
pack_read_name(const char *dir, const char *last, struct pack_id *id)
{
	char name[PACK_NAME_LEN];
	int high, low, i;

	for (i = 0; i < SEAL_LEN; i++) {
		high = hex_digit(last[2 * i]);
		low = high == -1 ? -1 : hex_digit(last[2 * i + 1]);
		if (low == -1)
			return false;
		id->key[i] = (uint8_t)(high << 4 | low);
	}
	if (last[2 * SEAL_LEN] != '.')
		return false;
	id->piece_len = (uint32_t)strtoul(last + 2 * SEAL_LEN + 1, NULL, 10);
	if (!torrent_piece_len_ok(id->piece_len))
		return false;
	/* There is one way to write it. */
	pack_name(name, id);
	return strncmp(name + strlen("pieces/"), dir, 2) == 0 &&
	    dir[2] == '\0' && strcmp(strrchr(name, '/') + 1, last) == 0;
}

uint16_t
pack_day(int64_t real_ns)
{
	int64_t day = real_ns / DAY_NS;

	return day < 0 ? 0 : day > UINT16_MAX ? UINT16_MAX : (uint16_t)day;
}

uint32_t
pack_hash(uint64_t salt, const char *name, size_t len)
{
	uint64_t h = mix(salt ^ len, name, len);

	return (uint32_t)(h ^ h >> 32);
}

/* It tells a record from other bytes; that a record is whole is told by its
   checksum. */
static uint32_t
record_check(const struct pack_id *id, const struct record *r,
    const char *name)
{
	bool imported = r->magic == IMPORTED_MAGIC;
	uint64_t h = mix(r->name_len | (uint64_t)imported << 8, id,
	    sizeof(*id));

	h = mix(h, &r->identity, sizeof(r->identity));
	h = mix(h, name, r->name_len);
	return (uint32_t)(h ^ h >> 32);
}

/* Mask the digests of an imported record, or unmask them. */
static void
record_mask(uint8_t *digests, size_t len, const struct identity *id)
{
	uint8_t mask[sizeof(id->ino) + sizeof(id->ctime_ns)];
	size_t i;

	memcpy(mask, &id->ino, sizeof(id->ino));
	memcpy(mask + sizeof(id->ino), &id->ctime_ns, sizeof(id->ctime_ns));
	for (i = 0; i < len; i++)
		digests[i] ^= mask[i % sizeof(mask)];
}

int
pack_add_head(struct buf *b, const struct pack_id *id, const void *dir,
    size_t dir_len)
{
	static const uint8_t zeros[PACK_ALIGN];
	struct head head = {
		.version = PACK_VERSION,
		.piece_len = id->piece_len,
		.dir_len = (uint32_t)dir_len,
	};
	uint8_t sum[SEAL_LEN];
	size_t len = sizeof(head) + dir_len;

	memcpy(head.magic, head_magic, sizeof(head.magic));
	sha256_both(id, sizeof(*id), dir, dir_len, sum);
	memcpy(head.sum, sum, sizeof(head.sum));
	if (buf_reserve(b, aligned(len)) == NULL ||
	    buf_add(b, &head, sizeof(head)) == -1 ||
	    buf_add(b, dir, dir_len) == -1)
		return -1;
	return buf_add(b, zeros, aligned(len) - len);
}

int
pack_add(struct buf *b, const struct pack_id *id, const struct pack_list *list,
    uint16_t day)
{
	static const uint8_t zeros[PACK_ALIGN];
	size_t digests_len = (size_t)list->count * SHA1_LEN, begin = b->len;
	size_t len = sizeof(struct record) + list->name_len + digests_len;
	struct record r = {
		.magic = list->imported ? IMPORTED_MAGIC : RECORD_MAGIC,
		.day = day,
		.name_len = (uint8_t)list->name_len,
		.identity = stored(&list->identity),
	};
	uint8_t sum[SEAL_LEN];

	r.check = record_check(id, &r, list->name);
	if (buf_reserve(b, aligned(len + SUM_LEN)) == NULL ||
	    buf_add(b, &r, sizeof(r)) == -1 ||
	    buf_add(b, list->name, list->name_len) == -1 ||
	    (digests_len > 0 && buf_add(b, list->digests, digests_len) == -1))
		return -1;
	if (list->imported)
		record_mask(b->data + begin + len - digests_len, digests_len,
		    &list->identity);
	sha256_both(id, sizeof(*id), b->data + begin + offsetof(struct record,
	    check), len - offsetof(struct record, check), sum);
	if (buf_add(b, sum, SUM_LEN) == -1)
		return -1;
	return buf_add(b, zeros, aligned(len + SUM_LEN) - len - SUM_LEN);
}

enum pack_fault
pack_check_head(const uint8_t *data, size_t len, const struct pack_id *id,
    struct pack_head *out)
{
	struct head head;
	uint8_t sum[SEAL_LEN];

	if (len < sizeof(head) ||
	    memcmp(data, head_magic, sizeof(head_magic)) != 0)
		return PACK_ALIEN;
	memcpy(&head, data, sizeof(head));
	if (head.version != PACK_VERSION)
		return PACK_FORMAT;
	if (head.piece_len != id->piece_len || head.dir_len > SPEC_MAX ||
	    aligned(sizeof(head) + head.dir_len) > len)
		return PACK_DAMAGED;
	sha256_both(id, sizeof(*id), data + sizeof(head), head.dir_len, sum);
	if (memcmp(sum, head.sum, sizeof(head.sum)) != 0)
		return PACK_DAMAGED;
	*out = (struct pack_head){
		.dir = (const char *)data + sizeof(head),
		.dir_len = head.dir_len,
		.len = aligned(sizeof(head) + head.dir_len),
	};
	return PACK_GOOD;
}

enum pack_found
pack_find(const uint8_t *data, size_t len, const struct pack_id *id,
    struct pack_record *out)
{
	const char *name = (const char *)data + sizeof(struct record);
	struct record r;
	uint64_t digests;

	if (len > 0 && data[0] != RECORD_MAGIC && data[0] != IMPORTED_MAGIC)
		return PACK_JUNK;
	if (len < sizeof(r))
		return PACK_SHORT;
	memcpy(&r, data, sizeof(r));
	if (r.name_len == 0)
		return PACK_JUNK;
	if (len < sizeof(r) + r.name_len)
		return PACK_SHORT;
	if (record_check(id, &r, name) != r.check)
		return PACK_JUNK;
	digests = torrent_digests(r.identity.size, id->piece_len);
	if (digests > UINT32_MAX)
		return PACK_JUNK;
	*out = (struct pack_record){
		.identity = restored(&r.identity),
		.imported = r.magic == IMPORTED_MAGIC,
		.name = name,
		.name_len = r.name_len,
		.day = r.day,
		.len = aligned(sizeof(r) + r.name_len + digests * SHA1_LEN +
		    SUM_LEN),
	};
	return PACK_RECORD;
}

bool
pack_read(const uint8_t *data, const struct pack_record *r,
    const struct pack_id *id, struct pack_list *out)
{
	uint64_t count = torrent_digests(r->identity.size, id->piece_len);
	size_t head_len = sizeof(struct record) + r->name_len;
	size_t len = head_len + (size_t)count * SHA1_LEN;
	uint8_t sum[SEAL_LEN];

	sha256_both(id, sizeof(*id), data + offsetof(struct record, check),
	    len - offsetof(struct record, check), sum);
	if (memcmp(sum, data + len, SUM_LEN) != 0)
		return false;
	*out = (struct pack_list){
		.name = (const char *)data + sizeof(struct record),
		.name_len = r->name_len,
		.identity = r->identity,
		.imported = r->imported,
		.digests = data + head_len,
		.count = count,
	};
	return true;
}

void
pack_unmask(uint8_t *data, const struct pack_list *list)
{
	if (list->imported)
		record_mask(data + (list->digests - data),
		    (size_t)list->count * SHA1_LEN, &list->identity);
}
