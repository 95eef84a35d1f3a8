/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/entry.h"

#define ENTRY_VERSION	1

/* Kinds of entries.  2 were the piece lists of version 0.1.0. */
static const struct {
	uint32_t	 kind;
	const char	*suffix;	/* of its name */
} kinds[PIECE_KINDS] = {
	[PIECE_LENGTH] = { 1, "" },
	[PIECE_AUTO] = { 3, ".auto" },
	[PIECE_SIMPLE] = { 4, ".simple" },
};

/* Not a string, which would have a NUL at the end. */
static const uint8_t magic[ENTRY_PEEK] = {
	'p', 'k', 'g', 't', 'o', 'r', 'r', '\n'
};

/* The format on disk.  No implicit padding: every byte is written and
   checked. */
struct head {
	uint8_t		magic[ENTRY_PEEK];
	uint32_t	version;
	uint32_t	kind;
	uint64_t	len;		/* of the entry, with the checksum */
};

/* The service, the listing and the info dictionary follow. */
struct head_info {
	struct head	head;
	uint8_t		digest[SHA1_LEN];
	uint32_t	piece_len;
	uint32_t	padding_attr;
	uint32_t	service_len;
	uint64_t	listing_len;
	uint64_t	info_len;
};

_Static_assert(sizeof(struct head_info) == ENTRY_HEAD_LEN,
    "named padding only");

static bool
has_magic(const uint8_t *head, size_t len)
{
	return len >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

int
entry_begin_info(struct buf *b, const struct entry_info *e)
{
	struct head_info head = {
		.piece_len = e->piece_len,
		.padding_attr = e->padding_attr,
		.service_len = (uint32_t)e->service_len,
		.listing_len = e->listing_len,
		.info_len = e->info_len,
	};

	memcpy(head.head.magic, magic, sizeof(head.head.magic));
	head.head.version = ENTRY_VERSION;
	head.head.kind = kinds[e->piece].kind;
	head.head.len = sizeof(head) + e->service_len + e->listing_len +
	    e->info_len + SEAL_LEN;
	memcpy(head.digest, e->digest, sizeof(head.digest));
	if (buf_reserve(b, head.head.len) == NULL ||
	    buf_add(b, &head, sizeof(head)) == -1 ||
	    buf_add(b, e->service, e->service_len) == -1)
		return -1;
	return buf_add(b, e->listing, e->listing_len);
}

int
entry_build_info(struct buf *b, const struct entry_info *e)
{
	uint8_t sum[SEAL_LEN];

	if (entry_begin_info(b, e) == -1 ||
	    buf_add(b, e->info, e->info_len) == -1)
		return -1;
	sha256(b->data, b->len, sum);
	return buf_add(b, sum, sizeof(sum));
}

/* Check the head and the checksum, which comes before any length is used, so
   that later checks need not expect random bytes. */
static enum entry_fault
check_whole(const uint8_t *data, size_t len, const uint8_t *summed,
    enum piece_kind piece)
{
	uint8_t sum[SEAL_LEN];
	struct head head;

	if (!has_magic(data, len))
		return ENTRY_ALIEN;
	if (len < sizeof(struct head_info) + SEAL_LEN)
		return ENTRY_DAMAGED;
	memcpy(&head, data, sizeof(head));
	if (head.version != ENTRY_VERSION)
		return ENTRY_FORMAT;
	if (head.len != len)
		return ENTRY_DAMAGED;
	if (summed == NULL) {
		sha256(data, len - SEAL_LEN, sum);
		summed = sum;
	}
	if (memcmp(summed, data + len - SEAL_LEN, SEAL_LEN) != 0)
		return ENTRY_DAMAGED;
	return head.kind == kinds[piece].kind ? ENTRY_GOOD : ENTRY_MISPLACED;
}

enum entry_fault
entry_read_info(const void *data, size_t len, const uint8_t digest[SHA1_LEN],
    enum piece_kind piece, struct entry_info *out)
{
	return entry_read_summed_info(data, len, NULL, digest, piece, out);
}

enum entry_fault
entry_read_summed_info(const void *data, size_t len, const uint8_t *sum,
    const uint8_t digest[SHA1_LEN], enum piece_kind piece,
    struct entry_info *out)
{
	const uint8_t *p = data;
	struct head_info head;
	enum entry_fault fault;
	size_t payload;

	fault = check_whole(p, len, sum, piece);
	if (fault != ENTRY_GOOD)
		return fault;
	memcpy(&head, p, sizeof(head));
	p += sizeof(head);
	payload = len - sizeof(head) - SEAL_LEN;
	if (head.service_len > payload ||
	    head.listing_len > payload - head.service_len ||
	    head.listing_len > LISTING_MAX ||
	    head.info_len != payload - head.service_len - head.listing_len ||
	    head.padding_attr > 1 || !torrent_piece_len_ok(head.piece_len))
		return ENTRY_DAMAGED;
	if (memcmp(head.digest, digest, SHA1_LEN) != 0)
		return ENTRY_MISPLACED;
	*out = (struct entry_info){
		.piece = piece,
		.piece_len = head.piece_len,
		.padding_attr = head.padding_attr,
		.service = p,
		.service_len = head.service_len,
		.listing = p + head.service_len,
		.listing_len = head.listing_len,
		.info = p + head.service_len + head.listing_len,
		.info_len = head.info_len,
	};
	memcpy(out->digest, digest, SHA1_LEN);
	return ENTRY_GOOD;
}

bool
entry_find_listing(const void *data, size_t len, uint64_t *at,
    uint64_t *listing_len)
{
	struct head_info head;

	if (!has_magic(data, len) || len < sizeof(head))
		return false;
	memcpy(&head, data, sizeof(head));
	*at = sizeof(head) + head.service_len;
	*listing_len = head.listing_len;
	return head.head.version == ENTRY_VERSION &&
	    head.listing_len <= LISTING_MAX;
}

const char *const entry_fault_names[] = {
	[ENTRY_GOOD] = "good",
	[ENTRY_ALIEN] = "not an entry",
	[ENTRY_FORMAT] = "of another format",
	[ENTRY_DAMAGED] = "damaged",
	[ENTRY_MISPLACED] = "not of this name",
};

void
entry_name_info(char out[ENTRY_PATH_LEN], const uint8_t digest[SHA1_LEN],
    enum piece_kind piece)
{
	int i, n;

	n = snprintf(out, ENTRY_PATH_LEN, "info/");
	for (i = 0; i < SHA1_LEN; i++)
		n += snprintf(out + n, ENTRY_PATH_LEN - (size_t)n, "%02x",
		    digest[i]);
	strlcat(out, kinds[piece].suffix, ENTRY_PATH_LEN);
}

static bool
begins_with_digest(const char *name)
{
	return strspn(name, "0123456789abcdef") >= 2 * SHA1_LEN;
}

static bool
is_piece_len(const char *name)
{
	return name[0] != '0' && strlen(name) <= 8 &&
	    name[strspn(name, "0123456789")] == '\0' &&
	    torrent_piece_len_ok((uint32_t)strtoul(name, NULL, 10));
}

uint32_t
entry_pack_len(const char *name)
{
	const char *slash = strrchr(name, '/');
	const size_t hex = 2 * SEAL_LEN;

	if (slash != NULL)
		name = slash + 1;
	if (strspn(name, "0123456789abcdef") != hex || name[hex] != '.' ||
	    !is_piece_len(name + hex + 1))
		return 0;
	return (uint32_t)strtoul(name + hex + 1, NULL, 10);
}

/* An entry of info/. */
static bool
is_info(const char *name)
{
	size_t i;

	if (!begins_with_digest(name))
		return false;
	for (i = 0; i < PIECE_KINDS; i++)
		if (strcmp(name + 2 * SHA1_LEN, kinds[i].suffix) == 0)
			return true;
	return false;
}

static bool
has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

enum entry_name
entry_name_kind(const char *name)
{
	size_t len = strlen(name);

	if (has_prefix(name, ENTRY_TEMPORARY))
		return ENTRY_NAME_TEMPORARY;
	/* A mirror directory may begin the same way: only digits may follow. */
	if (has_prefix(name, ENTRY_ASIDE) && strspn(name + strlen(ENTRY_ASIDE),
	    "0123456789-") == len - strlen(ENTRY_ASIDE))
		return ENTRY_NAME_ASIDE;
	if (is_info(name))
		return ENTRY_NAME_INFO;
	if (is_piece_len(name))
		return ENTRY_NAME_PIECES;
	if ((begins_with_digest(name) &&
	    strcmp(name + 2 * SHA1_LEN, "_s") == 0) ||
	    (len > 4 && strcmp(name + len - 4, ".tmp") == 0))
		return ENTRY_NAME_ORIGINAL;
	return ENTRY_NAME_OTHER;
}

/*
 * Check two bytes, because the first one alone also begins plain text.  The
 * original wrote protocol 2.  Protocols 0 and 1 are for its older and patched
 * relatives: a mark or an empty collection and an opcode that may follow it, or
 * an object of a class (copy_reg).
 */
static bool
is_pickle(const uint8_t *head, size_t len)
{
	if (len < 2)
		return false;
	switch (head[0]) {
	case 0x80:
		return head[1] >= 2 && head[1] <= 5;
	case '(':
		return head[1] != '\0' &&
		    strchr("(]}IFLSVKMJUTXGNcdl", head[1]) != NULL;
	case ']':
	case '}':
		return head[1] == 'q';
	case 'c':
		return len >= ENTRY_PEEK && memcmp(head, "ccopy_re", 8) == 0;
	default:
		return false;
	}
}

enum entry_owner
entry_owner(const uint8_t *head, size_t len)
{
	if (has_magic(head, len))
		return ENTRY_OURS;
	return is_pickle(head, len) ? ENTRY_ORIGINAL : ENTRY_OTHER;
}
