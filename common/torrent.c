/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bencode.h"
#include "common/seal.h"
#include "common/mix.h"
#include "common/torrent.h"

#ifndef VERSION
#define VERSION	"unknown"
#endif

enum build_stage {
	BUILD_HEAD,
	BUILD_FILES,
	BUILD_MIDDLE,		/* between the list of files and the pieces */
	BUILD_PIECES,
	BUILD_DONE
};

struct torrent_build {
	uint32_t			 piece_len;
	bool				 padding_attr;
	bool				 multi;
	char				*service;
	const struct torrent_file	*files;
	size_t				 n;
	uint32_t			*numbers; /* the number of each file's
						     padding */
	struct bencode			 out;
	uint64_t			 len;	/* of the whole */
	enum build_stage		 stage;	/* the next to be written */
	size_t				 at;	/* the next file */
	uint64_t			 piece;	/* its next piece */
};

uint64_t
torrent_pieces(uint64_t size, uint32_t piece_len)
{
	return size / piece_len + (size % piece_len != 0);
}

uint64_t
torrent_digests(uint64_t size, uint32_t piece_len)
{
	return torrent_pieces(size, piece_len) + (size % piece_len != 0);
}

/* Do the files have at most so many pieces? */
static bool
pieces_fit(const struct torrent_file *files, size_t n, uint32_t piece_len,
    uint64_t max)
{
	uint64_t pieces = 0;
	size_t i;

	for (i = 0; i < n && pieces <= max; i++)
		pieces += torrent_pieces(files[i].size, piece_len);
	return pieces <= max;
}

uint32_t
torrent_auto_piece_len(const struct torrent_file *files, size_t n)
{
	uint64_t max = (uint64_t)n * PIECES_AUTO_PER_FILE;
	uint32_t len = PIECE_LEN_AUTO_MIN;

	if (max < PIECES_AUTO_MAX)
		max = PIECES_AUTO_MAX;
	while (len < PIECE_LEN_MAX && !pieces_fit(files, n, len, max))
		len *= 2;
	return len;
}

/* The bytes of padding after a file; 0: none. */
static uint32_t
build_padding(const struct torrent_build *b, size_t i)
{
	uint32_t partial;

	partial = (uint32_t)(b->files[i].size % b->piece_len);
	if (partial == 0 || i == b->n - 1)
		return 0;
	return b->piece_len - partial;
}

struct pad {
	uint32_t	len;
	uint32_t	file;
};

static int
pad_compare(const void *a, const void *b)
{
	const struct pad *x = a;
	const struct pad *y = b;

	return (x->len > y->len) - (x->len < y->len);
}

/*
 * Number padding files of the same size, so that their names differ.  Sorting
 * takes about the same time for any sizes that a client may choose.  mergesort,
 * because it is stable, and glibc's qsort calls sysinfo(2), which no role may.
 */
static int
build_number_padding(struct torrent_build *b)
{
	struct pad *pads;
	size_t i, npads = 0;
	uint32_t k = 0;
	int rc = -1;

	pads = reallocarray(NULL, b->n, sizeof(*pads));
	b->numbers = reallocarray(NULL, b->n, sizeof(*b->numbers));
	if (pads == NULL || b->numbers == NULL)
		goto out;
	for (i = 0; i < b->n; i++) {
		pads[npads].len = build_padding(b, i);
		pads[npads].file = (uint32_t)i;
		npads += pads[npads].len != 0;
	}
	if (npads > 1 &&
	    mergesort(pads, npads, sizeof(*pads), pad_compare) == -1)
		goto out;
	for (i = 0; i < npads; i++) {
		k = i > 0 && pads[i].len == pads[i - 1].len ? k + 1 : 0;
		b->numbers[pads[i].file] = k;
	}
	rc = 0;
out:
	free(pads);
	return rc;
}

/* The end of the component that begins at p. */
static const char *
component_end(const char *p, const char *end)
{
	const char *slash;

	slash = memchr(p, '/', (size_t)(end - p));
	return slash != NULL ? slash : end;
}

static void
build_add_file(struct torrent_build *b, const struct torrent_file *f)
{
	const char *end = f->path + f->path_len;
	const char *p;

	bencode_dict(&b->out);
	bencode_str(&b->out, "length");
	bencode_uint(&b->out, f->size);
	bencode_str(&b->out, "path");
	bencode_list(&b->out);
	/* The first component is the name of the torrent, so skip it. */
	p = component_end(f->path + 1, end);
	while (p != end) {
		const char *from = p + 1;

		p = component_end(from, end);
		bencode_bytes(&b->out, from, (size_t)(p - from));
	}
	bencode_end(&b->out);
	bencode_end(&b->out);
}

static void
build_add_padding(struct torrent_build *b, uint32_t len, uint32_t number)
{
	char name[32];

	bencode_dict(&b->out);
	if (b->padding_attr) {
		bencode_str(&b->out, "attr");
		bencode_str(&b->out, "p");
	}
	bencode_str(&b->out, "length");
	bencode_uint(&b->out, len);
	bencode_str(&b->out, "path");
	bencode_list(&b->out);
	bencode_str(&b->out, b->service);
	bencode_str(&b->out, "nullfile");
	snprintf(name, sizeof(name), "%" PRIu32 "_%" PRIu32, len, number);
	bencode_str(&b->out, name);
	bencode_end(&b->out);
	bencode_end(&b->out);
}

static void
build_head(struct torrent_build *b)
{
	bencode_dict(&b->out);
	if (b->multi) {
		bencode_str(&b->out, "files");
		bencode_list(&b->out);
		b->stage = BUILD_FILES;
		return;
	}
	bencode_str(&b->out, "length");
	bencode_uint(&b->out, b->files[0].size);
	b->stage = BUILD_MIDDLE;
}

/* The next file of the list, with its padding. */
static void
build_file(struct torrent_build *b)
{
	uint32_t padding = build_padding(b, b->at);

	build_add_file(b, &b->files[b->at]);
	if (padding != 0)
		build_add_padding(b, padding, b->numbers[b->at]);
	if (++b->at < b->n)
		return;
	bencode_end(&b->out);
	b->stage = BUILD_MIDDLE;
}

static void
build_add_name(struct torrent_build *b)
{
	const char *path = b->files[0].path;
	const char *end = path + b->files[0].path_len;
	const char *slash;

	bencode_str(&b->out, "name");
	if (b->multi) {
		path++;
		end = component_end(path, end);
	} else {
		slash = memrchr(path, '/', (size_t)(end - path));
		path = slash + 1;
	}
	bencode_bytes(&b->out, path, (size_t)(end - path));
}

static void
build_middle(struct torrent_build *b)
{
	uint64_t total = 0, n;
	size_t i;

	build_add_name(b);
	bencode_str(&b->out, "piece length");
	bencode_uint(&b->out, b->piece_len);
	for (i = 0; i < b->n; i++) {
		n = torrent_pieces(b->files[i].size, b->piece_len);
		if (__builtin_add_overflow(total, n, &total))
			total = UINT64_MAX;
	}
	if (__builtin_mul_overflow(total, SHA1_LEN, &total))
		total = UINT64_MAX;
	bencode_str(&b->out, "pieces");
	bencode_bytes_begin(&b->out, total);
	b->stage = BUILD_PIECES;
	b->at = 0;
	if (b->out.out != NULL)
		return;
	/* It is only counted, and there may be no digests. */
	bencode_raw(&b->out, NULL, total);
	bencode_end(&b->out);
	b->stage = BUILD_DONE;
}

/*
 * The next pieces of a file, about this many bytes at most.  The digest of the
 * padded last piece, which follows the digests of the pieces, replaces that of
 * the last piece.
 */
static void
build_pieces(struct torrent_build *b, uint64_t most)
{
	const struct torrent_file *f = &b->files[b->at];
	bool padded = build_padding(b, b->at) != 0;
	uint64_t n = torrent_pieces(f->size, b->piece_len);
	uint64_t part = n - padded - b->piece;

	if (part > most / SHA1_LEN + 1)
		part = most / SHA1_LEN + 1;
	if (part > 0)
		bencode_raw(&b->out, f->digests + b->piece * SHA1_LEN,
		    part * SHA1_LEN);
	b->piece += part;
	if (b->piece < n - padded)
		return;
	if (padded)
		bencode_raw(&b->out, f->digests + n * SHA1_LEN, SHA1_LEN);
	b->piece = 0;
	if (++b->at < b->n)
		return;
	bencode_end(&b->out);
	b->stage = BUILD_DONE;
}

static void
build_run(struct torrent_build *b, uint64_t most)
{
	uint64_t end;

	if (__builtin_add_overflow(b->out.len, most, &end))
		end = UINT64_MAX;
	while (b->stage != BUILD_DONE && b->out.len < end && !b->out.failed)
		switch (b->stage) {
		case BUILD_HEAD:
			build_head(b);
			break;
		case BUILD_FILES:
			build_file(b);
			break;
		case BUILD_MIDDLE:
			build_middle(b);
			break;
		default:
			build_pieces(b, end - b->out.len);
		}
}

struct torrent_build *
torrent_build_new(const struct torrent_params *params,
    const struct torrent_file *files, size_t n, bool multi)
{
	struct torrent_build *b;

	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	b->piece_len = params->piece_len;
	b->padding_attr = params->padding_attr;
	b->service = strdup(params->service);
	b->files = files;
	b->n = n;
	b->multi = multi;
	if (b->service == NULL || build_number_padding(b) == -1) {
		torrent_build_free(b);
		errno = ENOMEM;
		return NULL;
	}
	build_run(b, UINT64_MAX);
	b->len = b->out.len;
	b->out.len = 0;
	b->stage = BUILD_HEAD;
	b->at = 0;
	return b;
}

void
torrent_build_free(struct torrent_build *b)
{
	if (b == NULL)
		return;
	free(b->service);
	free(b->numbers);
	free(b);
}

uint64_t
torrent_build_len(const struct torrent_build *b)
{
	return b->len;
}

int
torrent_build_step(struct torrent_build *b, struct buf *buf, uint64_t most)
{
	b->out.out = buf;
	build_run(b, most);
	return b->out.failed ? -1 : b->stage == BUILD_DONE;
}

int
torrent_info(struct buf *buf, const struct torrent_params *params,
    const struct torrent_file *files, size_t n, bool multi, uint64_t max)
{
	struct torrent_build *b;
	int rc = -1;

	b = torrent_build_new(params, files, n, multi);
	if (b == NULL)
		return -1;
	if (b->len > max || b->len > PTRDIFF_MAX)
		errno = EFBIG;
	else if (buf_reserve(buf, b->len) != NULL &&
	    torrent_build_step(b, buf, UINT64_MAX) == 1)
		rc = 0;
	torrent_build_free(b);
	return rc;
}

uint64_t
torrent_info_len(const struct torrent_params *params,
    const struct torrent_file *files, size_t n, bool multi)
{
	struct torrent_build *b;
	uint64_t len;

	b = torrent_build_new(params, files, n, multi);
	if (b == NULL)
		return UINT64_MAX;
	len = b->len;
	torrent_build_free(b);
	return len;
}

static uint64_t path_salt;

void
torrent_init(void)
{
	arc4random_buf(&path_salt, sizeof(path_salt));
}

static bool
path_same(const struct torrent_file *a, const struct torrent_file *b)
{
	return a->path_len == b->path_len &&
	    memcmp(a->path, b->path, a->path_len) == 0;
}

int
torrent_find_repeats(const struct torrent_file *files, size_t n,
    uint32_t *first)
{
	size_t i, at, size = 2;
	uint32_t *table;	/* the number of a file and 1, or 0 */

	while (size < 2 * n)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		at = mix(path_salt ^ files[i].path_len,
		    files[i].path, files[i].path_len) & (size - 1);
		while (table[at] != 0 &&
		    !path_same(&files[table[at] - 1], &files[i]))
			at = (at + 1) & (size - 1);
		if (table[at] == 0)
			table[at] = (uint32_t)i + 1;
		first[i] = table[at] - 1;
	}
	free(table);
	return 0;
}

struct tier {
	uint8_t		 key[SHA1_LEN];
	const char	*url;
	size_t		 len;
};

static int
tier_compare(const void *a, const void *b)
{
	return memcmp(((const struct tier *)a)->key,
	    ((const struct tier *)b)->key, SHA1_LEN);
}

/* The key is SHA-1(tracker || info hash in hex), so that the load spreads over
   trackers. */
static int
tier_set_key(struct tier *t, const uint8_t info_hash[SHA1_LEN])
{
	struct buf b = { 0 };
	size_t i;
	int rc;

	rc = buf_add(&b, t->url, t->len);
	for (i = 0; i < SHA1_LEN && rc == 0; i++)
		rc = buf_addf(&b, "%02x", info_hash[i]);
	if (rc == 0)
		sha1(b.data, b.len, t->key);
	buf_free(&b);
	return rc;
}

/* Returns the tiers in their order, *n of them; NULL without memory. */
static struct tier *
tiers_new(const struct torrent_outside *o, const uint8_t info_hash[SHA1_LEN],
    size_t *n)
{
	const char *trackers = o->trackers, *p;
	struct tier *tiers;
	size_t lines = 2, len, house = o->first != NULL;

	*n = 0;
	for (p = trackers; *p != '\0'; p++)
		lines += *p == '\n';
	tiers = calloc(lines, sizeof(*tiers));
	if (tiers == NULL)
		goto fail;
	if (house)
		tiers[(*n)++] = (struct tier){ .url = o->first,
		    .len = strlen(o->first) };
	for (p = trackers; *p != '\0'; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		if (len == 0)
			continue;
		tiers[*n].url = p;
		tiers[*n].len = len;
		if (tier_set_key(&tiers[(*n)++], info_hash) == -1)
			goto fail;
	}
	if (*n - house > 1 && mergesort(tiers + house, *n - house,
	    sizeof(*tiers), tier_compare) == -1)
		goto fail;
	return tiers;
fail:
	free(tiers);
	errno = ENOMEM;
	return NULL;
}

static void
wrap_add_tiers(struct bencode *out, const struct tier *tiers, size_t n)
{
	size_t i;

	if (n == 0)
		return;
	bencode_str(out, "announce");
	bencode_bytes(out, tiers[0].url, tiers[0].len);
	bencode_str(out, "announce-list");
	bencode_list(out);
	for (i = 0; i < n; i++) {
		bencode_list(out);
		bencode_bytes(out, tiers[i].url, tiers[i].len);
		bencode_end(out);
	}
	bencode_end(out);
}

static void
wrap_add_url(struct bencode *out, const char *base, const void *path,
    size_t path_len)
{
	size_t base_len = strlen(base);

	bencode_bytes_begin(out, base_len + path_len);
	bencode_raw(out, base, base_len);
	bencode_raw(out, path, path_len);
}

/*
 * Give the URL of a directory for the multi form, and the URL of the file for a
 * single one.  Some clients treat the multi form with one file as a single
 * file: they need both.
 */
static void
wrap_add_urls(struct bencode *out, const struct torrent_outside *o,
    const struct buf *path)
{
	size_t i;

	bencode_str(out, "url-list");
	bencode_list(out);
	for (i = 0; i < o->nbases; i++) {
		if (o->multi)
			wrap_add_url(out, o->bases[i], "/", 1);
		if (o->path != NULL)
			wrap_add_url(out, o->bases[i], path->data, path->len);
	}
	bencode_end(out);
}

static int
wrap_add_before(struct buf *before, const struct torrent_outside *o,
    const uint8_t info_hash[SHA1_LEN])
{
	struct bencode head = { .out = before };
	struct tier *tiers;
	size_t n;

	tiers = tiers_new(o, info_hash, &n);
	if (tiers == NULL)
		return -1;
	bencode_dict(&head);
	wrap_add_tiers(&head, tiers, n);
	bencode_str(&head, "created by");
	bencode_str(&head, "pkgtorrentd/" VERSION);
	bencode_str(&head, "info");
	free(tiers);
	return head.failed ? -1 : 0;
}

int
torrent_wrap(const struct torrent_outside *o,
    const uint8_t info_hash[SHA1_LEN], struct buf *before, struct buf *after)
{
	struct bencode tail = { .out = after };
	struct buf path = { 0 };
	size_t before_len = before != NULL ? before->len : 0;
	size_t after_len = after->len;
	int rc = -1;

	if (before != NULL &&
	    wrap_add_before(before, o, info_hash) == -1)
		goto out;
	if (o->path != NULL &&
	    torrent_encode_path(&path, o->path, o->path_len) == -1)
		goto out;
	wrap_add_urls(&tail, o, &path);
	bencode_end(&tail);
	rc = tail.failed ? -1 : 0;
out:
	if (rc == -1) {
		after->len = after_len;
		if (before != NULL)
			before->len = before_len;
	}
	buf_free(&path);
	return rc;
}

int
torrent_encode_path(struct buf *b, const char *path, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *keep = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/";
	size_t i, n = 0;
	uint8_t *to;

	if (len > SIZE_MAX / 3) {
		errno = ENOMEM;
		return -1;
	}
	to = buf_reserve(b, len * 3);
	if (to == NULL)
		return -1;
	for (i = 0; i < len; i++) {
		uint8_t c = (uint8_t)path[i];

		if (c != '\0' && strchr(keep, c) != NULL) {
			to[n++] = c;
			continue;
		}
		to[n++] = '%';
		to[n++] = (uint8_t)hex[c >> 4];
		to[n++] = (uint8_t)hex[c & 15];
	}
	b->len += n;
	return 0;
}
