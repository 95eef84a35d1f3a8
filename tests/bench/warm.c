/* SPDX-License-Identifier: ISC */
/*
 * The tree "www" in the current directory is warmed once by all processes of
 * the service, without HTTP; the cache's directory is "cache".
 *
 *	warm -s tests/bench -r result warm__tree
 *
 * Printed are lines of a name and a number: files, and CPU time.
 */
#include "tests/lib/test.h"
#include "tests/lib/warm_rig.h"

#define IDLE_US		1000	/* of a second */

static struct warm_rig	 rig;

/* In us, since their starts. */
struct cpu {
	uint64_t	front;
	uint64_t	walker;
	uint64_t	cache;
	uint64_t	hasher;
};

static struct cpu
cpu_now(void)
{
	struct cpu cpu = {
		.front = proc_cpu_us(&rig.front),
		.walker = proc_cpu_us(&rig.walkers[0]),
		.cache = proc_cpu_us(&rig.cache),
	};
	uint32_t i;

	for (i = 0; i < rig.nhashers; i++)
		cpu.hasher += proc_cpu_us(&rig.hashers[i]);
	return cpu;
}

/* The cache writes behind the last answer: it has done nothing for a second. */
static void
wait_for_cache(void)
{
	uint64_t before, now = proc_cpu_us(&rig.cache);

	do {
		before = now;
		sleep(1);
		now = proc_cpu_us(&rig.cache);
	} while (now - before > IDLE_US);
}

static void
print(const char *name, uint64_t value)
{
	printf("%s %ju\n", name, (uintmax_t)value);
}

TEST(warm__tree)
{
	struct cpu before, after;

	warm_rig_start(&rig, fmt("root %s/www\ncache %s/cache\nhashers 2\n"
	    "cache-size 16G\n", here(), here()));
	before = cpu_now();
	warm_begin(&rig, "/", NULL);
	ATF_REQUIRE_EQ(WARM_DONE, warm_wait(&rig));
	wait_for_cache();
	after = cpu_now();
	print("files", rig.report->files);
	print("found", rig.report->found);
	print("hashed", rig.report->hashed);
	print("front", after.front - before.front);
	print("walker", after.walker - before.walker);
	print("cache", after.cache - before.cache);
	print("hasher", after.hasher - before.hasher);
}
