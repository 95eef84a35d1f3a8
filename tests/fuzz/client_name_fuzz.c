/* SPDX-License-Identifier: ISC */
/*
 * A path: clients rewrite it as they rewrite its components, and nothing beyond
 * its end is read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/client_name.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned
rewriters(const uint8_t *data, size_t len)
{
	char		*copy = malloc(len > 0 ? len : 1);
	unsigned	 by;

	if (copy == NULL)
		abort();
	/* Of this very length, so that the sanitizer sees its end. */
	if (len > 0)
		memcpy(copy, data, len);
	by = client_name_rewriters(copy, len);
	free(copy);
	if (client_name_list(by)[0] == '\0' && by != 0)
		abort();
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
	if (by != rewriters(data, size))
		abort();
	return 0;
}
