/*
 * Any bytes as a field value: host, range, entity tags, date.  The first
 * eight are the size of what a range is of, and a time to write as a date.
 */
#include <stdlib.h>
#include <string.h>

#include "pkgtorrentd/front/http/http.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_range(struct str s, uint64_t size)
{
	uint64_t	first, last;

	switch (http_range(s, size, &first, &last)) {
	case 206:
		if (first > last || last >= size)
			abort();
		break;
	case 200:
	case 416:
		break;
	default:
		abort();
	}
}

/* What was written is read as it was, and what was read was written so. */
static void
check_dates(struct str s, int64_t seconds)
{
	char		out[30];
	struct str	date = { out, sizeof(out) - 1 };
	int64_t		read;

	http_format_date(out, seconds);
	read = http_date(date);
	if (strlen(out) != date.len || read < 0)
		abort();
	if (seconds >= 0 && seconds <= 253402300799 && read != seconds)
		abort();
	read = http_date(s);
	if (read < -1)
		abort();
	/* One of three forms, and no leap second. */
	if (read >= 0 && s.len == date.len && memcmp(s.p + 23, "60", 2) != 0 &&
	    s.p[3] == ',') {
		http_format_date(out, read);
		if (memcmp(s.p, out, s.len) != 0)
			abort();
	}
}

static void
check_host(struct str s)
{
	struct str	name, port;
	size_t		i;

	if (!http_is_host(s, &name, &port))
		return;
	if (name.p != s.p || name.len == 0 || name.p[name.len - 1] == '.' ||
	    name.len > s.len || (port.p != NULL && (port.len == 0 ||
	    port.p[-1] != ':' || port.p + port.len != s.p + s.len)))
		abort();
	if (s.len == 0 || s.len > 255)
		abort();
	for (i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr("/\\@,%?#\"<>()", s.p[i]) != NULL)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	 s;
	uint64_t	 number;
	char		*copy;

	if (size < sizeof(number))
		return 0;
	memcpy(&number, data, sizeof(number));
	s.len = size - sizeof(number);
	s.p = copy = malloc(s.len > 0 ? s.len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, data + sizeof(number), s.len);
	check_range(s, number);
	check_range(s, number % 1048576);
	check_dates(s, (int64_t)number);
	check_dates(s, (int64_t)(number % 253402300800));
	check_host(s);
	if (http_etag_matches(s, "\"a,b\"") != http_etag_matches(s,
	    "W/\"a,b\""))
		abort();
	free(copy);
	return 0;
}
