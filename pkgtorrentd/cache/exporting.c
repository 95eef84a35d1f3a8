/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkgtorrentd/cache/exporting.h"

#define DIRS	256	/* "00" to "ff" */

_Static_assert(PIECE_STREAM_RECORD_MAX > PACKFILE_STEP,
    "a record may be longer than a step");

static void
close_pack(struct exporting *ex)
{
	if (ex->open)
		packfile_close(&ex->file);
	buf_free(&ex->in);
	ex->open = false;
}

void
exporting_end(struct exporting *ex)
{
	close_pack(ex);
	if (ex->dirs > 0)
		dir_close(&ex->dir);
}

static void
open_pack(struct exporting *ex, const struct packs *ps,
    const struct pack_id *id)
{
	packs_open_alone(ps, &ex->file, id);
	ex->open = true;
	ex->indexed = false;
	ex->need = 0;
}

/* Open the next directory; one that is missing has no packs. */
static void
next_dir(struct exporting *ex, const struct store *st)
{
	char name[16];

	snprintf(ex->dir_name, sizeof(ex->dir_name), "%02x",
	    ex->dirs++ & 0xff);
	snprintf(name, sizeof(name), "pieces/%s", ex->dir_name);
	if (dir_open(&ex->dir, st->dirfd, name) == -1)
		ex->damaged += errno != ENOENT;
}

/* Open the next pack, or look at another name.  1: that was the last one. */
static int
next_name(struct exporting *ex, const struct store *st,
    const struct packs *ps)
{
	const struct dirent64 *d;
	struct pack_id id;

	if (ex->dirs == 0 || ex->dir.fd == -1) {
		if (ex->dirs == DIRS)
			return 1;
		next_dir(ex, st);
		return 0;
	}
	d = dir_next(&ex->dir);
	if (d == NULL) {
		ex->damaged += errno != 0;
		dir_close(&ex->dir);
	} else if (pack_read_name(ex->dir_name, d->d_name, &id))
		open_pack(ex, ps, &id);
	return 0;
}

/* A record that is valid in this pack.  0, or -1 without memory. */
static int
add_record(struct exporting *ex, const struct packs *ps,
    struct piece_stream *s, struct buf *out, const struct pack_list *list)
{
	const struct buf *dir = &ex->file.dir;
	char path[SPEC_MAX + 1 + PACK_FILE_MAX];
	struct piece_record r = {
		.path = path,
		.path_len = dir->len + 1 + list->name_len,
		.piece_len = ex->file.id.piece_len,
		.size = list->identity.size,
		.mtime_ns = list->identity.mtime_ns,
		.digests = list->digests,
		.count = list->count,
	};
	char *end = path;

	if (dir->len > 0)
		end = mempcpy(end, dir->data, dir->len);
	*end++ = '/';
	memcpy(end, list->name, list->name_len);
	if (!packs_is_pack_of(ps, &ex->file.id, path, r.path_len) ||
	    !piece_stream_takes(&r)) {
		ex->others++;
		return 0;
	}
	ex->content += r.size;
	return piece_stream_add(s, out, &r);
}

/* Take a record of which all bytes are there, unless another one replaced
   it. */
static int
take_record(struct exporting *ex, const struct packs *ps,
    struct piece_stream *s, struct buf *out, const uint8_t *data,
    const struct pack_record *r, uint64_t offset)
{
	struct pack_list list;

	if (!packfile_is_live(&ex->file, r, offset))
		return 0;
	if (r->imported) {
		ex->imported++;
		return 0;
	}
	if (!pack_read(data, r, &ex->file.id, &list)) {
		ex->damaged++;
		return 0;
	}
	return add_record(ex, ps, s, out, &list);
}

/* Take the whole records of the bytes that were read.  0, or -1 without
   memory. */
static int
take_records(struct exporting *ex, const struct packs *ps,
    struct piece_stream *s, struct buf *out)
{
	const uint8_t *data = ex->in.data;
	size_t len = ex->in.len;
	bool last = ex->offset + len >= ex->file.size;
	struct pack_record r;
	enum pack_found found;
	uint64_t at = 0;

	ex->need = 0;
	while (at < len) {
		found = pack_find(data + at, len - at, &ex->file.id, &r);
		/* Somebody may have cut the file. */
		if (found == PACK_SHORT && !last && at > 0)
			break;
		if (found != PACK_RECORD ||
		    r.len > ex->file.size - ex->offset - at) {
			at += PACK_ALIGN;
			continue;
		}
		if (r.len <= len - at) {
			if (take_record(ex, ps, s, out, data + at, &r,
			    ex->offset + at) == -1)
				return -1;
		} else if (r.len <= PIECE_STREAM_RECORD_MAX) {
			ex->need = r.len;
			break;
		} else
			ex->others++;
		at += r.len;
	}
	ex->offset += at;
	return 0;
}

/* Read the next bytes of the pack.  false: there are none. */
static bool
read_pack(struct exporting *ex)
{
	uint64_t want = MAX(PACKFILE_STEP, ex->need);
	ssize_t n;

	if (ex->offset >= ex->file.size)
		return false;
	ex->in.len = 0;
	want = MIN(want, ex->file.size - ex->offset);
	if (buf_reserve(&ex->in, (size_t)want) == NULL)
		return false;
	n = pread(ex->file.fd, ex->in.data, (size_t)want, (off_t)ex->offset);
	/* Somebody has cut it: a record is missing its end for ever. */
	if (n <= 0 || (uint64_t)n < ex->need)
		return false;
	ex->in.len = (size_t)n;
	return true;
}

int
exporting_step(struct exporting *ex, const struct store *st,
    const struct packs *ps, struct piece_stream *s, struct buf *out)
{
	if (!ex->open)
		return next_name(ex, st, ps);
	if (!ex->indexed) {
		ex->indexed = packfile_ready(&ex->file);
		/* Without a head nobody knows the directory. */
		ex->offset = ex->file.head_len;
		if (ex->indexed && (ex->file.fd == -1 || ex->offset == 0)) {
			ex->damaged += ex->file.offsets.n;
			close_pack(ex);
		}
		return 0;
	}
	/* From here on the file is this one, even if its name goes. */
	if (read_pack(ex))
		return take_records(ex, ps, s, out);
	close_pack(ex);
	return 0;
}
