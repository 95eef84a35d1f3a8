/* SPDX-License-Identifier: ISC */
/* A tree is warmed by the real processes, of which the test is the parent. */
#include "tests/lib/place.h"
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"
#include "tests/lib/warm_rig.h"

static struct warm_rig	 rig;

/* On "www", and whatever else. */
static const char *
conf_of(const char *more)
{
	return fmt("root %s/www\ncache %s/cache\nhashers 2\n"
	    "piece-length 16K\n%s", here(), here(), more);
}

/* Files are remembered once they are two seconds old. */
static void
wait_until_old(void)
{
	sleep(3);
}

#define CHECK_REPORT(files_, found_, hashed_, skipped_, failed_) do {	\
	const struct msg_warmed *r_ = rig.report;			\
	ATF_CHECK_MSG(r_->files == (files_) && r_->found == (found_) &&	\
	    r_->hashed == (hashed_) && r_->skipped == (skipped_) &&	\
	    r_->failed == (failed_), "line %d: %ju files, %ju found, "	\
	    "%ju hashed, %ju skipped, %ju failed", __LINE__,		\
	    (uintmax_t)r_->files, (uintmax_t)r_->found,			\
	    (uintmax_t)r_->hashed, (uintmax_t)r_->skipped,		\
	    (uintmax_t)r_->failed);					\
} while (0)

TEST(warm__tree)
{
	place_enter();
	make_files("cache/", "www/a/x", "www/a/y", "www/a.b", "www/a/b/c",
	    "www/d/.hidden", "www/z");
	close(open("www/empty", O_WRONLY | O_CREAT, 0644));
	wait_until_old();
	warm_rig_start(&rig, conf_of(""));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(6, 1, 5, 0, 0);
	ATF_CHECK_STREQ("/z", warm_position(&rig));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(6, 6, 0, 0, 0);
}
