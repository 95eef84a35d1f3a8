/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the query of an announce and of a scrape; then the same bytes as
 * a tracker's answer, which must come out as bencode of its length.
 */
#include "pkgtorrentd/front/http/announce.h"
#include "tests/lib/fuzz.h"

static void
read_query(struct str query)
{
	struct announce_query	 q;
	uint8_t			 hash[SHA1_LEN];
	const char		*why, *scrape_why;

	memset(&q, 0xaa, sizeof(q));
	why = announce_read(query, &q);
	scrape_why = announce_read_scrape(query, hash);
	/* A good announce is a good scrape. */
	require(why != NULL || scrape_why == NULL);
	if (why != NULL)
		return;
	require(memcmp(hash, q.info_hash, SHA1_LEN) == 0);
	require(q.port > 0 && q.numwant <= NUMWANT_MAX);
	require(q.event >= ANNOUNCE_NONE && q.event <= ANNOUNCE_COMPLETED);
	require(query.len >= strlen("info_hash=&port=1&left=0") + SHA1_LEN);
}

static uint64_t
skip_number(const char **p, const char *end, char last)
{
	uint64_t	 n = 0;

	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (uint64_t)(**p - '0');
	require(*p < end && **p == last);
	(*p)++;
	return n;
}

/* Skip one value. */
static void
skip(const char **p, const char *end)
{
	uint64_t	 n;

	require(*p < end);
	if (**p == 'i') {
		(*p)++;
		skip_number(p, end, 'e');
	} else if (**p == 'd' || **p == 'l') {
		(*p)++;
		while (*p < end && **p != 'e')
			skip(p, end);
		require(*p < end);
		(*p)++;
	} else {
		n = skip_number(p, end, ':');
		require(n <= (uint64_t)(end - *p));
		*p += n;
	}
}

static void
check(const char *out, size_t len)
{
	const char	*p = out;

	require(len <= ANNOUNCE_ANSWER_MAX && *out == 'd');
	skip(&p, out + len);
	require(p == out + len);
}

static void
build(const uint8_t *data, size_t size)
{
	static const uint8_t	 hash[SHA1_LEN];
	struct announce_answer	 a = { .complete = (uint32_t)size };
	char			*out = malloc(ANNOUNCE_ANSWER_MAX);
	size_t			 n4, n6;

	require(out != NULL);
	n4 = size / PEER4_LEN / 2;
	if (n4 > NUMWANT_MAX)
		n4 = NUMWANT_MAX;
	n6 = (size - n4 * PEER4_LEN) / PEER6_LEN;
	if (n6 > NUMWANT_MAX - n4)
		n6 = NUMWANT_MAX - n4;
	a.peers4 = data;
	a.n4 = (unsigned)n4;
	a.peers6 = data + n4 * PEER4_LEN;
	a.n6 = (unsigned)n6;
	check(out, announce_build(out, &a, false));
	check(out, announce_build(out, &a, true));
	check(out, announce_build_scrape(out, hash, &a));
	check(out, announce_build_failure(out, "reason", size % 3));
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void	*copy = copy_of(data, size);

	read_query((struct str){ copy, size });
	build(copy, size);
	free(copy);
	return 0;
}
