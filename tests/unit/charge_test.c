/* SPDX-License-Identifier: ISC */
/* The charge for a job: slots of its client and of the queue. */
#include "pkgtorrentd/front/job/charge.h"
#include "tests/lib/test.h"

static const uint8_t	ip[16] = { 192, 0, 2, 1 };
static struct addrs	addrs;
static struct conf	conf;
static uint32_t		queued;

static struct charge
charge_of(struct addr *addr)
{
	return (struct charge){ .addr = addr_ref(addr) };
}

TEST(charge__client)
{
	struct addr *addr = addr_get(&addrs, 2, ip);
	struct charge a, b, unnamed;

	conf.max_jobs_per_client = 1;
	a = charge_of(addr);
	b = charge_of(addr);
	unnamed = charge_of(NULL);
	ATF_CHECK_EQ(0, charge_client(&a, &conf));
	ATF_CHECK_EQ(0, charge_client(&a, &conf));
	ATF_CHECK_EQ(1, addr->jobs);
	ATF_CHECK_EQ(429, charge_client(&b, &conf));
	ATF_CHECK_EQ(0, charge_client(&unnamed, &conf));
	charge_release(&a, &queued);
	ATF_CHECK_EQ(0, addr->jobs);
	ATF_CHECK_EQ(0, charge_client(&b, &conf));
	charge_release(&b, &queued);
	charge_release(&unnamed, &queued);
	ATF_CHECK_EQ(0, addr->jobs);
	ATF_CHECK_EQ(1, addr->refs);
	ATF_CHECK_EQ(0, queued);
}

/* The client's slot comes with that of the queue. */
TEST(charge__queue)
{
	struct addr *addr = addr_get(&addrs, 2, ip);
	struct charge a, b, c;

	conf.max_jobs_per_client = 2;
	conf.max_queue = 2;
	a = charge_of(addr);
	b = charge_of(addr);
	c = charge_of(addr);
	ATF_CHECK_EQ(0, charge_client(&a, &conf));
	ATF_CHECK_EQ(0, charge_queue(&a, &conf, &queued));
	ATF_CHECK_EQ(0, charge_queue(&a, &conf, &queued));
	ATF_CHECK_EQ(1, queued);
	ATF_CHECK_EQ(1, addr->jobs);
	ATF_CHECK_EQ(0, charge_queue(&b, &conf, &queued));
	ATF_CHECK_EQ(503, charge_queue(&c, &conf, &queued));
	conf.max_queue = 3;
	ATF_CHECK_EQ(429, charge_queue(&c, &conf, &queued));
	ATF_CHECK_EQ(2, queued);
	charge_release(&a, &queued);
	charge_release(&b, &queued);
	charge_release(&c, &queued);
	ATF_CHECK_EQ(0, queued);
	ATF_CHECK_EQ(0, addr->jobs);
}

TEST(charge__time)
{
	struct charge c = charge_of(NULL);

	ATF_CHECK(!charge_spend(&c, CHARGE_FREE_US - 1));
	ATF_CHECK(!charge_spend(&c, 0));
	ATF_CHECK(charge_spend(&c, 1));
	ATF_CHECK(charge_spend(&c, 0));
}
