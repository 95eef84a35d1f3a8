/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <time.h>

#include "common/seal.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

#define DAY	86400

static uint16_t
today(void)
{
	return pack_day((int64_t)time(NULL) * 1000000000);
}

struct pack_id
pack_id_of(const char *path, uint32_t piece_len)
{
	struct pack_id id = { .piece_len = piece_len };
	size_t dir_len;

	ATF_REQUIRE_EQ_MSG(0, pack_split(path, strlen(path), &dir_len), "%s",
	    path);
	seal_path("", path, dir_len, id.key);
	return id;
}

const char *
pack_path(const char *path, uint32_t piece_len)
{
	struct pack_id id = pack_id_of(path, piece_len);
	char name[PACK_NAME_LEN];

	pack_name(name, &id);
	return fmt("cache/%s", name);
}

void
make_pack(const char *dir, uint32_t piece_len, unsigned n,
    struct pack_list list)
{
	const char *path = fmt("%s/0", dir), *file;
	struct pack_id id = pack_id_of(path, piece_len);
	struct buf b = { 0 };
	char name[16];
	unsigned i;
	int fd;

	ATF_REQUIRE_EQ(0, pack_add_head(&b, &id, dir, strlen(dir)));
	for (i = 0; i < n; i++) {
		list.name = name;
		list.name_len = (size_t)snprintf(name, sizeof(name), "%u", i);
		ATF_REQUIRE_EQ(0, pack_add(&b, &id, &list, today()));
	}
	file = pack_path(path, piece_len);
	ATF_REQUIRE_EQ(0, system(fmt("mkdir -p $(dirname %s)", file)));
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)b.len, write(fd, b.data, b.len));
	close(fd);
	buf_free(&b);
}

void
read_file(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "r");
	uint8_t *room;
	size_t n;

	buf_free(b);
	if (f == NULL)
		return;
	do {
		room = buf_reserve(b, 65536);
		ATF_REQUIRE(room != NULL);
		n = fread(room, 1, 65536, f);
		b->len += n;
	} while (n > 0);
	fclose(f);
}

uint64_t
pack_first(const struct buf *b, const struct pack_id *id)
{
	struct pack_head head;

	ATF_REQUIRE_EQ(PACK_GOOD, pack_check_head(b->data, b->len, id,
	    &head));
	return head.len;
}

bool
pack_next(const struct buf *b, const struct pack_id *id, uint64_t *at,
    uint64_t *junk, struct packed *out)
{
	struct pack_record r;

	for (; *at < b->len; *at += PACK_ALIGN, *junk += PACK_ALIGN) {
		if (pack_find(b->data + *at, b->len - *at, id, &r) !=
		    PACK_RECORD || r.len > b->len - *at ||
		    !pack_read(b->data + *at, &r, id, &out->list))
			continue;
		out->offset = *at;
		out->len = r.len;
		out->day = r.day;
		*at += r.len;
		return true;
	}
	return false;
}

bool
find_packed(const char *path, uint32_t piece_len, struct packed *out)
{
	struct pack_id id = pack_id_of(path, piece_len);
	const char *name = strrchr(path, '/') + 1;
	uint64_t at = 0, junk = 0;
	struct buf b = { 0 };
	struct packed p;
	bool found = false;

	read_file(pack_path(path, piece_len), &b);
	while (pack_next(&b, &id, &at, &junk, &p))
		if (p.list.name_len == strlen(name) &&
		    memcmp(p.list.name, name, p.list.name_len) == 0) {
			*out = p;
			found = true;
		}
	buf_free(&b);
	return found;
}

struct packed
await_packed(const char *path, uint32_t piece_len)
{
	struct packed p;
	int i;

	for (i = 0; i < 5000; i++) {
		if (find_packed(path, piece_len, &p))
			return p;
		(void)poll(NULL, 0, 10);
	}
	atf_tc_fail("%s has no record", path);
}

unsigned
count_packed(const char *path, uint32_t piece_len)
{
	struct pack_id id = pack_id_of(path, piece_len);
	uint64_t at = 0, junk = 0;
	struct buf b = { 0 };
	struct packed p;
	unsigned n = 0;

	read_file(pack_path(path, piece_len), &b);
	while (pack_next(&b, &id, &at, &junk, &p))
		n++;
	buf_free(&b);
	return n;
}

unsigned
days_of(const char *path, uint32_t piece_len)
{
	struct packed p;

	ATF_REQUIRE_MSG(find_packed(path, piece_len, &p), "%s", path);
	return (unsigned)(today() - p.day);
}

/* The mtime that a pack has which was last used on this day. */
static void
set_time(int fd, uint16_t day)
{
	struct timespec times[2] = { { 0 } };

	times[0].tv_sec = times[1].tv_sec = MIN(time(NULL),
	    (time_t)(day + 1) * DAY - 1);
	ATF_REQUIRE_EQ(0, futimens(fd, times));
}

void
set_days(const char *path, uint32_t piece_len, unsigned days)
{
	struct pack_id id = pack_id_of(path, piece_len);
	uint16_t day = (uint16_t)(today() - days), latest = 0;
	uint64_t at = 0, junk = 0;
	struct buf b = { 0 };
	struct packed p;
	int fd;

	p = await_packed(path, piece_len);
	fd = open(pack_path(path, piece_len), O_WRONLY);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)sizeof(day), pwrite(fd, &day, sizeof(day),
	    (off_t)p.offset + PACK_DAY_AT));
	read_file(pack_path(path, piece_len), &b);
	while (pack_next(&b, &id, &at, &junk, &p))
		latest = MAX(latest, p.day);
	set_time(fd, latest);
	close(fd);
	buf_free(&b);
}
