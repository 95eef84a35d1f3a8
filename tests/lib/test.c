/* SPDX-License-Identifier: ISC */
#include <stdarg.h>

#include "tests/lib/test.h"

#define ENDS_MAX	16

static struct test	*first, **end = &first;

static struct {
	void	(*action)(void *);
	void	*arg;
} ends[ENDS_MAX];
static size_t		 nends;

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

void
test_at_end(void (*action)(void *), void *arg)
{
	ATF_REQUIRE(nends < ENDS_MAX);
	ends[nends].action = action;
	ends[nends++].arg = arg;
}

void
test_not_at_end(const void *arg)
{
	size_t i;

	for (i = 0; i < nends; i++)
		if (ends[i].arg == arg)
			ends[i] = ends[--nends];
}

const char *
fmt(const char *format, ...)
{
	static char texts[8][32768];
	static size_t next;
	char *text = texts[next++ % 8];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(*texts), format, ap);
	va_end(ap);
	ATF_REQUIRE(n >= 0 && (size_t)n < sizeof(*texts));
	return text;
}

const char *
here(void)
{
	static char dir[4096];

	ATF_REQUIRE(getcwd(dir, sizeof(dir)) != NULL);
	return dir;
}

static void
run(const atf_tc_t *tc)
{
	find(tc)->body(tc);
	while (nends > 0) {
		nends--;
		ends[nends].action(ends[nends].arg);
	}
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
		    run, test->cleanup, (const char *const *)config);
		if (!atf_is_error(error))
			error = atf_tp_add_tc(tp, &test->tc);
	}
	atf_utils_free_charpp(config);
	return error;
}
