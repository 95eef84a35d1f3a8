/* SPDX-License-Identifier: ISC */
/* The padding of sets of a distribution's packages. */
#include "tests/lib/padding.h"
#include "tests/lib/test.h"

TEST(padding__of_packages_is_small)
{
	static const struct {
		size_t		n;
		unsigned	sets;
		double		most;
	} rows[] = {
		{ 20, 1000, 7 }, { 1000, 100, 8 }, { 10000, 20, 10 },
	};
	struct sizes sizes;
	struct padding fit, before;

	sizes_read(fmt("%s/../data/debian.sizes",
	    atf_tc_get_config_var(tc, "srcdir")), &sizes);
	EACH(row, rows) {
		fit = padding_of(&sizes, row->n, row->sets, 0);
		before = padding_of(&sizes, row->n, row->sets, 1U << 20);
		printf("%zu files: %.1f %%, at most %.1f; with 1M %.1f\n",
		    row->n, fit.median, fit.worst, before.median);
		ATF_CHECK_MSG(fit.median <= row->most, "%zu files: %.1f",
		    row->n, fit.median);
		ATF_CHECK(before.median > 5 * fit.median);
	}
	free(sizes.v);
}
