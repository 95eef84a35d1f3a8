/* SPDX-License-Identifier: ISC */
#include <sys/param.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/cache/packfile.h"

#define FRESH_MS	1000	/* a name is taken to be the open file */
#define PENDING_MAX	(256U << 10)
#define FIRST_READ	1024	/* bytes: the record of a small file */
#define DAY_S		86400
#define BLOCK		4096	/* only for estimates */

_Static_assert(PACK_HEAD_MAX <= PACKFILE_STEP, "the first read has the head");

static bool
is_read(const struct packfile *pf)
{
	return pf->at >= pf->size;
}

void
packfile_init(struct packfile *pf, struct store *st, const struct pack_id *id)
{
	memset(pf, 0, sizeof(*pf));
	pf->store = st;
	pf->id = *id;
	pf->fd = -1;
	pack_name(pf->name, id);
}

void
packfile_set_dir(struct packfile *pf, const void *dir, size_t len)
{
	if (pf->dir.len == 0 && len > 0 && buf_add(&pf->dir, dir, len) == -1)
		fatal("out of memory");
}

/* Forget what is known of the file. */
static void
forget_file(struct packfile *pf)
{
	if (pf->fd != -1)
		close(pf->fd);
	pf->fd = -1;
	pf->checked_ms = 0;
	pf->size = pf->at = pf->head_len = pf->live = pf->junk = 0;
	pf->damaged = pf->failed = false;
	/* What comes next may be another file, even of the same inode. */
	pf->spoiled = pf->rewriting;
	offsets_free(&pf->offsets);
}

void
packfile_close(struct packfile *pf)
{
	forget_file(pf);
	buf_free(&pf->dir);
	buf_free(&pf->pending);
}

size_t
packfile_memory(const struct packfile *pf)
{
	return sizeof(*pf) + pf->dir.cap + pf->pending.cap +
	    pf->offsets.cap * sizeof(*pf->offsets.slots);
}

/*
 * Reading.
 */

static void
open_file(struct packfile *pf)
{
	const char *wrong;
	struct stat sb;

	pf->writable = pf->by_writer = store_may_write(pf->store);
	pf->fd = store_open_file(pf->store, pf->name, pf->writable ? O_RDWR :
	    O_RDONLY, PACKFILE_LEN_MAX, &sb, &wrong);
	if (pf->fd == -1 && wrong != NULL && (errno == EACCES ||
	    errno == EROFS)) {
		pf->writable = false;
		pf->fd = store_open_file(pf->store, pf->name, O_RDONLY,
		    PACKFILE_LEN_MAX, &sb, &wrong);
	}
	if (pf->fd == -1 && wrong != NULL)
		store_drop_wrong(pf->store, pf->name, wrong);
	if (pf->fd == -1)
		return;
	pf->dev = sb.st_dev;
	pf->ino = sb.st_ino;
	pf->size = (uint64_t)sb.st_size;
}

/* Is the name still the file that is open? */
static bool
is_current(const struct packfile *pf, struct stat *sb)
{
	int fd = store_open_beneath(pf->store->dirfd, pf->name, O_PATH);
	bool same;

	if (fd == -1)
		return false;
	same = fstat(fd, sb) == 0 && sb->st_ino == pf->ino &&
	    sb->st_dev == pf->dev && sb->st_nlink == 1 &&
	    (uint64_t)sb->st_size >= pf->size;
	close(fd);
	return same;
}

/* Anybody may remove or replace the file, and another service append to it. */
static void
freshen(struct packfile *pf)
{
	uint64_t now = clock_ms();
	struct stat sb;

	if (pf->checked_ms != 0 && now - pf->checked_ms < FRESH_MS)
		return;
	if (pf->fd != -1 && (pf->by_writer != store_may_write(pf->store) ||
	    !is_current(pf, &sb)))
		forget_file(pf);
	if (pf->fd == -1)
		open_file(pf);
	else
		pf->size = (uint64_t)sb.st_size;
	pf->checked_ms = now;
}

/* Read the record at an offset, or as much of it as FIRST_READ has. */
static bool
peek(struct packfile *pf, uint64_t offset, uint8_t out[FIRST_READ],
    size_t *len, struct pack_record *r)
{
	ssize_t n = pread(pf->fd, out, FIRST_READ, (off_t)offset);

	if (n <= 0)
		return false;
	*len = (size_t)n;
	return pack_find(out, *len, &pf->id, r) == PACK_RECORD;
}

/* Find the slot of a name.  *r is its record, of which the first *len bytes
   are in out. */
static uint64_t *
find_slot(struct packfile *pf, const char *name, size_t name_len,
    uint8_t out[FIRST_READ], size_t *len, struct pack_record *r)
{
	uint32_t hash = pack_hash(pf->salt, name, name_len);
	uint64_t *slot;
	size_t at = 0;

	while ((slot = offsets_next(&pf->offsets, hash, &at)) != NULL)
		if (peek(pf, offsets_get(*slot), out, len, r) &&
		    r->name_len == name_len &&
		    memcmp(r->name, name, name_len) == 0)
			return slot;
	return NULL;
}

/* A record was found: it replaces an earlier one of its name. */
static void
note_record(struct packfile *pf, const struct pack_record *r, uint64_t offset)
{
	uint8_t data[FIRST_READ];
	struct pack_record old;
	uint64_t *slot;
	size_t len;

	slot = find_slot(pf, r->name, r->name_len, data, &len, &old);
	if (slot != NULL) {
		offsets_set(slot, offset);
		pf->live -= old.len;
	} else if (pf->offsets.n >= PACKFILE_RECORDS_MAX) {
		return;
	} else if (offsets_add(&pf->offsets, pack_hash(pf->salt, r->name,
	    r->name_len), offset) == -1) {
		log_warn("out of memory: entries are not found");
		return;
	}
	pf->live += r->len;
}

/* Read the head.  Records are good without it: their checks have the name of
   the file. */
static size_t
read_head(struct packfile *pf, const uint8_t *data, size_t len)
{
	struct pack_head head;

	if (pack_check_head(data, len, &pf->id, &head) != PACK_GOOD) {
		pf->junk += PACK_ALIGN;
		return PACK_ALIGN;
	}
	pf->head_len = head.len;
	packfile_set_dir(pf, head.dir, head.dir_len);
	return head.len;
}

/* A record ends behind the file: its write was cut.  What is appended must not
   seem to be the rest of it. */
static void
spoil_record(struct packfile *pf, uint64_t offset)
{
	if (pf->writable && store_may_write(pf->store))
		(void)!pwrite(pf->fd, "", 1, (off_t)offset);
}

/* Find the records in the next bytes.  Returns how many bytes are done. */
static uint64_t
read_records(struct packfile *pf, const uint8_t *data, size_t len)
{
	/* Somebody may have cut the file. */
	bool last = pf->at + len >= pf->size || len < PACK_PEEK;
	struct pack_record r;
	enum pack_found found;
	uint64_t at;

	at = pf->at == 0 ? read_head(pf, data, len) : 0;
	while (at < len) {
		found = pack_find(data + at, len - at, &pf->id, &r);
		if (found == PACK_SHORT && !last)
			break;
		if (found == PACK_RECORD && r.len <= pf->size - pf->at - at) {
			note_record(pf, &r, pf->at + at);
			at += r.len;
			continue;
		}
		/* The service that writes may be about to write the rest. */
		if (found != PACK_JUNK && !pf->by_writer) {
			pf->size = pf->at + at;
			break;
		}
		if (found == PACK_RECORD)
			spoil_record(pf, pf->at + at);
		at += PACK_ALIGN;
		pf->junk += PACK_ALIGN;
	}
	return at;
}

/* All has been read. */
static void
tell_junk(struct packfile *pf)
{
	char problem[128];

	if (pf->junk == 0 || pf->damaged)
		return;
	if (pf->offsets.n == 0) {
		store_drop_wrong(pf->store, pf->name, "no record is whole");
		forget_file(pf);
		return;
	}
	pf->damaged = true;
	snprintf(problem, sizeof(problem), "%" PRIu64 " bytes are no record; "
	    "the others are kept", pf->junk);
	store_complain(pf->store, STORE_WRONG_PIECES, problem, pf->name);
}

/* Read the next part of the file. */
static void
read_on(struct packfile *pf)
{
	static uint8_t data[PACKFILE_STEP];
	ssize_t n = pread(pf->fd, data, sizeof(data), (off_t)pf->at);

	if (n <= 0) {
		if (n == -1)
			store_complain(pf->store, STORE_WRONG_PIECES,
			    strerror(errno), pf->name);
		pf->at = pf->size;
		return;
	}
	pf->at += read_records(pf, data, (size_t)n);
	if (is_read(pf))
		tell_junk(pf);
}

bool
packfile_ready(struct packfile *pf)
{
	if (pf->pending.len > 0)
		packfile_flush(pf);
	return packfile_ready_unflushed(pf);
}

bool
packfile_ready_unflushed(struct packfile *pf)
{
	freshen(pf);
	if (pf->fd != -1 && !is_read(pf))
		read_on(pf);
	return pf->fd == -1 || is_read(pf);
}

static void
forget_record(struct packfile *pf, uint64_t *slot,
    const struct pack_record *r)
{
	store_complain(pf->store, STORE_WRONG_PIECES, "the record of a file is "
	    "damaged; the others are kept", pf->name);
	offsets_remove(&pf->offsets, slot);
	pf->live -= r->len;
	pf->damaged = true;
}

/* Read what is missing of a record.  false: it cannot be read now. */
static bool
read_rest(struct packfile *pf, struct buf *b, uint64_t offset, uint64_t len)
{
	ssize_t n;

	if (len > pf->store->entry_max ||
	    (b->len < len && buf_reserve(b, (size_t)len - b->len) == NULL))
		return false;
	while (b->len < len) {
		n = pread(pf->fd, b->data + b->len, (size_t)len - b->len,
		    (off_t)(offset + b->len));
		if (n <= 0)
			return false;
		b->len += (size_t)n;
	}
	return true;
}

int
packfile_read(struct packfile *pf, const char *name, size_t name_len,
    struct buf *b, struct packfile_record *out)
{
	struct pack_record r;
	uint64_t *slot;

	b->len = 0;
	if (pf->fd == -1 || buf_reserve(b, FIRST_READ) == NULL)
		return 0;
	slot = find_slot(pf, name, name_len, b->data, &b->len, &r);
	if (slot == NULL)
		return 0;
	out->offset = offsets_get(*slot);
	out->day = r.day;
	if (!read_rest(pf, b, out->offset, r.len))
		return 0;
	if (pack_read(b->data, &r, &pf->id, &out->list)) {
		pack_unmask(b->data, &out->list);
		return 1;
	}
	forget_record(pf, slot, &r);
	return 0;
}

bool
packfile_has(struct packfile *pf, const char *name, size_t len)
{
	uint8_t data[FIRST_READ];
	struct pack_record r;
	size_t n;

	return pf->fd != -1 &&
	    find_slot(pf, name, len, data, &n, &r) != NULL;
}

/*
 * Writing.
 */

void
packfile_use(struct packfile *pf, const struct packfile_record *r)
{
	uint16_t today = pack_day(clock_real_ns());

	if (r->day == today || !pf->writable || !store_may_write(pf->store))
		return;
	/* A record that could not be marked seems older than it is: it may be
	   removed early and made again. */
	if (pwrite(pf->fd, &today, sizeof(today),
	    (off_t)(r->offset + PACK_DAY_AT)) == (ssize_t)sizeof(today))
		pf->spoiled = pf->rewriting;
}

int
packfile_append(struct packfile *pf, const struct pack_list *list)
{
	size_t before = pf->pending.len;

	if (!store_may_write(pf->store) || !store_has_room(pf->store,
	    STORE_PIECES, pf->name, BLOCK + PACK_PEEK +
	    list->count * SHA1_LEN))
		return -1;
	if (pf->offsets.n >= PACKFILE_RECORDS_MAX) {
		store_complain(pf->store, STORE_NO_ROOM, "not stored: the "
		    "mirror directory has too many files", pf->name);
		return -1;
	}
	if (pack_add(&pf->pending, &pf->id, list,
	    pack_day(clock_real_ns())) == -1) {
		pf->pending.len = before;
		log_warn("out of memory: an entry was not stored");
		return -1;
	}
	pf->npending++;
	pf->pending_hashed |= !list->imported;
	store_add_pending(pf->store, pf->name, (int64_t)(pf->pending.len -
	    before + (before == 0) * BLOCK));
	if (pf->pending.len >= PENDING_MAX)
		packfile_flush(pf);
	return 0;
}

static int
write_all(int fd, const uint8_t *p, size_t len, uint64_t at)
{
	ssize_t n;

	for (; len > 0; p += n, at += (size_t)n, len -= (size_t)n) {
		n = pwrite(fd, p, len, (off_t)at);
		/* Without progress this would loop forever. */
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
	}
	return 0;
}

/* Make the file, which is empty.  0, or -1 with errno. */
static int
create(struct packfile *pf)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	struct store *st = pf->store;
	const char *last;
	struct stat before, after;
	int dirfd, fd;

	dirfd = store_open_parent(st, pf->name, true, &last);
	if (dirfd == -1)
		return -1;
	if (fstat(dirfd, &before) == -1)
		before.st_blocks = 0;
	fd = openat(dirfd, last, flags, 0600);
	if (fd != -1 && fstat(dirfd, &after) == 0)
		store_count(st, NULL, (int64_t)(store_bytes(&after) -
		    store_bytes(&before)), 0);
	if (fd != -1)
		close(fd);
	close(dirfd);
	return fd == -1 ? -1 : 0;
}

/* The end of the file, which a torn write may have left anywhere. */
static uint64_t
aligned_end(const struct packfile *pf)
{
	return (pf->size + PACK_ALIGN - 1) & ~(uint64_t)(PACK_ALIGN - 1);
}

/* Write the head too if the file is empty: it is new, or a write failed. */
static int
write_pending(struct packfile *pf)
{
	uint64_t end = aligned_end(pf), len = pf->pending.len;
	struct buf all = { 0 };
	int ret = -1;

	if (end > 0)
		ret = write_all(pf->fd, pf->pending.data, len, end);
	else if (pack_add_head(&all, &pf->id, pf->dir.data,
	    pf->dir.len) == 0 && buf_add(&all, pf->pending.data, len) == 0) {
		len = all.len;
		ret = write_all(pf->fd, all.data, len, 0);
	}
	if (ret == 0)
		pf->size = end + len;
	buf_free(&all);
	return ret;
}

static int
append_pending(struct packfile *pf)
{
	uint64_t before = 0;
	struct stat sb;

	if (pf->fd == -1) {
		if (create(pf) == -1)
			return -1;
		open_file(pf);
		if (pf->fd == -1)
			return -1;
	} else if (fstat(pf->fd, &sb) == 0)
		before = store_file_bytes(&sb);
	/* A longer one would be removed when it is opened. */
	if (aligned_end(pf) + pf->pending.len > PACKFILE_LEN_MAX) {
		errno = EFBIG;
		return -1;
	}
	/* The day of the last use becomes the file's mtime by this. */
	if (write_pending(pf) == -1)
		return -1;
	if (fstat(pf->fd, &sb) == 0)
		store_count(pf->store, pf->name,
		    (int64_t)(store_file_bytes(&sb) - before), pf->npending);
	pf->store->saves += pf->npending;
	return 0;
}

/* After a write that failed: is the file as it was?  If each of them made it
   unknown, a full disk would have it read for each. */
static bool
is_unchanged(const struct packfile *pf)
{
	struct stat sb;

	return pf->fd != -1 && pf->writable && fstat(pf->fd, &sb) == 0 &&
	    (uint64_t)sb.st_size == pf->size;
}

void
packfile_flush(struct packfile *pf)
{
	if (pf->pending.len == 0)
		return;
	/* It may be ours to write by now: only opening it tells. */
	if (pf->fd != -1 && !pf->writable)
		forget_file(pf);
	/* Nothing is to be written into a file that was removed. */
	pf->checked_ms = 0;
	freshen(pf);
	while (pf->fd != -1 && !is_read(pf))
		read_on(pf);
	if (append_pending(pf) == -1) {
		pf->store->lost += pf->npending;
		pf->store->lost_error = errno;
		store_complain_write(pf->store, pf->name);
		if (!is_unchanged(pf))
			forget_file(pf);
	}
	store_add_pending(pf->store, pf->name,
	    -(int64_t)(pf->pending.len + BLOCK));
	buf_free(&pf->pending);
	pf->npending = 0;
	pf->pending_hashed = false;
}

bool
packfile_is_due(const struct packfile *pf)
{
	return pf->fd != -1 && pf->writable && is_read(pf) &&
	    !pf->failed && (pf->damaged ||
	    pf->size - pf->head_len > 2 * pf->live);
}

/*
 * Writing it again.
 */

void
packfile_begin_rewrite(struct packfile_rewrite *rw, struct packfile *pf,
    struct packfile_cut cut)
{
	memset(rw, 0, sizeof(*rw));
	rw->file = pf;
	rw->ino = pf->ino;
	rw->cut = cut;
	rw->at = pf->head_len > 0 ? pf->head_len : PACK_ALIGN;
	rw->writing.temporary = pf->store->pack_temporary;
	pf->rewriting = true;
	pf->spoiled = false;
}

void
packfile_stop_rewrite(struct packfile_rewrite *rw)
{
	if (rw->file == NULL)
		return;
	store_stop_saving(&rw->writing);
	rw->file->rewriting = false;
	buf_free(&rw->in);
	buf_free(&rw->out);
	memset(rw, 0, sizeof(*rw));
}

bool
packfile_is_live(struct packfile *pf, const struct pack_record *r,
    uint64_t offset)
{
	uint32_t hash = pack_hash(pf->salt, r->name, r->name_len);
	uint64_t *slot;
	size_t at = 0;

	while ((slot = offsets_next(&pf->offsets, hash, &at)) != NULL)
		if (offsets_get(*slot) == offset)
			return true;
	return false;
}

static bool
is_cut(struct packfile_rewrite *rw, const struct pack_record *r, uint16_t day)
{
	struct packfile_cut *cut = &rw->cut;

	if (cut->all || (cut->name != NULL && cut->name_len == r->name_len &&
	    memcmp(cut->name, r->name, r->name_len) == 0)) {
		rw->dropped++;
		return true;
	}
	if (day > cut->day || (day == cut->day && cut->quota == 0))
		return false;
	if (day == cut->day)
		cut->quota -= MIN(cut->quota, r->len);
	rw->dropped++;
	return true;
}

static int
keep_record(struct packfile_rewrite *rw, const struct pack_record *r,
    const uint8_t *data, uint64_t offset)
{
	uint16_t today = pack_day(clock_real_ns());
	uint16_t day = MIN(r->day, today);
	struct pack_list list;

	rw->seen++;
	if (!packfile_is_live(rw->file, r, offset) || is_cut(rw, r, day) ||
	    !pack_read(data, r, &rw->file->id, &list))
		return 0;
	rw->kept++;
	rw->max_day = MAX(rw->max_day, day);
	return buf_add(&rw->out, data, (size_t)r->len);
}

/* Keep what is good of the bytes that were read. */
static int
keep_records(struct packfile_rewrite *rw)
{
	struct packfile *pf = rw->file;
	const uint8_t *data = rw->in.data;
	size_t len = rw->in.len;
	bool last = rw->at + len >= pf->size;
	struct pack_record r;
	enum pack_found found;
	uint64_t at = 0;

	rw->need = 0;
	while (at < len) {
		found = pack_find(data + at, len - at, &pf->id, &r);
		if (found == PACK_SHORT && !last)
			break;
		if (found != PACK_RECORD || r.len > pf->size - rw->at - at) {
			at += PACK_ALIGN;
			continue;
		}
		if (r.len > len - at && r.len <= pf->store->entry_max) {
			rw->need = r.len;
			break;
		}
		if (r.len <= len - at &&
		    keep_record(rw, &r, data + at, rw->at + at) == -1)
			return -1;
		at += r.len;
	}
	rw->at += at;
	return 0;
}

/* Begin the new file, and write what is kept so far.  0, or -1 with errno. */
static int
write_kept(struct packfile_rewrite *rw)
{
	struct packfile *pf = rw->file;
	struct buf head = { 0 };
	int ret;

	if (rw->out.len == 0)
		return 0;
	if (rw->writing.fd == 0) {
		if (store_begin_writing(pf->store, &rw->writing,
		    pf->name) == -1)
			return -1;
		ret = pack_add_head(&head, &pf->id, pf->dir.data, pf->dir.len);
		if (ret == 0)
			ret = store_write(&rw->writing, head.data, head.len);
		buf_free(&head);
		if (ret == -1)
			return -1;
	}
	ret = store_write(&rw->writing, rw->out.data, rw->out.len);
	rw->out.len = 0;
	return ret;
}

/* The mtime of a pack is the day of the last use of its records. */
static void
set_time(int fd, uint16_t day)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };

	if (day >= pack_day(clock_real_ns()))
		times[1].tv_nsec = UTIME_NOW;
	else
		times[1].tv_sec = (time_t)day * DAY_S + DAY_S - 1;
	(void)futimens(fd, times);
}

/* Put the new file into the place of the old one, or nothing if no record is
   left.  0, or -1 with errno. */
static int
replace(struct packfile_rewrite *rw)
{
	struct packfile *pf = rw->file;
	int64_t dropped = (int64_t)(rw->seen - rw->kept);
	const char *last;
	int dirfd, ret;

	if (rw->kept > 0) {
		set_time(rw->writing.fd, rw->max_day);
		ret = store_end_writing(pf->store, &rw->writing, pf->name);
	} else {
		dirfd = store_open_parent(pf->store, pf->name, false, &last);
		if (dirfd == -1)
			return -1;
		ret = store_clear(pf->store, STORE_PIECES, dirfd, last);
		close(dirfd);
	}
	if (ret == 0)
		store_count(pf->store, NULL, 0, -dropped);
	forget_file(pf);
	return ret;
}

/* 1: done, 0: it goes on, -1 with errno. */
static int
rewrite_step(struct packfile_rewrite *rw)
{
	struct packfile *pf = rw->file;
	uint64_t want = MAX(PACKFILE_STEP, rw->need);
	uint64_t left = pf->size - rw->at;

	if (rw->at < pf->size) {
		rw->in.len = 0;
		if (!read_rest(pf, &rw->in, rw->at, MIN(want, left)) ||
		    keep_records(rw) == -1)
			return -1;
		return write_kept(rw);
	}
	return replace(rw) == 0 ? 1 : -1;
}

bool
packfile_rewrite(struct packfile_rewrite *rw, uint64_t *cut)
{
	struct packfile *pf = rw->file;
	int done;

	*cut = 0;
	if (!packfile_ready(pf))
		return false;
	if (pf->fd == -1 || pf->ino != rw->ino || pf->spoiled ||
	    !pf->writable) {
		packfile_stop_rewrite(rw);
		return true;
	}
	done = rewrite_step(rw);
	if (done == 0)
		return false;
	if (done == -1) {
		store_complain_write(pf->store, pf->name);
		pf->failed = true;
		/* Somebody may have cut the file. */
		pf->checked_ms = 0;
	} else
		*cut = rw->dropped;
	packfile_stop_rewrite(rw);
	return true;
}
