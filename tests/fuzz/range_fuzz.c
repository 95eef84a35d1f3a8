/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a field value: host, range, entity tags, date.  The first
 * eight are the size of a range's file, and a time to write as a date.
 */
#include "pkgtorrentd/front/http/head.h"
#include "tests/lib/fuzz.h"

static void
check_range(struct str s, uint64_t size)
{
	uint64_t	first, last;

	switch (http_range(s, size, &first, &last)) {
	case 206:
		require(first <= last && last < size);
		break;
	case 200:
	case 416:
		break;
	default:
		abort();
	}
}

/* A date that was written is known again, and nothing else is taken for it. */
static void
check_dates(struct str s, int64_t seconds)
{
	char		out[HEAD_DATE_LEN];
	struct str	date = { out, sizeof(out) - 1 };

	head_format_date(out, seconds);
	require(strlen(out) == date.len);
	require(head_is_date(date, seconds) == (seconds >= 0));
	require(!head_is_date(s, seconds) || (s.len == date.len &&
	    memcmp(s.p, out, s.len) == 0));
}

static void
check_host(struct str s)
{
	struct str	name, port;
	size_t		i;

	if (!http_is_host(s, &name, &port))
		return;
	require(name.p == s.p && name.len > 0 &&
	    name.p[name.len - 1] != '.' && name.len <= s.len);
	require(port.p == NULL || (port.len > 0 && port.p[-1] == ':' &&
	    port.p + port.len == s.p + s.len));
	require(s.len > 0 && s.len <= 255);
	for (i = 0; i < s.len; i++)
		require(s.p[i] > ' ' && s.p[i] <= '~' &&
		    strchr("/\\@,%?#\"<>()", s.p[i]) == NULL);
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
	s.p = copy = copy_of(data + sizeof(number), s.len);
	check_range(s, number);
	check_range(s, number % 1048576);
	check_dates(s, (int64_t)number);
	check_dates(s, (int64_t)(number % 253402300800));
	check_host(s);
	require(http_etag_matches(s, "\"a,b\"") == http_etag_matches(s,
	    "W/\"a,b\""));
	free(copy);
	return 0;
}
