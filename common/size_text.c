/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "common/size_text.h"

char *
size_text(char out[SIZE_TEXT_LEN], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB",
	    "EiB" };
	double n = (double)bytes / 1024;
	unsigned i = 0;

	if (bytes < 1024) {
		(void)snprintf(out, SIZE_TEXT_LEN, "%d B", (int)bytes);
		return out;
	}
	/* What would be rounded to 1024.0 has the next unit. */
	for (; n >= 1023.95 && i < 5; i++)
		n /= 1024;
	(void)snprintf(out, SIZE_TEXT_LEN, "%.1f %s", n, units[i]);
	return out;
}
