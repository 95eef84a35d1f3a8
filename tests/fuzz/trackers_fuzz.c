/* SPDX-License-Identifier: ISC */
/* Any text: the URLs that are left are read again without complaint. */
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf errors = { 0 }, one = { 0 }, two = { 0 }, none = { 0 };

	if (trackers_parse("fuzz", (const char *)data, len, &one,
	    &errors) == -1)
		abort();
	if (trackers_parse("again", (const char *)one.data, one.len, &two,
	    &none) == -1)
		abort();
	if (none.len > 0 || one.len != two.len ||
	    (one.len > 0 && memcmp(one.data, two.data, one.len) != 0))
		abort();
	buf_free(&errors);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
