/* SPDX-License-Identifier: ISC */
/*
 * A pack as found on disk, read in parts as the cache reads it.  The input is
 * the pack; or it is a list of steps, which build a pack, and damage it.  What
 * was not touched must be found then, as it was.  Some damage comes with checks
 * that are right, as a process could write it that may write there; of that
 * only the memory is safe.
 */
#include "pkgtorrentd/cache/pack.c"
#include "tests/lib/fuzz.h"

#define DIR		"/fedora"
#define RECORDS_MAX	8
#define PIECE_LEN	16384U
#define DIGESTS_MAX	12

static const struct pack_id id = { { 0xab, 1, 2, 3 }, PIECE_LEN };

static volatile uint8_t	sink;

/* The records that were stored. */
static struct {
	char		name[PACK_FILE_MAX];
	size_t		name_len;
	struct identity	identity;
	uint8_t		digests[DIGESTS_MAX * SHA1_LEN];
	uint64_t	start;		/* in the pack */
	uint64_t	end;
	bool		touched;
	bool		found;
} kept[RECORDS_MAX];

static unsigned		nkept;
static bool		forged;		/* some check was put right */
static bool		guessed;	/* the input had one that is right */
static struct buf	pack;

static void
touch(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len-- > 0)
		sink ^= p[len];
}

/* A list that the cache would take for good. */
static void
check_list(const struct pack_list *list, const struct pack_record *r,
    const uint8_t *data)
{
	touch(list->name, list->name_len);
	touch(list->digests, (size_t)list->count * SHA1_LEN);
	require(list->name_len >= 1 && list->name_len <= PACK_FILE_MAX);
	require(list->identity.mount == 0);
	require(list->count == torrent_digests(list->identity.size,
	    PIECE_LEN));
	require(list->digests + list->count * SHA1_LEN <= data + r->len);
}

/* One that was stored, and not touched. */
static void
check_stored(unsigned i, const struct pack_list *list)
{
	kept[i].found = true;
	require(kept[i].name_len == list->name_len);
	require(memcmp(kept[i].name, list->name, list->name_len) == 0);
	require(memcmp(&kept[i].identity, &list->identity,
	    sizeof(list->identity)) == 0);
	require(memcmp(kept[i].digests, list->digests,
	    (size_t)list->count * SHA1_LEN) == 0);
}

/* A record was found at this place of the pack.  A fuzzer that sees what is
   compared finds the right checks, too: of its own records anything may be. */
static void
read_whole(const struct buf *b, uint64_t at, const struct pack_record *found)
{
	uint8_t *copy = copy_of(b->data + at, (size_t)found->len);
	struct pack_record r;
	struct pack_list list;
	bool known = false;
	unsigned i;

	require(pack_find(copy, (size_t)found->len, &id, &r) == PACK_RECORD);
	require(r.len == found->len);
	for (i = 0; i < nkept; i++)
		known |= kept[i].start == at && kept[i].end == at + r.len;
	guessed |= !known;
	if (pack_read(copy, &r, &id, &list)) {
		check_list(&list, &r, copy);
		for (i = 0; i < nkept; i++)
			if (kept[i].start == at && !kept[i].touched)
				check_stored(i, &list);
	}
	free(copy);
}

/* Read the records of so many bytes from there on, as packfile.c does.  Returns
   how many are done. */
static uint64_t
read_part(const struct buf *b, uint64_t from, size_t len)
{
	bool last = from + len >= b->len;
	uint8_t *part = copy_of(b->data + from, len);
	struct pack_record r;
	struct pack_head head;
	enum pack_found found;
	uint64_t at = 0;

	if (from == 0) {
		at = PACK_ALIGN;
		if (pack_check_head(part, len, &id, &head) == PACK_GOOD) {
			touch(head.dir, head.dir_len);
			require(head.len <= len && head.len % PACK_ALIGN == 0);
			at = head.len;
		}
	}
	while (at < len) {
		found = pack_find(part + at, len - (size_t)at, &id, &r);
		require(found != PACK_SHORT || len - at < PACK_PEEK);
		if (found == PACK_SHORT && !last)
			break;
		if (found == PACK_RECORD && r.len <= b->len - from - at) {
			require(r.len % PACK_ALIGN == 0);
			touch(r.name, r.name_len);
			read_whole(b, from + at, &r);
			at += r.len;
		} else
			at += PACK_ALIGN;
	}
	free(part);
	return at;
}

static void
walk(const struct buf *b, size_t step)
{
	uint64_t at = 0, done;

	/* The head is in the first part. */
	if (step < PACK_HEAD_MAX && b->len > PACK_HEAD_MAX)
		step += PACK_HEAD_MAX;
	while (at < b->len) {
		done = read_part(b, at, b->len - at < step ?
		    (size_t)(b->len - at) : step);
		require(done > 0);
		at += done;
	}
}

/*
 * Steps.
 */

static void
store(void)
{
	struct pack_list list = { 0 };
	size_t i, n;

	if (nkept == RECORDS_MAX)
		return;
	list.name = kept[nkept].name;
	memset(&kept[nkept], 0, sizeof(kept[nkept]));
	n = next();
	n = n == 0 ? PACK_FILE_MAX : n;
	/* Whole names in the input would make it long. */
	memset(kept[nkept].name, (int)('a' + nkept), n);
	for (i = 0; i < n && i < 4; i++)
		kept[nkept].name[i] = (char)next();
	kept[nkept].name_len = list.name_len = n;
	list.identity.size = next_number() % (10 * PIECE_LEN);
	list.identity.ino = next();
	list.identity.mtime_ns = next();
	kept[nkept].identity = list.identity;
	list.count = torrent_digests(list.identity.size, PIECE_LEN);
	require(list.count <= DIGESTS_MAX);
	memset(kept[nkept].digests, next(),
	    (size_t)list.count * SHA1_LEN);
	list.digests = kept[nkept].digests;
	kept[nkept].start = pack.len;
	require(pack_add(&pack, &id, &list, (uint16_t)next()) == 0);
	kept[nkept].end = pack.len;
	nkept++;
}

/* Bytes that are no record, where one may begin. */
static void
add_junk(void)
{
	next_bytes(&pack, next() % 64);
	while (pack.len % PACK_ALIGN != 0)
		next_bytes(&pack, 1);
}

/* Bytes from there on are not what they were. */
static void
spoil(uint64_t at, size_t len)
{
	unsigned i;

	for (i = 0; i < nkept; i++)
		if (at < kept[i].end && at + len > kept[i].start)
			kept[i].touched = true;
}

static void
overwrite(void)
{
	size_t len = 1 + next() % 16, at, i;

	if (pack.len < 16)
		return;
	at = next_number() % (pack.len - 15);
	spoil(at, len);
	for (i = 0; i < len; i++)
		pack.data[at + i] = next();
}

static void
flip(void)
{
	size_t at;

	if (pack.len == 0)
		return;
	at = next_number() % pack.len;
	spoil(at, 1);
	pack.data[at] ^= (uint8_t)(1U << next() % 8);
}

static void
cut(void)
{
	size_t len = pack.len > 0 ? next_number() % pack.len : 0;
	unsigned i;

	for (i = 0; i < nkept; i++) {
		if (kept[i].end <= len)
			continue;
		/* The cache does this before it appends. */
		if (kept[i].start < len)
			pack.data[kept[i].start] = 0;
		kept[i].start = kept[i].end = UINT64_MAX;
		kept[i].touched = true;
	}
	pack.len = len;
}

/* Of one record the checks are made right, whatever it is now. */
static void
forge(void)
{
	uint64_t at, len;
	struct record r;
	uint8_t sum[SEAL_LEN];

	if (nkept == 0)
		return;
	forged = true;
	at = kept[next() % nkept].start;
	if (at > pack.len || PACK_PEEK > pack.len - at)
		return;
	memcpy(&r, pack.data + at, sizeof(r));
	r.check = record_check(&id, &r, (const char *)pack.data + at +
	    sizeof(r));
	memcpy(pack.data + at, &r, sizeof(r));
	spoil(at, sizeof(r));
	len = sizeof(r) + r.name_len + torrent_digests(r.identity.size,
	    PIECE_LEN) * SHA1_LEN;
	if (len > pack.len - at - SUM_LEN)
		return;
	sha256_both(&id, sizeof(id), pack.data + at + offsetof(struct record,
	    check), (size_t)len - offsetof(struct record, check), sum);
	memcpy(pack.data + at + len, sum, SUM_LEN);
	spoil(at + len, SUM_LEN);
}

static void
step(void)
{
	switch (next() % 8) {
	case 0: case 1:
		store();
		break;
	case 2:
		add_junk();
		break;
	case 3:
		overwrite();
		break;
	case 4: case 5:
		flip();
		break;
	case 6:
		cut();
		/* The next one begins where a record may. */
		while (pack.len == 0 || pack.len % PACK_ALIGN != 0)
			require(buf_add(&pack, "", 1) == 0);
		break;
	case 7:
		forge();
		break;
	}
}

static void
try_steps(void)
{
	size_t part = PACK_PEEK + next() * 8U;
	unsigned i;

	pack.len = nkept = 0;
	forged = guessed = false;
	if (next() % 4 != 0)
		require(pack_add_head(&pack, &id, DIR, strlen(DIR)) == 0);
	else
		require(buf_add(&pack, "none", 4) == 0);
	while (in_len > 0)
		step();
	walk(&pack, part);
	for (i = 0; i < nkept; i++)
		require(forged || guessed || kept[i].touched ||
		    kept[i].found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf raw = { 0 };
	struct pack_id read;
	char name[PACK_NAME_LEN];
	size_t dir_len;

	in = data;
	in_len = len;
	if (next() % 2 == 0) {
		try_steps();
		return 0;
	}
	forged = true;
	nkept = 0;
	next_bytes(&raw, in_len);
	walk(&raw, PACK_PEEK + len % 1024);
	if (raw.len > 0 && pack_split(raw.data, raw.len, &dir_len) == 0)
		require(dir_len < raw.len && raw.data[dir_len] == '/');
	/* As a name, of a string that ends. */
	if (raw.len > 4 && raw.len < 200 && buf_add(&raw, "", 1) == 0) {
		raw.data[3] = '\0';
		if (pack_read_name((char *)raw.data + 1, (char *)raw.data + 4,
		    &read)) {
			pack_name(name, &read);
			require(strcmp(strrchr(name, '/') + 1,
			    (char *)raw.data + 4) == 0);
		}
	}
	buf_free(&raw);
	return 0;
}
