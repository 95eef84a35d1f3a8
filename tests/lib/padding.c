/* SPDX-License-Identifier: ISC */
#include "common/torrent.h"
#include "tests/lib/padding.h"
#include "tests/lib/test.h"

#define SEED	20240229

void
sizes_read(const char *file, struct sizes *sizes)
{
	char line[64];
	FILE *f;

	f = fopen(file, "r");
	ATF_REQUIRE_MSG(f != NULL, "%s", file);
	*sizes = (struct sizes){ 0 };
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#')
			continue;
		sizes->v = reallocarray(sizes->v, sizes->n + 1,
		    sizeof(*sizes->v));
		ATF_REQUIRE(sizes->v != NULL);
		sizes->v[sizes->n++] = strtoull(line, NULL, 10);
	}
	fclose(f);
	ATF_REQUIRE_MSG(sizes->n > 0, "%s has no sizes", file);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A file is padded to whole pieces, but for the last one. */
static double
share_of(const struct torrent_file *files, size_t n, uint32_t piece_len)
{
	uint64_t content = 0, padded = 0;
	size_t i;

	if (piece_len == 0)
		piece_len = torrent_auto_piece_len(files, n);
	for (i = 0; i < n; i++) {
		content += files[i].size;
		padded += i == n - 1 ? files[i].size : piece_len *
		    torrent_pieces(files[i].size, piece_len);
	}
	return 100.0 * (double)(padded - content) / (double)content;
}

struct padding
padding_of(const struct sizes *sizes, size_t n, unsigned sets,
    uint32_t piece_len)
{
	struct torrent_file *files = calloc(n, sizeof(*files));
	double *shares = calloc(sets, sizeof(*shares));
	uint64_t random = SEED;
	struct padding padding;
	unsigned set;
	size_t i;

	ATF_REQUIRE(files != NULL && shares != NULL);
	for (set = 0; set < sets; set++) {
		for (i = 0; i < n; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			files[i].size = sizes->v[(random >> 20) % sizes->n];
		}
		shares[set] = share_of(files, n, piece_len);
	}
	qsort(shares, sets, sizeof(*shares), compare);
	padding = (struct padding){ shares[sets / 2], shares[sets - 1] };
	free(files);
	free(shares);
	return padding;
}
