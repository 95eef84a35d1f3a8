/* SPDX-License-Identifier: ISC */
/*
 * The input says which values to write: numbers, strings whole and in parts,
 * lists and dictionaries.  A model that knows BEP 3 and printf(3) writes the
 * same.
 */
#include <inttypes.h>

#include "common/bencode.h"
#include "tests/lib/fuzz.h"

#define DEPTH_MAX	16

static struct bencode	 b;		/* under test */
static struct bencode	 count;		/* the same without a buffer */
static struct buf	 model;
static int		 depth;
static int		 in_dict[DEPTH_MAX + 1];

static void
write_string(const uint8_t *p, size_t n, int parts)
{
	size_t half = n / 2;

	if (parts) {
		bencode_bytes_begin(&b, n);
		bencode_raw(&b, p, half);
		bencode_raw(&b, p + half, n - half);
		bencode_bytes_begin(&count, n);
		bencode_raw(&count, NULL, n);
	} else {
		bencode_bytes(&b, p, n);
		bencode_bytes(&count, p, n);
	}
	require(buf_addf(&model, "%zu:", n) == 0);
	require(buf_add(&model, p, n) == 0);
}

static void
write_number(uint64_t v)
{
	bencode_uint(&b, v);
	bencode_uint(&count, v);
	require(buf_addf(&model, "i%" PRIu64 "e", v) == 0);
}

static void
begin(int dict)
{
	if (dict) {
		bencode_dict(&b);
		bencode_dict(&count);
	} else {
		bencode_list(&b);
		bencode_list(&count);
	}
	require(buf_addf(&model, dict ? "d" : "l") == 0);
	in_dict[++depth] = dict;
}

static void
end(void)
{
	bencode_end(&b);
	bencode_end(&count);
	require(buf_addf(&model, "e") == 0);
	depth--;
}

/* One thing of the input; how many bytes it took. */
static size_t
write_one(const uint8_t *data, size_t len)
{
	uint8_t what = data[0] % 6;
	uint64_t number = 0;
	size_t n = data[0] / 6U < len - 1 ? data[0] / 6U : len - 1;

	if (what == 5) {
		if (depth > 0)
			end();
		return 1;
	}
	if (in_dict[depth]) {
		bencode_str(&b, "key");
		bencode_str(&count, "key");
		require(buf_addf(&model, "3:key") == 0);
	}
	if (what == 0) {
		n = len - 1 < sizeof(number) ? len - 1 : sizeof(number);
		memcpy(&number, data + 1, n);
		write_number(number >> data[0] / 4);
		return 1 + n;
	}
	if (what < 3) {
		write_string(data + 1, n, what == 2);
		return 1 + n;
	}
	if (depth < DEPTH_MAX)
		begin(what == 4);
	else
		write_number(0);
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf out = { 0 };
	size_t used;

	memset(&b, 0, sizeof(b));
	memset(&count, 0, sizeof(count));
	b.out = &out;
	model.len = 0;
	depth = 0;
	for (; len > 0; data += used, len -= used)
		used = write_one(data, len);
	while (depth > 0)
		end();
	require(!b.failed && !count.failed);
	require(b.len == out.len && count.len == out.len);
	require(out.len == model.len);
	require(out.len == 0 || memcmp(out.data, model.data, out.len) == 0);
	buf_free(&out);
	buf_free(&model);
	return 0;
}
