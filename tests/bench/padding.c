/* SPDX-License-Identifier: ISC */
/*
 * The padding of torrents of random sets of files, with the sizes in the file
 * "sizes" of the current directory.
 *
 *	padding -s tests/bench -r result padding__table
 */
#include "tests/lib/padding.h"
#include "tests/lib/test.h"

TEST(padding__table)
{
	static const struct {
		size_t		n;
		unsigned	sets;
	} rows[] = {
		{ 20, 5000 }, { 100, 2000 }, { 1000, 500 }, { 4000, 200 },
		{ 10000, 100 }, { 16000, 50 },
	};
	struct sizes sizes;
	struct padding fit, whole;

	sizes_read("sizes", &sizes);
	printf("%zu sizes\n", sizes.n);
	printf("files   fits   worst  1M     64K\n");
	EACH(row, rows) {
		fit = padding_of(&sizes, row->n, row->sets, 0);
		whole = padding_of(&sizes, row->n, row->sets, 1U << 20);
		printf("%-7zu %-6.1f %-6.1f %-6.1f %-6.1f\n", row->n,
		    fit.median, fit.worst, whole.median, padding_of(&sizes,
		    row->n, row->sets, 64U << 10).median);
	}
	free(sizes.v);
}
