/* SPDX-License-Identifier: ISC */
/* Any text: the URLs that are left are read again without complaint. */
#include "common/conf/conf.h"
#include "tests/lib/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf errors = { 0 }, one = { 0 }, two = { 0 }, none = { 0 };

	require(trackers_parse("fuzz", (const char *)data, len, &one,
	    &errors) != -1);
	require(trackers_parse("again", (const char *)one.data, one.len, &two,
	    &none) != -1);
	require(none.len == 0 && one.len == two.len &&
	    (one.len == 0 || memcmp(one.data, two.data, one.len) == 0));
	buf_free(&errors);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
