/*
 * Walkers, hashers and caches that were broken into, as the front meets them:
 * what is wrong is refused and told, the front goes on with those that take
 * their places, and no other peer is blamed.
 */
#include <malloc.h>

#include "tests/lib/place.h"
#include "tests/lib/rogue_front.h"
#include "tests/lib/rogue_untrue.h"

#define RANDOM		10000
#define CRAFTED		200

static char		alone[128];	/* the digest and nothing else, … */
static char		target[160];	/* … and with the paths */
static struct buf	reference;	/* the answer, as it ought to be */

/* Their change makes them so new that nothing of them is remembered: each
   request goes all the way. */
static void
touch_mirror(void)
{
	ATF_REQUIRE_EQ(0, chmod("www/y/a", 0644));
	ATF_REQUIRE_EQ(0, chmod("www/y/b", 0644));
}

static void
make_mirror(void)
{
	static const char specs[] = "/y/a\n/y/b";
	char hex[2 * SHA1_LEN + 1];
	uint8_t digest[SHA1_LEN];
	int i, fd;

	place_enter();
	ATF_REQUIRE_EQ(0, mkdir("www", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/y", 0755));
	fd = open("www/y/a", O_WRONLY | O_CREAT, 0644);
	ATF_REQUIRE_EQ(0, ftruncate(fd, A_SIZE));
	close(fd);
	fd = open("www/y/b", O_WRONLY | O_CREAT, 0644);
	ATF_REQUIRE_EQ(B_SIZE, write(fd, "12345", B_SIZE));
	close(fd);
	sha1(specs, strlen(specs), digest);
	for (i = 0; i < SHA1_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(alone, sizeof(alone), "/m/torrent_service/digest/%s", hex);
	snprintf(target, sizeof(target), "%s?p=/y/a&p=/y/b", alone);
}

/* From the request to the answer; its status. */
static unsigned
ask(void)
{
	size_t head;

	touch_mirror();
	client_ask(target);
	while (!answered)
		relay();
	return client_status(&head);
}

/* But for its head, which has the date. */
static bool
is_reference(void)
{
	size_t head;

	return client_status(&head) == 200 &&
	    answer.len - head == reference.len &&
	    memcmp(answer.data + head, reference.data, reference.len) == 0;
}

static void
start(void)
{
	size_t head;

	make_mirror();
	start_everybody("");
	ATF_REQUIRE_EQ(200, ask());
	client_status(&head);
	ATF_REQUIRE_EQ(0, buf_add(&reference, answer.data + head,
	    answer.len - head));
}

/* The lie that is to be told. */
static size_t		lie_row;
static uint64_t		lie_value;
static bool		lie_told;

static void
spoil(struct copy *copy)
{
	const size_t at = lies[lie_row].at;
	uint8_t *p = at < copy->body_len ? copy->body + at :
	    copy->tail + at - copy->body_len;
	int i;

	switch (lies[lie_row].spoil) {
	case PUT:
		memcpy(p, &lie_value, 4);
		break;
	case PUT_LONG:
		memcpy(p, &lie_value, 8);
		break;
	case CUT:
		copy->tail_len -= lie_value;
		break;
	case JUNK:
		memset(copy->tail + copy->tail_len, '/', lie_value);
		copy->tail_len += lie_value;
		break;
	case DROP_FD:
		copy->nfds -= (int)lie_value;
		break;
	case MORE_FD:
		for (i = (int)lie_value; i > 0; i--)
			copy->fds[copy->nfds++] =
			    rogue_fds[ROGUE_KINDS - 1];
		break;
	case OTHER_FD:
		copy->fds[0] = rogue_fds[lie_value];
		break;
	case TWICE:
		break;
	case MADE:
	case MADE_ALONE:
		made[lie_value](copy);
		break;
	}
}

/* One lie, in the place of the first message of that type. */
static bool
tell_lie(struct between *b, struct copy *copy)
{
	static struct copy lie;

	if (lie_told || copy->type != lies[lie_row].type)
		return false;
	lie_told = true;
	lie = *copy;
	spoil(&lie);
	copy_say(&b->as_child, &lie);
	/* What means nothing does not keep the truth from being heard. */
	if (lies[lie_row].outcome == TAKEN || lies[lie_row].spoil == TWICE)
		copy_say(&b->as_child, copy);
	return true;
}

/* The parent's part: the liar is replaced. */
static void
replace_liars(void)
{
	int i;

	for (i = 0; i < 3; i++)
		if (peers[i].as_child.ch.fd == -1)
			between_connect(&peers[i]);
}

/* Files that are not there are as many descriptors too many. */
static bool
fault_fits(uint32_t fault)
{
	switch (lies[lie_row].spoil) {
	case DROP_FD:
	case MORE_FD:
	case OTHER_FD:
		return fault == FAULT_FDS;
	default:
		return fault == FAULT_CONTENT ||
		    (fault == FAULT_FDS && lies[lie_row].type == MSG_OPENED);
	}
}

static void
check_outcome(enum role role, const char *what)
{
	const struct msg_wrong *wrong = &front.wrong;
	const uint32_t type = lies[lie_row].type;
	const enum outcome outcome = lies[lie_row].outcome;
	unsigned reports = front.reports - front.settled;

	front.settled = front.reports;
	ATF_CHECK_MSG(outcome == ANY || is_reference(),
	    "%s: another answer than ought to be", what);
	ATF_CHECK_MSG(outcome == ANY ? reports <= 1 :
	    reports == (outcome == WRONG), "%s: %u reports", what, reports);
	/* A listing is looked at when it is complete. */
	if (reports > 0)
		ATF_CHECK_MSG(wrong->role == (uint32_t)role &&
		    wrong->index == 0 && (wrong->type == type ||
		    (type == MSG_LISTING && wrong->type == MSG_RESOLVED)) &&
		    fault_fits(wrong->fault), "%s: reported as %s of %s %u, "
		    "fault %u", what, msg_name(wrong->type),
		    role_name((enum role)wrong->role), wrong->index,
		    wrong->fault);
}

static void
try_lie(void)
{
	const enum msg_type type = lies[lie_row].type;
	enum role role = type == MSG_DIGESTS ? ROLE_HASHER :
	    type == MSG_INFO || type == MSG_PIECES ? ROLE_CACHE : ROLE_WALKER;
	char what[128];

	snprintf(what, sizeof(what), "%s, way %d, at byte %zu: %ju",
	    msg_name(type), lies[lie_row].spoil, lies[lie_row].at,
	    (uintmax_t)lie_value);
	/* Also to forget what nobody knew a moment ago. */
	(void)ask();
	lie_told = false;
	tamper = tell_lie;
	touch_mirror();
	client_ask(lies[lie_row].spoil == MADE_ALONE ? alone : target);
	while (!answered) {
		relay();
		replace_liars();
	}
	(void)front_answers(&between(role)->as_child);
	replace_liars();
	ATF_CHECK_MSG(lie_told, "%s: not told", what);
	check_outcome(role, what);
	tamper = NULL;
}

static unsigned
try_lies(void)
{
	unsigned n = 0;
	size_t k;

	for (lie_row = 0; lie_row < LIES; lie_row++)
		for (k = 0; k < 8 && (k == 0 ||
		    lies[lie_row].values[k] != 0); k++, n++) {
			lie_value = lies[lie_row].values[k];
			try_lie();
		}
	return n;
}

ATF_TC_WITHOUT_HEAD(front__crafted);
ATF_TC_BODY(front__crafted, tc)
{
	unsigned n;

	start();
	n = try_lies();
	n += rogue_try_table(&between(ROLE_WALKER)->as_child);
	n += rogue_try_table(&between(ROLE_HASHER)->as_child);
	n += rogue_try_table(&between(ROLE_CACHE)->as_child);
	ATF_CHECK_MSG(n >= CRAFTED, "%u messages", n);
	ATF_CHECK_EQ(200, ask());
	ATF_CHECK(is_reference());
	stop_everybody();
}

/*
 * While somebody waits for an answer, one of those that are asked says a few
 * random things and is replaced.
 */
static uint32_t
lie_in_between(struct between *b, const struct copy *copy)
{
	static struct lie lie;
	struct rogue *r = &b->as_child;
	uint32_t i, n = 1 + any(BURST_MAX);
	size_t at;

	for (i = 0; i < n; i++) {
		lie_choose(&lie, r);
		if (any(2) == 0) {
			lie.len = 0;
			lie_add_words(&lie, 2);
			lie_add(&lie, copy->body, copy->body_len);
			lie_add(&lie, copy->tail, copy->tail_len);
			lie_set_word(&lie, 0, copy->type);
			lie_set_word(&lie, 4, (uint32_t)lie.len - 8);
			for (at = any(3); at > 0; at--)
				lie_set_word(&lie, 4 * any((uint32_t)
				    lie.len / 4), any_word());
			memcpy(lie.fds, copy->fds, (size_t)copy->nfds *
			    sizeof(int));
			lie.nfds = copy->nfds;
		}
		rogue_send(r, lie.bytes, lie.len, lie.fds, lie.nfds);
	}
	return n;
}

static uint32_t	lies_told;
static uint32_t	truths_left;

static bool
tell_lies(struct between *b, struct copy *copy)
{
	if (truths_left-- > 0)
		return false;
	truths_left = 2 + any(12);
	lies_told += lie_in_between(b, copy);
	(void)front_answers(&b->as_child);
	ATF_REQUIRE_MSG(front.reports <= front.settled + 1, "%u reports",
	    front.reports - front.settled);
	ATF_REQUIRE_EQ(b->as_child.ch.fd == -1,
	    front.reports == front.settled + 1);
	front.settled = front.reports;
	between_connect(b);
	return true;
}

ATF_TC_WITHOUT_HEAD(front__random);
ATF_TC_BODY(front__random, tc)
{
	uint32_t asked = 0;

	start();
	rogue_random(&between(ROLE_WALKER)->as_child, RANDOM / 5);
	rogue_random(&between(ROLE_HASHER)->as_child, RANDOM / 5);
	rogue_random(&between(ROLE_CACHE)->as_child, RANDOM / 5);
	tamper = tell_lies;
	for (; lies_told < RANDOM / 5 * 2; asked++)
		(void)ask();
	printf("%u messages during %u requests\n", lies_told, asked);
	tamper = NULL;
	ATF_CHECK_EQ(200, ask());
	ATF_CHECK(is_reference());
	stop_everybody();
}

/*
 * One of those that are asked ends when it has said half of what it has to
 * say.  Is it replaced, or has the front to do without?
 */
static const struct half {
	enum msg_type	 type;
	bool		 replaced;
	bool		 touched;	/* before it is asked for */
	const char	*target;	/* always the same file */
} halves[] = {
	{ MSG_LISTING, true, false, "/m/torrent_service/single/y/%5Bl%5Darge" },
	{ MSG_PIECES, true, false, "/m/torrent_service/single/y/l*" },
	{ MSG_PIECES, false, false, "/m/torrent_service/single/y/la*" },
	{ MSG_DIGESTS, true, true, "/m/torrent_service/single/y/lar*" },
};

static const struct half *half;
static bool		half_said;

static bool
say_half(struct between *b, struct copy *copy)
{
	if (half_said || copy->type != half->type)
		return false;
	half_said = true;
	copy_say(&b->as_child, copy);
	close(b->as_child.ch.fd);
	b->as_child.ch.fd = -1;
	return true;
}

static void
ask_half(const struct half *this)
{
	half = this;
	half_said = false;
	if (half->touched)
		ATF_REQUIRE_EQ(0, chmod("www/y/large", 0644));
	tamper = say_half;
	client_ask(half->target);
	while (!answered) {
		relay();
		if (half->replaced)
			replace_liars();
	}
	tamper = NULL;
	replace_liars();
	ATF_CHECK_MSG(half_said, "no %s was needed", msg_name(half->type));
	ATF_CHECK_MSG(is_reference(), "after half a %s there is another "
	    "answer than ought to be", msg_name(half->type));
}

ATF_TC_WITHOUT_HEAD(front__halves);
ATF_TC_BODY(front__halves, tc)
{
	size_t head, i;
	int fd;

	make_mirror();
	/* Two messages' digests. */
	fd = open("www/y/large", O_WRONLY | O_CREAT, 0644);
	ATF_REQUIRE_EQ(0, ftruncate(fd, 2 * MSG_TAIL_MAX / SHA1_LEN *
	    (off_t)PIECE - 5));
	close(fd);
	/* Or memory that is used again has the right digests already. */
	mallopt(M_PERTURB, 1);
	start_everybody("");
	/* What is as new as that is not remembered. */
	sleep(3);
	client_ask("/m/torrent_service/single/y/large");
	while (!answered)
		relay();
	ATF_REQUIRE_EQ(200, client_status(&head));
	ATF_REQUIRE_EQ(0, buf_add(&reference, answer.data + head,
	    answer.len - head));
	for (i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		ask_half(&halves[i]);
	ATF_CHECK_EQ(0, front.reports);
	stop_everybody();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, front__crafted);
	ATF_TP_ADD_TC(tp, front__random);
	ATF_TP_ADD_TC(tp, front__halves);
	return atf_no_error();
}
