/* SPDX-License-Identifier: ISC */
/*
 * An entry of info/ as found on disk.  As it is, its checksum ends the matter;
 * so the same bytes are tried once more with the length and the checksum put
 * right, as a process that may write there could do it.
 */
#include "pkgtorrentd/cache/entry.h"
#include "common/seal.h"
#include "tests/lib/fuzz.h"

#define LEN_OFFSET	16		/* of the length in the head */

static volatile uint8_t	sink;

static void
touch(const uint8_t *p, size_t len)
{
	while (len-- > 0)
		sink ^= p[len];
}

static void
try_entry(const uint8_t *data, size_t len)
{
	static const uint8_t digest[SHA1_LEN] = { 0xab, 1, 2, 3, 0xff };
	struct entry_info i;
	enum piece_kind piece;

	for (piece = 0; piece < PIECE_KINDS; piece++) {
		if (entry_read_info(data, len, digest, piece, &i) !=
		    ENTRY_GOOD)
			continue;
		touch(i.service, i.service_len);
		touch(i.listing, i.listing_len);
		touch(i.info, i.info_len);
	}
	(void)entry_owner(data, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t len64 = len;
	uint8_t *copy;

	try_entry(data, len);
	if (len < LEN_OFFSET + sizeof(len64) + SEAL_LEN)
		return 0;
	copy = copy_of(data, len);
	memcpy(copy + LEN_OFFSET, &len64, sizeof(len64));
	sha256(copy, len - SEAL_LEN, copy + len - SEAL_LEN);
	try_entry(copy, len);
	free(copy);
	return 0;
}
