/* SPDX-License-Identifier: ISC */
/*
 * A path: clients rewrite it as they rewrite its components, and nothing beyond
 * its end is read.
 */
#include "common/client_name.h"
#include "tests/lib/fuzz.h"

static unsigned
rewriters(const uint8_t *data, size_t len)
{
	char		*copy = copy_of(data, len);
	unsigned	 by = client_name_rewriters(copy, len);

	free(copy);
	require(client_name_list(by)[0] != '\0' || by == 0);
	return by;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t	*at = data, *end = data + size, *slash;
	unsigned	 by = 0;

	while (at < end) {
		slash = memchr(at, '/', (size_t)(end - at));
		if (slash == NULL)
			slash = end;
		by |= rewriters(at, (size_t)(slash - at));
		at = slash + 1;
	}
	require(by == rewriters(data, size));
	return 0;
}
