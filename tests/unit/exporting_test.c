/* SPDX-License-Identifier: ISC */
/* Packs that change while they are exported. */
#include "pkgtorrentd/cache/exporting.h"
#include "tests/lib/test.h"

#define SIZE	1000
#define LEFT	10

/* Bytes that may be the beginning of a record end with the file, which had more
   of them when it was opened. */
TEST(exporting__a_pack_that_was_cut_ends)
{
	static struct exporting ex;
	struct piece_stream stream = { 0 };
	struct pack_id id = { .piece_len = 1U << 20 };
	struct pack_list list = { .name = "a", .name_len = 1,
	    .identity.size = 1, .digests = (const uint8_t[40]){ 0 },
	    .count = 2 };
	struct buf record = { 0 }, out = { 0 };
	unsigned steps = 0;

	ATF_REQUIRE_EQ(0, pack_add(&record, &id, &list, 0));
	ex.open = ex.indexed = true;
	ex.file.id = id;
	ex.file.size = SIZE;
	ex.file.fd = open("pack", O_RDWR | O_CREAT, 0600);
	ATF_REQUIRE_EQ(LEFT, write(ex.file.fd, record.data, LEFT));
	while (ex.open && steps++ < SIZE)
		ATF_REQUIRE_EQ(0, exporting_step(&ex, NULL, NULL, &stream,
		    &out));
	ATF_CHECK(!ex.open);
	ATF_CHECK_EQ(0, stream.count);
	buf_free(&record);
	buf_free(&out);
}
