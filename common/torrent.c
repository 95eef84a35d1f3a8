/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bencode.h"
#include "common/seal.h"
#include "common/torrent.h"

#ifndef VERSION
#define VERSION	"unknown"
#endif

/* An info dictionary that is being built. */
struct info {
	const struct torrent_params	*params;
	const struct torrent_file	*files;
	size_t				 n;
	uint32_t			*numbers; /* the number of each file's
						     padding */
	struct bencode			 out;
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

/* The bytes of padding after a file; 0: none. */
static uint32_t
info_padding(const struct info *info, size_t i)
{
	uint32_t piece_len = info->params->piece_len;
	uint32_t partial;

	partial = (uint32_t)(info->files[i].size % piece_len);
	if (partial == 0 || i == info->n - 1)
		return 0;
	return piece_len - partial;
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
info_number_padding(struct info *info)
{
	struct pad *pads;
	size_t i, npads = 0;
	uint32_t k = 0;

	pads = reallocarray(NULL, info->n, sizeof(*pads));
	info->numbers = reallocarray(NULL, info->n, sizeof(*info->numbers));
	if (pads == NULL || info->numbers == NULL)
		goto fail;
	for (i = 0; i < info->n; i++) {
		pads[npads].len = info_padding(info, i);
		pads[npads].file = (uint32_t)i;
		npads += pads[npads].len != 0;
	}
	if (npads > 1 &&
	    mergesort(pads, npads, sizeof(*pads), pad_compare) == -1)
		goto fail;
	for (i = 0; i < npads; i++) {
		k = i > 0 && pads[i].len == pads[i - 1].len ? k + 1 : 0;
		info->numbers[pads[i].file] = k;
	}
	free(pads);
	return 0;
fail:
	free(pads);
	free(info->numbers);
	info->numbers = NULL;
	errno = ENOMEM;
	return -1;
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
info_add_file(struct info *info, const struct torrent_file *f)
{
	const char *end = f->path + f->path_len;
	const char *p;

	bencode_dict(&info->out);
	bencode_str(&info->out, "length");
	bencode_uint(&info->out, f->size);
	bencode_str(&info->out, "path");
	bencode_list(&info->out);
	/* The first component is the name of the torrent, so skip it. */
	p = component_end(f->path + 1, end);
	while (p != end) {
		const char *from = p + 1;

		p = component_end(from, end);
		bencode_bytes(&info->out, from, (size_t)(p - from));
	}
	bencode_end(&info->out);
	bencode_end(&info->out);
}

static void
info_add_padding(struct info *info, uint32_t len, uint32_t number)
{
	char name[32];

	bencode_dict(&info->out);
	if (info->params->padding_attr) {
		bencode_str(&info->out, "attr");
		bencode_str(&info->out, "p");
	}
	bencode_str(&info->out, "length");
	bencode_uint(&info->out, len);
	bencode_str(&info->out, "path");
	bencode_list(&info->out);
	bencode_str(&info->out, info->params->service);
	bencode_str(&info->out, "nullfile");
	snprintf(name, sizeof(name), "%" PRIu32 "_%" PRIu32, len, number);
	bencode_str(&info->out, name);
	bencode_end(&info->out);
	bencode_end(&info->out);
}

static void
info_add_files(struct info *info)
{
	size_t i;
	uint32_t padding;

	bencode_str(&info->out, "files");
	bencode_list(&info->out);
	for (i = 0; i < info->n; i++) {
		info_add_file(info, &info->files[i]);
		padding = info_padding(info, i);
		if (padding != 0)
			info_add_padding(info, padding, info->numbers[i]);
	}
	bencode_end(&info->out);
}

static void
info_add_name(struct info *info, bool multi)
{
	const char *path = info->files[0].path;
	const char *end = path + info->files[0].path_len;
	const char *slash;

	bencode_str(&info->out, "name");
	if (multi) {
		path++;
		end = component_end(path, end);
	} else {
		slash = memrchr(path, '/', (size_t)(end - path));
		path = slash + 1;
	}
	bencode_bytes(&info->out, path, (size_t)(end - path));
}

static void
info_add_pieces(struct info *info)
{
	uint32_t piece_len = info->params->piece_len;
	const uint8_t *digests;
	uint64_t total = 0, n;
	size_t i;

	for (i = 0; i < info->n; i++) {
		n = torrent_pieces(info->files[i].size, piece_len);
		if (__builtin_add_overflow(total, n, &total))
			total = UINT64_MAX;
	}
	if (__builtin_mul_overflow(total, SHA1_LEN, &total))
		total = UINT64_MAX;
	bencode_str(&info->out, "pieces");
	bencode_bytes_begin(&info->out, total);
	if (info->out.out == NULL) {
		bencode_raw(&info->out, NULL, total);
		return;
	}
	for (i = 0; i < info->n; i++) {
		n = torrent_pieces(info->files[i].size, piece_len);
		digests = info->files[i].digests;
		if (info_padding(info, i) == 0) {
			bencode_raw(&info->out, digests, n * SHA1_LEN);
			continue;
		}
		/* The digest of the padded last piece follows the digests of
		   the pieces. */
		bencode_raw(&info->out, digests, (n - 1) * SHA1_LEN);
		bencode_raw(&info->out, digests + n * SHA1_LEN, SHA1_LEN);
	}
}

static void
info_add(struct info *info, bool multi)
{
	bencode_dict(&info->out);
	if (multi)
		info_add_files(info);
	else {
		bencode_str(&info->out, "length");
		bencode_uint(&info->out, info->files[0].size);
	}
	info_add_name(info, multi);
	bencode_str(&info->out, "piece length");
	bencode_uint(&info->out, info->params->piece_len);
	info_add_pieces(info);
	bencode_end(&info->out);
}

int
torrent_info(struct buf *buf, const struct torrent_params *params,
    const struct torrent_file *files, size_t n, bool multi, uint64_t max)
{
	struct info info = { .params = params, .files = files, .n = n };
	int rc = -1;

	if (info_number_padding(&info) == -1)
		return -1;
	info_add(&info, multi);
	if (info.out.len > max || info.out.len > PTRDIFF_MAX) {
		errno = EFBIG;
		goto out;
	}
	if (buf_reserve(buf, info.out.len) == NULL)
		goto out;
	info.out = (struct bencode){ .out = buf };
	info_add(&info, multi);
	rc = 0;
out:
	free(info.numbers);
	return rc;
}

uint64_t
torrent_info_len(const struct torrent_params *params,
    const struct torrent_file *files, size_t n, bool multi)
{
	struct info info = { .params = params, .files = files, .n = n };

	if (info_number_padding(&info) == -1)
		return UINT64_MAX;
	info_add(&info, multi);
	free(info.numbers);
	return info.out.len;
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
tiers_new(const char *trackers, const uint8_t info_hash[SHA1_LEN], size_t *n)
{
	struct tier *tiers;
	const char *p;
	size_t lines = 1, len;

	*n = 0;
	for (p = trackers; *p != '\0'; p++)
		lines += *p == '\n';
	tiers = calloc(lines, sizeof(*tiers));
	if (tiers == NULL)
		goto fail;
	for (p = trackers; *p != '\0'; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		if (len == 0)
			continue;
		tiers[*n].url = p;
		tiers[*n].len = len;
		if (tier_set_key(&tiers[(*n)++], info_hash) == -1)
			goto fail;
	}
	if (*n > 1 &&
	    mergesort(tiers, *n, sizeof(*tiers), tier_compare) == -1)
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

int
torrent_wrap(const struct torrent_outside *o,
    const uint8_t info_hash[SHA1_LEN], struct buf *before, struct buf *after)
{
	struct bencode head = { .out = before };
	struct bencode tail = { .out = after };
	struct buf path = { 0 };
	struct tier *tiers;
	size_t n, before_len = before->len, after_len = after->len;
	int rc = -1;

	tiers = tiers_new(o->trackers, info_hash, &n);
	if (tiers == NULL)
		return -1;
	if (o->path != NULL &&
	    torrent_encode_path(&path, o->path, o->path_len) == -1)
		goto out;
	bencode_dict(&head);
	wrap_add_tiers(&head, tiers, n);
	bencode_str(&head, "created by");
	bencode_str(&head, "pkgtorrentd/" VERSION);
	bencode_str(&head, "info");
	wrap_add_urls(&tail, o, &path);
	bencode_end(&tail);
	if (head.failed || tail.failed) {
		before->len = before_len;
		after->len = after_len;
		goto out;
	}
	rc = 0;
out:
	buf_free(&path);
	free(tiers);
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
