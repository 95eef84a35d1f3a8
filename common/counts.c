/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <string.h>

#include "common/counts.h"
#include "common/size_text.h"

#define ONE(id, kind, name, label, value, help) +1

#define N_PARENT (0 COUNTS_PARENT(ONE))
#define N_FRONT (0 COUNTS_FRONT(ONE))
#define N_WALKER (0 COUNTS_WALKER(ONE))
#define N_HASHER (0 COUNTS_HASHER(ONE))
#define N_CACHE (0 COUNTS_CACHE(ONE))
#define N_TRACKER (0 COUNTS_TRACKER(ONE))

_Static_assert(N_PARENT <= COUNTS_ROLE_MAX && N_WALKER <= COUNTS_ROLE_MAX &&
	N_HASHER <= COUNTS_ROLE_MAX && N_CACHE <= COUNTS_ROLE_MAX &&
	N_TRACKER <= COUNTS_ROLE_MAX,
    "struct counts_gauges has room");

const struct count_row counts_rows[COUNT_ROWS] = {
#define X(id, kind, name, label, value, help)                                  \
	{ name, label, value, help, COUNT_##kind },
	COUNTS_TABLE(X)
#undef X
};

/* Of all buckets but the last. */
static const uint64_t bounds_us[COUNTS_BUCKETS - 1] = { 1000, 5000, 25000,
	100000, 500000, 2500000, 10000000, 50000000 };

enum count
counts_of(enum role role, size_t *n)
{
	static const uint8_t lengths[ROLE_COUNT] = {
		[ROLE_PARENT] = N_PARENT,
		[ROLE_FRONT] = N_FRONT,
		[ROLE_WALKER] = N_WALKER,
		[ROLE_HASHER] = N_HASHER,
		[ROLE_CACHE] = N_CACHE,
		[ROLE_TRACKER] = N_TRACKER,
	};
	unsigned r, first = 0;

	for (r = 0; r < (unsigned)role; r++)
		first += lengths[r];
	*n = lengths[role];
	return (enum count)first;
}

enum count
counts_code(int status)
{
#define CODE(n)                                                                \
	case n:                                                                \
		return COUNT_CODE_##n
	switch (status) {
		CODE(200);
		CODE(204);
		CODE(206);
		CODE(304);
		CODE(400);
		CODE(403);
		CODE(404);
		CODE(405);
		CODE(408);
		CODE(412);
		CODE(413);
		CODE(414);
		CODE(415);
		CODE(416);
		CODE(417);
		CODE(421);
		CODE(429);
		CODE(431);
		CODE(500);
		CODE(501);
		CODE(503);
		CODE(505);
	default:
		return COUNT_CODE_OTHER;
	}
#undef CODE
}

void
counts_observe(uint64_t counts[COUNT_ROWS], enum count first, uint64_t us)
{
	unsigned i = 0;

	while (i < COUNTS_BUCKETS - 1 && us > bounds_us[i])
		i++;
	counts[first + i]++;
	counts[first + COUNTS_BUCKETS] += us;
}

uint64_t
counts_observed(const uint64_t counts[COUNT_ROWS], enum count first)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < COUNTS_BUCKETS; i++)
		n += counts[first + i];
	return n;
}

size_t
counts_pack(enum role role, const uint64_t counts[COUNT_ROWS],
    const uint64_t sent[COUNT_ROWS], uint8_t *out)
{
	size_t n, i, first = counts_of(role, &n);
	uint64_t number;

	if (memcmp(counts + first, sent + first, n * sizeof(*counts)) == 0)
		return 0;
	for (i = first; i < first + n; i++) {
		number = counts[i];
		if (counts_rows[i].kind != COUNT_GAUGE)
			number -= sent[i];
		memcpy(out, &number, sizeof(number));
		out += sizeof(number);
	}
	return n * sizeof(number);
}

void
counts_sent(enum role role, const uint64_t counts[COUNT_ROWS],
    uint64_t sent[COUNT_ROWS])
{
	size_t n, first = counts_of(role, &n);

	memcpy(sent + first, counts + first, n * sizeof(*counts));
}

void
counts_forget_gauges(enum role role, uint64_t sent[COUNT_ROWS])
{
	size_t n, i, first = counts_of(role, &n);

	for (i = first; i < first + n; i++)
		if (counts_rows[i].kind == COUNT_GAUGE)
			sent[i] = 0;
}

int
counts_take(enum role role, uint64_t sums[COUNT_ROWS],
    struct counts_gauges *gauges, const uint8_t *tail, size_t len)
{
	size_t n, i, first = counts_of(role, &n);
	uint64_t number;

	if (n > COUNTS_ROLE_MAX || len != n * sizeof(number))
		return -1;
	for (i = 0; i < n; i++) {
		memcpy(&number, tail + i * sizeof(number), sizeof(number));
		sums[first + i] += number;
		if (counts_rows[first + i].kind != COUNT_GAUGE)
			continue;
		sums[first + i] -= gauges->v[i];
		gauges->v[i] = number;
	}
	return 0;
}

void
counts_lose(
    enum role role, uint64_t sums[COUNT_ROWS], struct counts_gauges *gauges)
{
	size_t n, i, first = counts_of(role, &n);

	for (i = 0; i < n && i < COUNTS_ROLE_MAX; i++) {
		sums[first + i] -= gauges->v[i];
		gauges->v[i] = 0;
	}
}

/* Does another name begin with this row? */
static bool
row_is_first(size_t i)
{
	return i == 0 ||
	    strcmp(counts_rows[i].name, counts_rows[i - 1].name) != 0;
}

static bool
row_is_last(size_t i)
{
	return i + 1 == COUNT_ROWS || row_is_first(i + 1);
}

static const char *
row_type(const struct count_row *row)
{
	switch (row->kind) {
	case COUNT_COUNTER:
		return "counter";
	case COUNT_GAUGE:
		return "gauge";
	default:
		return "histogram";
	}
}

/* Microseconds in seconds. */
static int
print_seconds(struct buf *out, uint64_t us)
{
	return buf_addf(
	    out, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

static int
metrics_row(struct buf *out, const struct count_row *row, uint64_t number,
    uint64_t total)
{
	if (row->kind == COUNT_SUM) {
		if (buf_addf(out, COUNTS_PREFIX "%s_sum ", row->name) == -1 ||
		    print_seconds(out, number) == -1)
			return -1;
		return buf_addf(out,
		    "\n" COUNTS_PREFIX "%s_count %" PRIu64 "\n", row->name,
		    total);
	}
	if (buf_addf(out, COUNTS_PREFIX "%s%s", row->name,
		row->kind == COUNT_BUCKET ? "_bucket" : "") == -1 ||
	    (row->label[0] != '\0' &&
		buf_addf(out, "{%s=\"%s\"}", row->label, row->value) == -1))
		return -1;
	return buf_addf(
	    out, " %" PRIu64 "\n", row->kind == COUNT_BUCKET ? total : number);
}

int
counts_print_metrics(struct buf *out, const uint64_t counts[COUNT_ROWS])
{
	const struct count_row *row;
	uint64_t total = 0; /* of a histogram, up to this row */
	size_t i;

	for (i = 0; i < COUNT_ROWS; i++) {
		row = &counts_rows[i];
		if (row_is_first(i)) {
			total = 0;
			if (buf_addf(out,
				"# HELP " COUNTS_PREFIX "%s %s\n"
				"# TYPE " COUNTS_PREFIX "%s %s\n",
				row->name, row->help, row->name,
				row_type(row)) == -1)
				return -1;
		}
		if (row->kind == COUNT_BUCKET)
			total += counts[i];
		if (metrics_row(out, row, counts[i], total) == -1)
			return -1;
	}
	return 0;
}

static int
json_row(struct buf *out, size_t i, uint64_t number, uint64_t total)
{
	const struct count_row *row = &counts_rows[i];
	const char *comma = row_is_first(i) ? "" : ", ";

	switch (row->kind) {
	case COUNT_SUM:
		if (buf_addf(out,
			"}, \"count\": %" PRIu64 ", \"sum\": ", total) == -1 ||
		    print_seconds(out, number) == -1)
			return -1;
		return buf_add(out, "}", 1);
	case COUNT_BUCKET:
		return buf_addf(out, "%s\"%s\": %" PRIu64,
		    row_is_first(i) ? "{\"buckets\": {" : comma, row->value,
		    total);
	default:
		if (row->label[0] == '\0')
			return buf_addf(out, "%" PRIu64, number);
		/* The label of the version is a text, and its number is 1. */
		return buf_addf(out, "%s\"%s\": %" PRIu64 "%s",
		    row_is_first(i) ? "{" : comma, row->value, number,
		    row_is_last(i) ? "}" : "");
	}
}

int
counts_print_json(struct buf *out, const uint64_t counts[COUNT_ROWS])
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < COUNT_ROWS; i++) {
		if (row_is_first(i)) {
			total = 0;
			if (buf_addf(out, "%s\"%s\": ", i == 0 ? "" : ",\n",
				counts_rows[i].name) == -1)
				return -1;
		}
		if (counts_rows[i].kind == COUNT_BUCKET)
			total += counts[i];
		if (json_row(out, i, counts[i], total) == -1)
			return -1;
	}
	return 0;
}

/* A number with its unit, as people read it. */
static int
text_number(struct buf *out, const struct count_row *row, uint64_t number)
{
	char size[SIZE_TEXT_LEN];

	if (strstr(row->name, "_bytes") == NULL)
		return buf_addf(out, "%" PRIu64, number);
	return buf_addf(out, "%s", size_text(size, number));
}

/* The number of values of a histogram, their mean, and the bound that nine of
   ten keep. */
static int
text_histogram(struct buf *out, const uint64_t counts[COUNT_ROWS], size_t sum)
{
	enum count first = (enum count)(sum - COUNTS_BUCKETS);
	uint64_t n = counts_observed(counts, first), part = 0;
	size_t i;

	if (n == 0)
		return buf_addf(out, "none");
	for (i = first; i + 1 < sum; i++) {
		part += counts[i];
		if (part >= n - n / 10)
			break;
	}
	if (buf_addf(out, "%" PRIu64 ", mean ", n) == -1 ||
	    print_seconds(out, counts[sum] / n) == -1)
		return -1;
	return i + 1 < sum ?
	    buf_addf(out, " s, nine of ten within %s s", counts_rows[i].value) :
	    buf_addf(out, " s");
}

/* The rows of a name that are not 0, on one line. */
static int
text_labels(struct buf *out, const uint64_t counts[COUNT_ROWS], size_t i)
{
	const char *comma = "";

	for (;; i++) {
		if (counts[i] != 0) {
			if (buf_addf(out, "%s%s ", comma,
				counts_rows[i].value) == -1 ||
			    text_number(out, &counts_rows[i], counts[i]) == -1)
				return -1;
			comma = ", ";
		}
		if (row_is_last(i))
			break;
	}
	return *comma == '\0' ? buf_addf(out, "none") : 0;
}

int
counts_print_text(struct buf *out, const uint64_t counts[COUNT_ROWS])
{
	const struct count_row *row;
	size_t i, len;
	int rv;

	/* The version and the start are in the lines above these. */
	for (i = COUNT_START + 1; i < COUNT_ROWS; i++) {
		row = &counts_rows[i];
		if (!row_is_first(i))
			continue;
		len = strlen(row->help);
		if (buf_addf(out,
			"%.*s: ", (int)len - (row->help[len - 1] == '.'),
			row->help) == -1)
			return -1;
		if (row->kind == COUNT_BUCKET)
			rv = text_histogram(out, counts, i + COUNTS_BUCKETS);
		else if (row->label[0] != '\0')
			rv = text_labels(out, counts, i);
		else
			rv = text_number(out, row, counts[i]);
		if (rv == -1 || buf_add(out, "\n", 1) == -1)
			return -1;
	}
	return 0;
}

/* What a line says in place of a label's value. */
static const char *
row_value(const struct count_row *row)
{
	if (row->kind == COUNT_SUM)
		return "sum";
	return row->label[0] != '\0' ? row->value : "-";
}

int
counts_write(struct buf *out, const uint64_t counts[COUNT_ROWS])
{
	size_t i;

	for (i = 0; i < COUNT_ROWS; i++)
		if (buf_addf(out, "count %s %s %" PRIu64 "\n",
			counts_rows[i].name, row_value(&counts_rows[i]),
			counts[i]) == -1)
			return -1;
	return 0;
}

void
counts_set(uint64_t counts[COUNT_ROWS], const char *name, const char *value,
    uint64_t number)
{
	size_t i;

	for (i = 0; i < COUNT_ROWS; i++)
		if (strcmp(counts_rows[i].name, name) == 0 &&
		    strcmp(row_value(&counts_rows[i]), value) == 0)
			counts[i] = number;
}
