/* SPDX-License-Identifier: ISC */
/* A listing that is read must be written as the same bytes. */
#include "common/listing.h"
#include "tests/lib/fuzz.h"

/* Records that can be read without looking at their files. */
static size_t
count_specs(const uint8_t *data, size_t size, int *end)
{
	struct listing_reader	r;
	size_t			specs = 0;

	listing_open(&r, data, size);
	while ((*end = listing_next_spec(&r)) == 1)
		specs++;
	return specs;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct listing_reader	r;
	struct buf		b = { 0 };
	size_t			specs = 0;
	int			n, end;

	listing_open(&r, data, size);
	while ((n = listing_next_spec(&r)) == 1) {
		specs++;
		require(listing_add_spec(&b, r.spec.index, r.spec.status,
		    r.spec_bytes, r.spec.len, r.spec.files) == 0);
		while ((n = listing_next_file(&r)) == 1)
			require(listing_add_file(&b, &r.file.identity, r.path,
			    r.file.len) == 0);
		if (n == -1)
			break;
	}
	require(b.len <= size);
	require(b.len == 0 || memcmp(b.data, data, b.len) == 0);
	require(n == -1 || b.len == size);
	require(n == 0 || listing_next_spec(&r) == -1);
	require(count_specs(data, size, &end) == specs);
	require(end == n);
	buf_free(&b);
	return 0;
}
