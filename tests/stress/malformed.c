/*
 * Prints the requests of malformed.h for hostile_test.sh: the name, the
 * status that each must get, and its bytes in hex.
 */
#include <stdio.h>

#include "tests/lib/malformed.h"

int
main(void)
{
	const struct malformed *m = malformed_requests;
	size_t i, n = sizeof(malformed_requests) / sizeof(*m);

	for (; n > 0; n--, m++) {
		printf("%s %d ", m->name, m->status);
		for (i = 0; i < m->len; i++)
			printf("%02x", (unsigned char)m->bytes[i]);
		printf("\n");
	}
	return 0;
}
