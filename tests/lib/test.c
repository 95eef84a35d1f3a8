/* SPDX-License-Identifier: ISC */
#include "tests/lib/test.h"

static struct test	*first, **end = &first;

void
test_add(struct test *test)
{
	*end = test;
	end = &test->next;
}

static const struct test *
find(const atf_tc_t *tc)
{
	const struct test *test = first;

	while (&test->tc != tc)
		test = test->next;
	return test;
}

static void
set_meta(atf_tc_t *tc)
{
	const char *const *meta = find(tc)->meta + 1;

	for (; meta[0] != NULL; meta += 2)
		atf_tc_set_md_var(tc, meta[0], "%s", meta[1]);
}

ATF_TP_ADD_TCS(tp)
{
	char **config = atf_tp_get_config(tp);
	struct test *test;
	atf_error_t error = atf_no_error();

	for (test = first; test != NULL && !atf_is_error(error);
	    test = test->next) {
		error = atf_tc_init(&test->tc, test->meta[0], set_meta,
		    test->body, test->cleanup, (const char *const *)config);
		if (!atf_is_error(error))
			error = atf_tp_add_tc(tp, &test->tc);
	}
	atf_utils_free_charpp(config);
	return error;
}
