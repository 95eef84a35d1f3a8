/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size_text.h"
#include "ctl/summary.h"

#define US	1e6		/* microseconds in a second */

void
summary_title(const char *title)
{
	(void)printf("%-12s", title);
}

/* The rows of one name that are not 0, by the values of their label. */
static void
print_labels(const uint64_t counts[COUNT_ROWS], enum count first)
{
	const char	*name = counts_rows[first].name, *comma = "";
	size_t		 i;

	for (i = first; i < COUNT_ROWS &&
	    strcmp(counts_rows[i].name, name) == 0; i++) {
		if (counts[i] == 0)
			continue;
		(void)printf("%s%s %" PRIu64, comma, counts_rows[i].value,
		    counts[i]);
		comma = ", ";
	}
	(void)printf("%s\n", *comma == '\0' ? "none" : "");
}

/* The mean of a histogram, and the bounds that half and all but a hundredth
   of its values keep. */
static void
print_times(const uint64_t counts[COUNT_ROWS], enum count first)
{
	uint64_t	 n = counts_observed(counts, first), part = 0;
	size_t		 i, half = COUNTS_BUCKETS, most = COUNTS_BUCKETS;

	if (n == 0) {
		(void)printf("none\n");
		return;
	}
	for (i = 0; i < COUNTS_BUCKETS; i++) {
		part += counts[first + i];
		if (half == COUNTS_BUCKETS && part >= n - n / 2)
			half = i;
		if (most == COUNTS_BUCKETS && part >= n - n / 100)
			most = i;
	}
	(void)printf("%.3f s on average, half within %s s, 99 %% within %s "
	    "s\n", (double)counts[first + COUNTS_BUCKETS] / (double)n / US,
	    counts_rows[first + half].value, counts_rows[first + most].value);
}

static void
print_rate(const char *what, uint64_t hits, uint64_t misses)
{
	if (hits + misses > 0)
		(void)printf(", %s found %.1f %%", what, (double)hits * 100 /
		    (double)(hits + misses));
}

static void
print_clients(const uint64_t n[COUNT_ROWS])
{
	char	 size[SIZE_TEXT_LEN];

	summary_title("connections");
	(void)printf("%" PRIu64 " of %" PRIu64 " open, %" PRIu64 " accepted, %"
	    PRIu64 " refused\n", n[COUNT_CONNECTIONS],
	    n[COUNT_CONNECTIONS_LIMIT], n[COUNT_ACCEPTED], n[COUNT_REFUSED]);
	summary_title("requests");
	print_labels(n, COUNT_KIND_SINGLE);
	summary_title("answers");
	print_labels(n, COUNT_CODE_200);
	summary_title("");
	print_times(n, COUNT_ANSWER);
	summary_title("sent");
	(void)printf("%s\n", size_text(size, n[COUNT_SENT]));
}

static void
print_stores(const uint64_t n[COUNT_ROWS])
{
	char	 a[SIZE_TEXT_LEN], b[SIZE_TEXT_LEN];

	summary_title("hot memory");
	(void)printf("%" PRIu64 " torrents, %s of %s", n[COUNT_HOT_TORRENTS],
	    size_text(a, n[COUNT_HOT_BYTES]),
	    size_text(b, n[COUNT_HOT_LIMIT]));
	print_rate("requests", n[COUNT_HOT_HITS], n[COUNT_HOT_MISSES]);
	(void)printf("\n");
	summary_title("cache");
	(void)printf("%" PRIu64 " entries, info %s of %s",
	    n[COUNT_CACHE_ENTRIES],
	    size_text(a, n[COUNT_CACHE_INFO]),
	    size_text(b, n[COUNT_CACHE_LIMIT_INFO]));
	print_rate("torrents", n[COUNT_INFO_HITS], n[COUNT_INFO_MISSES]);
	(void)printf("\n");
	summary_title("");
	(void)printf("pieces %s of %s", size_text(a, n[COUNT_CACHE_PIECES]),
	    size_text(b, n[COUNT_CACHE_LIMIT_PIECES]));
	print_rate("lists", n[COUNT_PIECES_HITS], n[COUNT_PIECES_MISSES]);
	(void)printf("%s\n", n[COUNT_CACHE_COUNTING] != 0 ?
	    ", still being counted" : "");
}

static void
print_work(const uint64_t n[COUNT_ROWS])
{
	char	 a[SIZE_TEXT_LEN], b[SIZE_TEXT_LEN];

	summary_title("queue");
	(void)printf("%" PRIu64 " torrents in the making, %" PRIu64 " of %"
	    PRIu64 " that count, %" PRIu64 " refused\n", n[COUNT_JOBS],
	    n[COUNT_JOBS_QUEUED], n[COUNT_JOBS_LIMIT],
	    n[COUNT_JOBS_429] + n[COUNT_JOBS_503]);
	summary_title("hashed");
	(void)printf("%" PRIu64 " files, %s; %s/s",
	    n[COUNT_HASHED_FILES], size_text(a, n[COUNT_HASHED]),
	    size_text(b, n[COUNT_HASH_RATE]));
	(void)printf(", %s to go\n", size_text(a, n[COUNT_HASH_LEFT]));
	summary_title("");
	(void)printf("batches: ");
	print_times(n, COUNT_HASH);
}

void
summary_print(const uint64_t n[COUNT_ROWS])
{
	print_clients(n);
	print_stores(n);
	print_work(n);
	summary_title("tracker");
	(void)printf("%" PRIu64 " swarms, %" PRIu64 " of %" PRIu64
	    " peers, of these %" PRIu64 " seeds; %" PRIu64 " announces\n",
	    n[COUNT_SWARMS], n[COUNT_PEERS], n[COUNT_PEERS_LIMIT],
	    n[COUNT_SEEDS], n[COUNT_ANNOUNCED]);
	summary_title("trouble");
	(void)printf("%" PRIu64 " errors and %" PRIu64 " warnings logged, %"
	    PRIu64 " wrong messages, %" PRIu64 " system calls stopped%s\n",
	    n[COUNT_LINES_ERROR], n[COUNT_LINES_WARNING], n[COUNT_WRONG],
	    n[COUNT_SYSCALLS], n[COUNT_RELOADED] != 0 ? "" :
	    "; the last reload was refused");
}
