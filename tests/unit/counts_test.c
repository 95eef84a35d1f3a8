/* SPDX-License-Identifier: ISC */
#include "common/counts.h"
#include "common/size_text.h"
#include "tests/lib/test.h"

static uint64_t	counts[COUNT_ROWS];
static uint64_t	sent[COUNT_ROWS];
static uint64_t	sums[COUNT_ROWS];
static uint8_t	tail[COUNTS_LEN_MAX];

static const char *
print(int (*function)(struct buf *, const uint64_t *), const uint64_t *n)
{
	static struct buf out;

	out.len = 0;
	ATF_REQUIRE_EQ(0, function(&out, n));
	ATF_REQUIRE(out.len <= COUNTS_TEXT_MAX);
	ATF_REQUIRE_EQ(0, buf_add(&out, "", 1));
	return (const char *)out.data;
}

static void
has(const char *text, const char *line)
{
	ATF_CHECK_MSG(strstr(text, line) != NULL, "no \"%s\" in %s", line,
	    text);
}

/* Each row belongs to one role, and the roles follow each other. */
TEST(size__text)
{
	char out[SIZE_TEXT_LEN];

	ATF_CHECK_STREQ("0 B", size_text(out, 0));
	ATF_CHECK_STREQ("1023 B", size_text(out, 1023));
	ATF_CHECK_STREQ("1.0 KiB", size_text(out, 1024));
	ATF_CHECK_STREQ("1.5 MiB", size_text(out, 3 << 19));
	ATF_CHECK_STREQ("1023.9 KiB", size_text(out, (1 << 20) - 60));
	ATF_CHECK_STREQ("1.0 MiB", size_text(out, (1 << 20) - 1));
	ATF_CHECK_STREQ("16.0 EiB", size_text(out, UINT64_MAX));
}

TEST(counts__roles)
{
	size_t n, all = 0;
	int role;

	for (role = 0; role < ROLE_COUNT; role++) {
		ATF_CHECK_EQ(all, (size_t)counts_of((enum role)role, &n));
		all += n;
	}
	ATF_CHECK_EQ((size_t)COUNT_ROWS, all);
	ATF_CHECK_EQ(COUNT_CONNECTIONS, counts_of(ROLE_FRONT, &n));
	ATF_CHECK_EQ(COUNT_SWARMS, counts_of(ROLE_TRACKER, &n));
}

/* The rows of a name follow each other, all of one kind and with one label; the
   first alone has a help.  Histograms are whole. */
TEST(counts__table)
{
	const struct count_row *row, *before;
	size_t i, j;

	for (i = 0; i < COUNT_ROWS; i++) {
		row = &counts_rows[i];
		before = i > 0 ? row - 1 : NULL;
		if (before != NULL && strcmp(row->name, before->name) == 0) {
			ATF_CHECK_STREQ("", row->help);
			ATF_CHECK(row->kind == before->kind ||
			    row->kind == COUNT_SUM);
			continue;
		}
		ATF_CHECK_MSG(row->help[0] != '\0' && row->kind != COUNT_SUM &&
		    strpbrk(row->help, "\\\n\"") == NULL, "%s", row->name);
		for (j = 0; j < i; j++)
			ATF_CHECK_MSG(strcmp(counts_rows[j].name,
			    row->name) != 0, "%s is apart", row->name);
		if (row->kind != COUNT_BUCKET)
			continue;
		for (j = 0; j < COUNTS_BUCKETS; j++)
			ATF_CHECK_EQ(COUNT_BUCKET, counts_rows[i + j].kind);
		ATF_CHECK_EQ(COUNT_SUM, counts_rows[i + j].kind);
		ATF_CHECK_STREQ("+Inf", counts_rows[i + j - 1].value);
	}
}

TEST(counts__codes)
{
	ATF_CHECK_EQ(COUNT_CODE_200, counts_code(200));
	ATF_CHECK_EQ(COUNT_CODE_505, counts_code(505));
	ATF_CHECK_EQ(COUNT_CODE_OTHER, counts_code(299));
	ATF_CHECK_EQ(COUNT_CODE_OTHER, counts_code(-1));
}

/* A value lies in the bucket whose label is the least that is not smaller. */
TEST(counts__histogram)
{
	double bound;
	unsigned i;

	for (i = 0; i + 1 < COUNTS_BUCKETS; i++) {
		bound = strtod(counts_rows[COUNT_HASH + i].value, NULL);
		memset(counts, 0, sizeof(counts));
		counts_observe(counts, COUNT_HASH, (uint64_t)(bound * 1e6));
		ATF_CHECK_EQ(1, counts[COUNT_HASH + i]);
		counts_observe(counts, COUNT_HASH,
		    (uint64_t)(bound * 1e6) + 1);
		ATF_CHECK_EQ(1, counts[COUNT_HASH + i + 1]);
		ATF_CHECK_EQ((uint64_t)(bound * 1e6) * 2 + 1,
		    counts[COUNT_HASH_SUM]);
		ATF_CHECK_EQ(2, counts_observed(counts, COUNT_HASH));
	}
	counts_observe(counts, COUNT_HASH, UINT64_MAX);
	ATF_CHECK_EQ(3, counts_observed(counts, COUNT_HASH));
}

static void
pass(enum role role, struct counts_gauges *gauges)
{
	size_t len = counts_pack(role, counts, sent, tail);

	ATF_REQUIRE(len > 0);
	counts_sent(role, counts, sent);
	ATF_REQUIRE_EQ(0, counts_take(role, sums, gauges, tail, len));
}

/* Counters are added up over processes and channels, gauges over processes. */
TEST(counts__sums)
{
	static struct counts_gauges one, two;

	ATF_CHECK_EQ(0, counts_pack(ROLE_WALKER, counts, sent, tail));
	counts[COUNT_OPENED] = 5;
	counts[COUNT_RESOLVING] = 2;
	pass(ROLE_WALKER, &one);
	ATF_CHECK_EQ(0, counts_pack(ROLE_WALKER, counts, sent, tail));
	counts[COUNT_OPENED] = 7;
	counts[COUNT_RESOLVING] = 1;
	pass(ROLE_WALKER, &one);
	ATF_CHECK_EQ(7, sums[COUNT_OPENED]);
	ATF_CHECK_EQ(1, sums[COUNT_RESOLVING]);

	/* Another channel to the same process. */
	counts_lose(ROLE_WALKER, sums, &one);
	ATF_CHECK_EQ(7, sums[COUNT_OPENED]);
	ATF_CHECK_EQ(0, sums[COUNT_RESOLVING]);
	counts_forget_gauges(ROLE_WALKER, sent);
	pass(ROLE_WALKER, &one);
	ATF_CHECK_EQ(7, sums[COUNT_OPENED]);
	ATF_CHECK_EQ(1, sums[COUNT_RESOLVING]);

	/* Another process. */
	memset(sent, 0, sizeof(sent));
	pass(ROLE_WALKER, &two);
	ATF_CHECK_EQ(14, sums[COUNT_OPENED]);
	ATF_CHECK_EQ(2, sums[COUNT_RESOLVING]);
	counts_lose(ROLE_WALKER, sums, &two);
	ATF_CHECK_EQ(14, sums[COUNT_OPENED]);
	ATF_CHECK_EQ(1, sums[COUNT_RESOLVING]);
}

/* Another length is refused; any number is taken. */
TEST(counts__false_ones)
{
	static struct counts_gauges gauges;
	size_t n, len;
	int role;

	memset(tail, 0xff, sizeof(tail));
	for (role = 0; role < ROLE_COUNT; role++) {
		(void)counts_of((enum role)role, &n);
		len = n * sizeof(uint64_t);
		ATF_CHECK_EQ(-1, counts_take((enum role)role, sums, &gauges,
		    tail, len - 1));
		ATF_CHECK_EQ(-1, counts_take((enum role)role, sums, &gauges,
		    tail, len + 8));
		ATF_CHECK_EQ(-1, counts_take((enum role)role, sums, &gauges,
		    tail, 0));
		if (role == ROLE_FRONT) {
			ATF_CHECK_EQ(-1, counts_take(ROLE_FRONT, sums,
			    &gauges, tail, len));
			continue;
		}
		ATF_CHECK_EQ(0, counts_take((enum role)role, sums, &gauges,
		    tail, len));
		ATF_CHECK_EQ(0, counts_take((enum role)role, sums, &gauges,
		    tail, len));
		counts_lose((enum role)role, sums, &gauges);
	}
	memset(sums, 0xff, sizeof(sums));
	(void)print(counts_print_metrics, sums);
	(void)print(counts_print_json, sums);
	(void)print(counts_print_text, sums);
}

TEST(counts__metrics)
{
	const char *text;

	counts[COUNT_BUILD] = 1;
	counts[COUNT_KIND_SIMPLE] = 3;
	counts[COUNT_HOT_BYTES] = UINT64_MAX;
	counts_observe(counts, COUNT_HASH, 3000);
	counts_observe(counts, COUNT_HASH, 400000);
	text = print(counts_print_metrics, counts);
	has(text, "# HELP pkgtorrentd_build_info Always 1; ");
	has(text, "# TYPE pkgtorrentd_build_info gauge\n"
	    "pkgtorrentd_build_info{version=\"" VERSION "\"} 1\n");
	has(text, "# TYPE pkgtorrentd_http_requests_total counter\n"
	    "pkgtorrentd_http_requests_total{kind=\"single\"} 0\n"
	    "pkgtorrentd_http_requests_total{kind=\"simple\"} 3\n");
	has(text, "\npkgtorrentd_hot_bytes 18446744073709551615\n");
	has(text, "# TYPE pkgtorrentd_hash_batch_duration_seconds histogram\n"
	    "pkgtorrentd_hash_batch_duration_seconds_bucket{le=\"0.001\"} 0\n"
	    "pkgtorrentd_hash_batch_duration_seconds_bucket{le=\"0.005\"} 1\n"
	    "pkgtorrentd_hash_batch_duration_seconds_bucket{le=\"0.025\"} 1\n"
	    "pkgtorrentd_hash_batch_duration_seconds_bucket{le=\"0.1\"} 1\n"
	    "pkgtorrentd_hash_batch_duration_seconds_bucket{le=\"0.5\"} 2\n");
	has(text, "_bucket{le=\"+Inf\"} 2\n"
	    "pkgtorrentd_hash_batch_duration_seconds_sum 0.403000\n"
	    "pkgtorrentd_hash_batch_duration_seconds_count 2\n");
}

TEST(counts__json)
{
	const char *text;

	counts[COUNT_BUILD] = 1;
	counts[COUNT_CODE_404] = 9;
	counts[COUNT_CONNECTIONS] = 4;
	counts_observe(counts, COUNT_ANSWER, 1500000);
	text = print(counts_print_json, counts);
	has(text, "\"build_info\": {\"" VERSION "\": 1},\n");
	has(text, "\"connections\": 4,\n");
	has(text, "\"404\": 9, ");
	has(text, "\"http_answer_duration_seconds\": {\"buckets\": {"
	    "\"0.001\": 0, \"0.005\": 0, \"0.025\": 0, \"0.1\": 0, "
	    "\"0.5\": 0, \"2.5\": 1, \"10\": 1, \"50\": 1, \"+Inf\": 1}, "
	    "\"count\": 1, \"sum\": 1.500000},\n");
}

TEST(counts__text)
{
	const char *text;
	unsigned i;

	counts[COUNT_KIND_SIMPLE] = 3;
	counts[COUNT_KIND_FILE] = 1;
	counts[COUNT_HOT_BYTES] = 3 << 20;
	for (i = 0; i < 10; i++)
		counts_observe(counts, COUNT_ANSWER, i == 0 ? 60000000 : 0);
	text = print(counts_print_text, counts);
	has(text, "Requests by the kind of URL: simple 3, file 1\n");
	has(text, "Answers by HTTP status: none\n");
	has(text, "Bytes of torrents in hot memory: 3.0 MiB\n");
	has(text, "hot-size: 0 B\n");
	has(text, "0 if it did not wait: 10, mean 6.000000 s, nine of ten "
	    "within 0.001 s\n");
	has(text, "Time to hash a batch of at most 64 MiB: none\n");
}

/* Another program reads the lines. */
TEST(counts__lines)
{
	char name[128], value[64], *line, *next;
	unsigned long long number;
	unsigned i;

	for (i = 0; i < COUNT_ROWS; i++)
		counts[i] = 1000 + i;
	next = (char *)(uintptr_t)print(counts_write, counts);
	while ((line = strsep(&next, "\n")) != NULL && *line != '\0') {
		ATF_REQUIRE_EQ_MSG(3, sscanf(line, "count %127s %63s %llu",
		    name, value, &number), "%s", line);
		counts_set(sums, name, value, number);
	}
	ATF_CHECK_EQ(0, memcmp(counts, sums, sizeof(sums)));
	counts_set(sums, "of_another_version", "-", 1);
	ATF_CHECK_EQ(0, memcmp(counts, sums, sizeof(sums)));
}
