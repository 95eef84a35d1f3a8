/* SPDX-License-Identifier: ISC */
/*
 * The cases of a test program in C:
 *
 *	TEST(noun__condition)
 *	{
 *		ATF_CHECK_EQ(4, 2 + 2);
 *	}
 *
 * They are listed by themselves; tc is the case.  Names and values of ATF's
 * metadata may follow the name: TEST(noun__condition, "require.user", "root").
 */
#ifndef TEST_H
#define TEST_H

/* The headers that most tests need. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct test {
	const char *const *meta;	/* name, metadata, NULL */
	void		 (*body)(const atf_tc_t *);
	void		 (*cleanup)(const atf_tc_t *);	/* or NULL */
	atf_tc_t	 tc;
	struct test	*next;
};

/* Adds a case before main() runs. */
void	test_add(struct test *);

/* Does this once the case has come to its end, and after that what was to be
   done before. */
void	test_at_end(void (*)(void *), void *);
/* Nothing is to be done with that any more. */
void	test_not_at_end(const void *);

/* The text that printf(3) would write; it is lost once eight more are made. */
const char	*fmt(const char *, ...)
		    __attribute__((__format__(__printf__, 1, 2)));

/* The directory that the case has to itself. */
const char	*here(void);

/* Does what follows with a pointer to each element of an array. */
#define EACH(p, array)							\
	for (const __typeof__(*(array)) *p = (array);			\
	    p < (array) + sizeof(array) / sizeof(*(array)); p++)

#define TEST_CASE(name, cleanup_, ...)					\
	static void test_##name(const atf_tc_t *);			\
	static void __attribute__((__constructor__))			\
	test_##name##_add(void)						\
	{								\
		static const char *const meta[] = {			\
			#name, ##__VA_ARGS__, NULL			\
		};							\
		static struct test test = {				\
			.meta = meta, .body = test_##name,		\
			.cleanup = cleanup_,				\
		};							\
		test_add(&test);					\
	}								\
	static void							\
	test_##name(const atf_tc_t *tc __attribute__((__unused__)))

#define TEST(name, ...)	TEST_CASE(name, NULL, ##__VA_ARGS__)

/* With a CLEANUP(name) { ... }, which runs after the case in any event. */
#define TEST_WITH_CLEANUP(name, ...)					\
	static void test_##name##_cleanup(const atf_tc_t *);		\
	TEST_CASE(name, test_##name##_cleanup, ##__VA_ARGS__)
#define CLEANUP(name)							\
	static void							\
	test_##name##_cleanup(const atf_tc_t *tc __attribute__((__unused__)))

#endif
