/* SPDX-License-Identifier: ISC */
/* Requests to a worker that ends: which of them the next one is sent, and
   when. */
#include "pkgtorrentd/front/worker/worker.h"
#include "tests/lib/test.h"

#define REQUESTS	5

/* A worker that is connected or not, and what happened, in letters: "a" was
   sent, "A" was convicted. */
static struct worker worker;
static char story[64];

struct request {
	struct ask	 ask;
	char		 name;
	unsigned	 parts;		/* left when it is convicted */
};

static struct request r[REQUESTS];

static void
tell(char c)
{
	size_t n = strlen(story);

	ATF_REQUIRE(n + 1 < sizeof(story));
	story[n] = c;
}

static void
request_send(struct ask *ask)
{
	const struct request *to = ask->owner;

	ATF_CHECK(ask->out);
	tell(to->name);
}

static void
request_convict(struct ask *ask)
{
	struct request *to = ask->owner;

	ATF_CHECK(!ask->out);
	tell((char)(to->name - 'a' + 'A'));
	if (to->parts > 0) {
		to->parts--;
		ask_start(ask, &worker);
	}
}

static void
worker_come(void)
{
	worker.ch.fd = 1;
	asks_run(&worker);
}

static void
worker_go(bool ended)
{
	worker.ch.fd = -1;
	asks_lost(&worker, ended);
}

/* With n requests asked. */
static void
begin(unsigned n)
{
	unsigned i;

	memset(r, 0, sizeof(r));
	memset(story, 0, sizeof(story));
	worker.ch.fd = -1;
	asks_init(&worker.asks);
	worker_come();
	for (i = 0; i < REQUESTS; i++) {
		r[i].name = (char)('a' + i);
		r[i].ask = (struct ask){ .owner = &r[i],
		    .send = request_send, .convict = request_convict };
		if (i < n)
			ask_start(&r[i].ask, &worker);
	}
}

/* What has happened since the last time. */
static void
expect(const char *what)
{
	ATF_CHECK_STREQ(what, story);
	memset(story, 0, sizeof(story));
}

static void
answer(unsigned i)
{
	ATF_CHECK_MSG(r[i].ask.out, "%c was not sent", r[i].name);
	ask_end(&r[i].ask);
}

TEST(ask__nothing_waits_for_another)
{
	begin(3);
	expect("abc");
	answer(1);
	ask_start(&r[3].ask, &worker);
	expect("d");
}

TEST(ask__waits_for_a_worker)
{
	begin(0);
	worker_go(true);
	ask_start(&r[0].ask, &worker);
	ask_start(&r[1].ask, &worker);
	ask_end(&r[0].ask);
	expect("");
	worker_come();
	expect("b");
}

/* The only one is asked twice, and no more. */
TEST(ask__ends_two_workers)
{
	begin(1);
	worker_go(true);
	ATF_CHECK(worker_may_be_told(&worker));
	worker_come();
	expect("aa");
	/* For what it did then, this one would be convicted. */
	ATF_CHECK(!worker_may_be_told(&worker));
	worker_go(true);
	expect("A");
	ATF_CHECK(worker_may_be_told(&worker));
	ATF_CHECK_EQ(NULL, r[0].ask.worker);
	worker_come();
	expect("");
}

/* Each is asked alone then, and those that come meanwhile have their turn
   between two of them. */
TEST(ask__suspects_are_alone)
{
	begin(3);
	worker_go(true);
	ask_start(&r[3].ask, &worker);
	expect("abc");
	worker_come();
	expect("d");
	ask_start(&r[4].ask, &worker);
	expect("");
	answer(3);
	expect("a");
	answer(0);
	expect("e");
	answer(4);
	expect("b");
	worker_go(true);
	expect("B");
	worker_come();
	expect("c");
	ask_start(&r[3].ask, &worker);
	expect("");
	answer(2);
	expect("d");
	ask_start(&r[4].ask, &worker);
	expect("e");
	/* Nothing is held against those that were answered. */
	answer(3);
	ask_start(&r[3].ask, &worker);
	worker_go(true);
	worker_come();
	expect("de");
	answer(4);
	expect("d");
}

TEST(ask__replaced_worker_ended_over_nothing)
{
	begin(3);
	answer(1);
	worker_go(false);
	worker_come();
	expect("abcac");
	worker_go(true);
	worker_come();
	expect("a");
	worker_go(false);
	worker_come();
	expect("a");
	answer(0);
	expect("c");
	answer(2);
}

/* Held requests fill the queue as sent ones do. */
TEST(ask__held_ones_are_bounded)
{
	unsigned i;

	begin(1);
	worker_go(true);
	worker_come();
	expect("aa");
	for (i = 1; i < REQUESTS; i++) {
		ATF_CHECK(!worker_is_full(&worker));
		r[i].ask.len = 8U << 20;
		ask_start(&r[i].ask, &worker);
	}
	ATF_CHECK(worker_is_full(&worker));
	ask_end(&r[2].ask);
	ATF_CHECK(!worker_is_full(&worker));
	answer(0);
	expect("bde");
	ATF_CHECK_EQ(0, worker.asks.len);
	worker_go(false);
	ATF_CHECK_EQ(3 * ((8U << 20) + ASK_LEN), worker.asks.len);
	asks_forget(&worker);
	ATF_CHECK_EQ(0, worker.asks.len);
}

/* What is left of a request goes on alone. */
TEST(ask__is_started_again_in_part)
{
	begin(2);
	r[0].parts = 2;
	worker_go(true);
	worker_come();
	expect("aba");
	worker_go(true);
	expect("A");
	worker_come();
	expect("b");
	answer(1);
	expect("a");
	worker_go(true);
	expect("A");
	worker_come();
	expect("a");
	answer(0);
}

TEST(ask__may_end_at_any_time)
{
	unsigned i;

	begin(4);
	worker_go(true);
	ask_end(&r[2].ask);
	worker_come();
	expect("abcda");
	ask_end(&r[0].ask);
	expect("b");
	ask_end(&r[3].ask);
	ask_end(&r[1].ask);
	expect("");
	ask_end(&r[1].ask);
	for (i = 0; i < REQUESTS; i++)
		ask_start(&r[i].ask, &worker);
	worker_go(true);
	asks_forget(&worker);
	worker_come();
	expect("abcde");
	for (i = 0; i < REQUESTS; i++)
		ask_start(&r[i].ask, &worker);
	expect("abcde");
}

/* The digest of number i. */
static const uint8_t *
digest(unsigned i)
{
	static uint8_t out[SHA1_LEN];

	memcpy(out, &i, sizeof(i));
	return out;
}

TEST(quarantine__ends_after_minutes)
{
	static struct quarantine q;
	const struct str none = { 0 };
	const uint64_t now = 1000;

	ATF_CHECK(!quarantine_has(&q, WALKER | CACHE, digest(1), now));
	quarantine_add(&q, ROLE_WALKER, digest(1), none, 0, now);
	ATF_CHECK(quarantine_has(&q, WALKER | CACHE, digest(1), now));
	ATF_CHECK(quarantine_has(&q, WALKER, digest(1),
	    now + QUARANTINE_MS - 1));
	ATF_CHECK(!quarantine_has(&q, WALKER, digest(1), now + QUARANTINE_MS));
	ATF_CHECK(!quarantine_has(&q, CACHE, digest(1), now));
	ATF_CHECK(!quarantine_has(&q, WALKER | CACHE, digest(2), now));
	ATF_CHECK(!quarantine_has_path(&q, WALKER, "/a", 2, now));
	quarantine_clear(&q);
	ATF_CHECK(!quarantine_has(&q, WALKER | CACHE, digest(1), now));
}

TEST(quarantine__may_end_early)
{
	static struct quarantine q;
	const uint64_t now = 1000;

	quarantine_put(&q, ROLE_WALKER, digest(1), now);
	quarantine_put(&q, ROLE_CACHE, digest(1), now);
	quarantine_put(&q, ROLE_WALKER, digest(2), now);
	quarantine_remove(&q, ROLE_WALKER, digest(1));
	ATF_CHECK(!quarantine_has(&q, WALKER, digest(1), now));
	ATF_CHECK(quarantine_has(&q, CACHE, digest(1), now));
	ATF_CHECK(quarantine_has(&q, WALKER, digest(2), now));
}

TEST(quarantine__forgets_the_oldest)
{
	static struct quarantine q;
	const struct str none = { 0 };
	unsigned i;

	for (i = 0; i < QUARANTINE_MAX; i++)
		quarantine_add(&q, ROLE_CACHE, digest(i), none, 0, 1000 + i);
	for (i = 0; i < QUARANTINE_MAX; i++)
		ATF_CHECK(quarantine_has(&q, CACHE, digest(i), 2000));
	quarantine_add(&q, ROLE_CACHE, digest(i), none, 0, 2000);
	ATF_CHECK(!quarantine_has(&q, CACHE, digest(0), 2000));
	for (i = 1; i <= QUARANTINE_MAX; i++)
		ATF_CHECK(quarantine_has(&q, CACHE, digest(i), 2000));
}
