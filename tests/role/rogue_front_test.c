/* SPDX-License-Identifier: ISC */
/*
 * Walkers, hashers and caches that were broken into, as the front meets them:
 * wrong messages are refused and reported, the front goes on with those that
 * take their places, and no other peer is blamed.
 */
#include <sys/un.h>

#include <malloc.h>

#include "common/listing.h"
#include "tests/lib/lies.h"
#include "tests/lib/place.h"
#include "tests/lib/test.h"

#define RANDOM		10000
#define CRAFTED		200

/*
 * A front at work between a real walker, hasher, cache and tracker, with
 * the test in the middle of each channel and as its client.
 */

#define SOCKET_PATH	"socket"
#define PIECE		16384U

#define PEERS	4		/* walker, hasher, cache, tracker */

/* One of its peers. */
struct between {
	struct proc	 child;
	struct rogue	 as_child;	/* towards the front */
	struct rogue	 as_front;	/* towards the child */
	bool		 sealed_wrong;	/* the child has reported it */
};

/* A message of the child's, to be passed on or spoilt. */
struct copy {
	enum msg_type	 type;
	uint8_t		 body[256];
	size_t		 body_len;
	uint8_t		 tail[MSG_TAIL_MAX + 64];
	size_t		 tail_len;
	int		 fds[MSG_FDS_MAX + 1];
	int		 nfds;
};

static struct proc	 front;
static struct between	 peers[PEERS];
static int		 client = -1;
static struct buf	 answer;
static bool		 answered;
/* Is shown the messages of children; true: it has dealt with one. */
static bool		(*tamper)(struct between *, struct copy *);

static int
front_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = SOCKET_PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, connect(fd, (struct sockaddr *)&sun, sizeof(sun)));
	return fd;
}

/* A question of a client's on a connection that is kept: its answer comes
   from a turn of the front's loop of its own. */
static void
front_take_turn(void)
{
	static const char request[] = "HEAD /m/torrent_service/nullfile/1 "
	    "HTTP/1.1\r\nHost: mirror\r\nRange: bytes=0-0\r\n\r\n";
	static int fd = -1;
	char text[2048];
	size_t len = 0;
	ssize_t n;

	if (fd == -1)
		fd = front_connect();
	ATF_REQUIRE_EQ((ssize_t)strlen(request), write(fd, request,
	    strlen(request)));
	do {
		proc_wait(&front, fd, POLLIN);
		n = recv(fd, text + len, sizeof(text) - len, MSG_DONTWAIT);
		ATF_REQUIRE(n > 0 || (n == -1 && errno == EAGAIN));
		len += n > 0 ? (size_t)n : 0;
	} while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0);
}

static bool
front_answers(struct rogue *r)
{
	/* It has the channel, … */
	proc_ask_status(&front);
	/* … a turn after that may look at the client first, the second
	   comes after one that has looked at both. */
	front_take_turn();
	front_take_turn();
	rogue_drain(r);
	return r->ch.fd != -1;
}

static struct between *
between(enum role role)
{
	return &peers[role - ROLE_WALKER];
}

/* Both ends new, as when the parent has replaced the child.  The front must not
   find that the old one was closed before it has the new one: the child would
   seem to have ended over its request. */
static void
between_connect(struct between *b)
{
	int old = b->as_child.victim == NULL ? -1 : b->as_child.ch.fd;

	rogue_connect(&b->as_front, &b->child, ROLE_FRONT, 0);
	b->as_child.ch.fd = -1;
	rogue_connect(&b->as_child, &front, b->child.role, 0);
	if (old == -1)
		return;
	proc_ask_status(&front);
	close(old);
}

static void
copy_of(struct copy *copy, const struct msg *msg)
{
	copy->type = msg->type;
	copy->body_len = msg_body_len(msg->type);
	memcpy(copy->body, msg->body, copy->body_len);
	copy->tail_len = msg->tail_len;
	memcpy(copy->tail, msg->tail, msg->tail_len);
	copy->nfds = msg->nfds;
	memcpy(copy->fds, msg->fds, (size_t)msg->nfds * sizeof(int));
}

static void
copy_say(struct rogue *r, const struct copy *copy)
{
	rogue_say(r, copy->type, copy->body, copy->body_len, copy->tail,
	    copy->tail_len, copy->fds, copy->nfds);
}

/* For a wrong seal its bearer is blamed, which is the front; a random lie may
   be one. */
static bool
is_wrong_seal(struct between *b)
{
	if (b->child.wrong.fault != FAULT_SEAL)
		return false;
	memset(&b->child.wrong, 0, sizeof(b->child.wrong));
	b->child.reports--;
	return true;
}

/* Messages of either side go to the other. */
static void
between_pass(struct between *b)
{
	static struct copy copy;
	struct msg msg;

	while (rogue_take(&b->as_child, &msg)) {
		copy_of(&copy, &msg);
		copy_say(&b->as_front, &copy);
		msg_close_fds(&msg);
	}
	while (rogue_take(&b->as_front, &msg)) {
		copy_of(&copy, &msg);
		if (tamper == NULL || !tamper(b, &copy))
			copy_say(&b->as_child, &copy);
		msg_close_fds(&msg);
	}
	proc_hear(&b->child);
	/* The report may come before the channel's end, or when there is
	   another channel already. */
	if (tamper != NULL && is_wrong_seal(b))
		b->sealed_wrong = true;
	if (b->as_front.ch.fd != -1)
		return;
	if (b->sealed_wrong) {
		b->sealed_wrong = false;
		between_connect(b);
		return;
	}
	atf_tc_fail("the %s did not like what the front was made to say "
	    "(fault %u of %s)",
	    role_name(b->child.role), b->child.wrong.fault,
	    msg_name(b->child.wrong.type));
}

static void
client_read(void)
{
	uint8_t *room = buf_reserve(&answer, 65536);
	ssize_t n;

	ATF_REQUIRE(room != NULL);
	n = read(client, room, 65536);
	if (n == -1 && errno == EAGAIN)
		return;
	ATF_REQUIRE_MSG(n != -1 || errno == ECONNRESET, "%s",
	    strerror(errno));
	if (n > 0) {
		answer.len += (size_t)n;
		return;
	}
	answered = true;
	close(client);
	client = -1;
}

/* Everybody is heard once something has happened. */
static void
relay(void)
{
	struct pollfd pfds[2 + 3 * PEERS] = { { front.parent.fd, POLLIN, 0 } };
	nfds_t n = 1;
	int i;

	pfds[n++] = (struct pollfd){ client, POLLIN, 0 };
	for (i = 0; i < PEERS; i++) {
		pfds[n++] = (struct pollfd){ peers[i].child.parent.fd,
		    POLLIN, 0 };
		pfds[n++] = (struct pollfd){ peers[i].as_child.ch.fd,
		    POLLIN, 0 };
		pfds[n++] = (struct pollfd){ peers[i].as_front.ch.fd,
		    POLLIN, 0 };
	}
	ATF_REQUIRE_MSG(poll(pfds, n, WAIT_MS) > 0, "nothing happens: %s",
	    front.line);
	proc_hear(&front);
	if (client != -1)
		client_read();
	for (i = 0; i < PEERS; i++) {
		proc_hear(&peers[i].child);
		between_pass(&peers[i]);
	}
}

static void
client_ask(const char *target)
{
	char text[1024];
	int n;

	client = front_connect();
	n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n"
	    "Host: mirror\r\nConnection: close\r\n\r\n", target);
	ATF_REQUIRE_EQ(n, write(client, text, (size_t)n));
	ATF_REQUIRE_EQ(0, fcntl(client, F_SETFL, O_NONBLOCK));
	answer.len = 0;
	answered = false;
}

/* The status of the answer, with the length of its head. */
static unsigned
client_status(size_t *head)
{
	unsigned status = 0;
	const char *end;

	ATF_REQUIRE_EQ(0, buf_add(&answer, "", 1));
	answer.len--;
	ATF_REQUIRE_EQ_MSG(1, sscanf((const char *)answer.data,
	    "HTTP/1.1 %u", &status), "no answer");
	end = strstr((const char *)answer.data, "\r\n\r\n");
	ATF_REQUIRE(end != NULL);
	*head = (size_t)(end - (const char *)answer.data) + 4;
	return status;
}

static void
start_listening(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = SOCKET_PATH };
	struct msg_listener body = { .count = 1 };
	struct msg_part part = { 0 };
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	ATF_REQUIRE_EQ(0, listen(fd, 16));
	proc_send(&front, MSG_TRACKERS, &part, "", 0, -1);
	proc_send(&front, MSG_LISTENER, &body, NULL, 0, fd);
	close(fd);
}

/* A mirror of the files that are named, of these sizes. */
static void
start_everybody(const char *more)
{
	enum role role;

	rogue_open_fds();
	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	rogue_start(&front, ROLE_FRONT, more);
	for (role = ROLE_WALKER; role < ROLE_COUNT; role++) {
		rogue_start(&between(role)->child, role, more);
		between_connect(between(role));
		between(role)->as_child.honest = front_answers;
	}
	start_listening();
}

static void
stop_everybody(void)
{
	int i;

	proc_stop(&front);
	for (i = 0; i < PEERS; i++) {
		/* Nobody else is blamed for one's messages, of which the last
		   may have come after the last answer. */
		proc_hear(&peers[i].child);
		(void)is_wrong_seal(&peers[i]);
		ATF_CHECK_EQ_MSG(0, peers[i].child.reports, "the %s took "
		    "offence at what the front passed on (%u, fault %u of %s)",
		    role_name(peers[i].child.role), peers[i].child.reports,
		    peers[i].child.wrong.fault,
		    msg_name(peers[i].child.wrong.type));
		proc_stop(&peers[i].child);
	}
}

/*
 * Lies of walkers, hashers and caches that were broken into, about two files,
 * /y/a and /y/b, with their outcomes.
 */

#define A_SIZE		(2 * PIECE + 100)
#define B_SIZE		5

/* How a true message is made a lie. */
enum spoil {
	PUT,		/* value in a word of the body and tail */
	PUT_LONG,	/* the same, 64 bits */
	CUT,		/* so many bytes of the tail are left out */
	JUNK,		/* so many are added */
	DROP_FD,
	MORE_FD,
	OTHER_FD,	/* of another kind, the value's */
	TWICE,		/* nothing is wrong with it but that */
	MADE,		/* the value's function puts another in its place; … */
	MADE_ALONE	/* … when only the digest is asked for */
};

enum outcome {
	WRONG,		/* the sender is reported, and the one in its place
			   gives the right answer */
	TAKEN,		/* it means nothing; the true one then does */
	ANY		/* some answer comes */
};

static void
made_listing(struct copy *copy, const char *spec, const char *path,
    uint32_t files, uint32_t claimed)
{
	struct identity id = { 1, 1, 1, 1, 0 };
	struct buf b = { 0 };

	ATF_REQUIRE_EQ(0, listing_add_spec(&b, 0, PATH_OK, spec,
	    strlen(spec), claimed));
	for (; files > 0; files--)
		ATF_REQUIRE_EQ(0, listing_add_file(&b, &id, path,
		    strlen(path)));
	memcpy(copy->tail, b.data, b.len);
	copy->tail_len = b.len;
	buf_free(&b);
}

static void
made_info(struct copy *copy, const char *spec, const char *path)
{
	struct msg_info body;

	memcpy(&body, copy->body, sizeof(body));
	made_listing(copy, spec, path, 1, 1);
	body.flags = INFO_FOUND;
	body.listing_len = (uint32_t)copy->tail_len;
	body.info_len = 2;
	memcpy(copy->tail + copy->tail_len, "de", 2);
	copy->tail_len += 2;
	memcpy(copy->body, &body, sizeof(body));
}

/* The sum of these lengths is right again, past the end of 64 bits. */
static void
made_wrap(struct copy *copy)
{
	struct msg_info body;

	made_info(copy, "/y/a", "/y/a");
	made_listing(copy, "/y/a", "/y/a", 1, UINT32_MAX);
	memcpy(&body, copy->body, sizeof(body));
	body.listing_len = UINT32_MAX;
	body.info_len = copy->tail_len - (uint64_t)UINT32_MAX;
	memcpy(copy->body, &body, sizeof(body));
}

static void
made_up(struct copy *copy)
{
	made_info(copy, "/y/../../secret", "/y/a");
}

static void
made_two_of_one(struct copy *copy)
{
	made_info(copy, "/y/a\n/../b", "/y/a");
}

static void
made_top(struct copy *copy)
{
	made_info(copy, "/top", "/top");
}

static void
made_path_up(struct copy *copy)
{
	made_info(copy, "/y/a", "/y/../a");
}

/* With the two that are there the count of files is one, in 32 bits. */
static void
made_many(struct copy *copy)
{
	static struct copy first;

	made_listing(&first, "/y/a", "/y/a", 2, 2);
	made_listing(copy, "/y/b", "/y/b", 1, UINT32_MAX);
	memmove(copy->tail + first.tail_len, copy->tail, copy->tail_len);
	memcpy(copy->tail, first.tail, first.tail_len);
	copy->tail_len += first.tail_len;
	copy->tail[first.tail_len] = 1;
}

/* Known, then not, with no digest in between. */
static void
made_empty(struct copy *copy)
{
	const struct msg_pieces_item items[] = {
		{ 0, 4, 0, 0, 0 }, { 0, 0, 0, 0, 0 }, { 1, 0, 0, 0, 0 },
	};
	struct msg_pieces body;

	memcpy(&body, copy->body, sizeof(body));
	body.count = 3;
	memcpy(copy->body, &body, sizeof(body));
	memcpy(copy->tail, items, sizeof(items));
	copy->tail_len = sizeof(items);
}

static void (*const made[])(struct copy *) = {
	made_wrap, made_up, made_two_of_one, made_top, made_path_up,
	made_many, made_empty,
};

/* One lie for each of the values, up to a zero; but the first counts. */
static const struct {
	enum msg_type	type;
	enum spoil	spoil;
	size_t		at;
	uint64_t	values[8];
	enum outcome	outcome;
} lies[] = {
#define BODY(message, field)	offsetof(struct msg_##message, field)
#define TAIL(message, bytes)	(sizeof(struct msg_##message) + (bytes))
#define ITEM(message, field)	\
	TAIL(message, offsetof(struct msg_##message##_item, field))
#define G			(1U << 30)
#define FAR			UINT32_MAX
	/* Nothing is known; these say that something is. */
	{ MSG_INFO, PUT_LONG, BODY(info, id), { 0, 1, G, UINT64_MAX }, TAKEN },
	{ MSG_INFO, PUT, BODY(info, flags), { 1, 2, 4, FAR - 1 }, TAKEN },
	{ MSG_INFO, PUT, BODY(info, listing_len), { 1, G, FAR }, TAKEN },
	{ MSG_INFO, PUT_LONG, BODY(info, info_len), { 1, G, UINT64_MAX },
	    TAKEN },
	{ MSG_INFO, PUT, BODY(info, used_us), { 1, 5000, G, FAR }, TAKEN },
	{ MSG_INFO, JUNK, 0, { 1, 100, 60000 }, WRONG },
	{ MSG_INFO, MADE, 0, { 0, 1, 2, 3, 4 }, ANY },
	{ MSG_INFO, MADE_ALONE, 0, { 0, 1, 2, 3, 4 }, ANY },

	/* Two records: struct listing_spec, "/y/a", struct listing_file,
	   "/y/a"; the other from byte 64 on. */
	{ MSG_LISTING, PUT_LONG, BODY(id, id), { 0, 1, G, UINT64_MAX }, TAKEN },
	{ MSG_LISTING, PUT, TAIL(id, 0), { 1, 2, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 4), { 0, 2, 6, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 8), { 0, 3, 5, 4096, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 12), { 0, 2, 3, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 64 + 12), { 0, 2, 3, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 52), { 0, 3, 5, 4096, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 56), { 1, G, FAR }, WRONG },
	/* "/..a", "/../", "\0y/a", "//..". */
	{ MSG_LISTING, PUT, TAIL(id, 16), { 0x612e2e2f, 0x2f2e2e2f,
	    0x612f7900, 0x2e2e2f2f }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 60), { 0x2f2e2e2f, 0x612f7900,
	    0x2e2e2f2f, 0x2f612f2f, 0x612f2e2f }, WRONG },
	{ MSG_LISTING, PUT_LONG, TAIL(id, 28), { A_SIZE + 1, G, INT64_MAX,
	    UINT64_MAX }, ANY },
	{ MSG_LISTING, CUT, 0, { 1, 4, 44, 63, 64, 100, 127 }, WRONG },
	{ MSG_LISTING, JUNK, 0, { 1, 8, 64, 1000 }, WRONG },
	{ MSG_LISTING, TWICE, 0, { 0 }, WRONG },
	{ MSG_LISTING, MADE, 0, { 5 }, WRONG },

	{ MSG_RESOLVED, PUT_LONG, BODY(resolved, id), { 0, 1, UINT64_MAX },
	    TAKEN },
	{ MSG_RESOLVED, PUT, BODY(resolved, flags), { 1, 2, FAR }, TAKEN },
	{ MSG_RESOLVED, PUT, BODY(resolved, used_us), { 1, 5000, G, FAR },
	    TAKEN },
	{ MSG_RESOLVED, PUT, BODY(resolved, result), { RESOLVE_SAME }, WRONG },
	{ MSG_RESOLVED, PUT, BODY(resolved, result), { 0, 3, 4, 5, 6, 7, 8,
	    FAR }, ANY },

	{ MSG_OPENED, PUT_LONG, BODY(opened, id), { 0, 1, UINT64_MAX }, WRONG },
	{ MSG_OPENED, PUT, BODY(opened, count), { 0, 1, 3, 32, 33, G, FAR },
	    WRONG },
	{ MSG_OPENED, PUT, ITEM(opened, status), { 0, PATH_MISSING,
	    PATH_LINK, 99, FAR }, WRONG },
	{ MSG_OPENED, CUT, 0, { 1, 72, 143, 144 }, WRONG },
	{ MSG_OPENED, JUNK, 0, { 1, 72, 1000 }, WRONG },
	{ MSG_OPENED, DROP_FD, 0, { 1, 2 }, WRONG },
	{ MSG_OPENED, MORE_FD, 0, { 1, 30 }, WRONG },
	{ MSG_OPENED, OTHER_FD, 0, { 0, 2, 3, 4, 5, 6, 7, 10 }, WRONG },
	{ MSG_OPENED, TWICE, 0, { 0 }, WRONG },
	{ MSG_OPENED, PUT_LONG, TAIL(opened, 16), { 0, G, UINT64_MAX }, ANY },

	/* /y/a has three pieces, of which one padded too; then /y/b. */
	{ MSG_DIGESTS, PUT_LONG, BODY(digests, id), { 0, 1, UINT64_MAX },
	    WRONG },
	{ MSG_DIGESTS, PUT, BODY(digests, count), { 0, 1, 3, 16, 17, G, FAR },
	    WRONG },
	{ MSG_DIGESTS, PUT, ITEM(digests, status), { 0, 2, 3, 99 }, ANY },
	{ MSG_DIGESTS, PUT, ITEM(digests, first), { 1, 2, G, FAR }, WRONG },
	{ MSG_DIGESTS, PUT, ITEM(digests, count), { 0, 3, 5, G, FAR }, WRONG },
	{ MSG_DIGESTS, PUT_LONG, TAIL(digests, 24), { 0, G, UINT64_MAX }, ANY },
	{ MSG_DIGESTS, CUT, 0, { 1, 20, 100, 120, 239 }, WRONG },
	{ MSG_DIGESTS, TWICE, 0, { 0 }, WRONG },

	/* Two that are not known. */
	{ MSG_PIECES, PUT_LONG, BODY(pieces, id), { 0, 1, UINT64_MAX }, TAKEN },
	{ MSG_PIECES, PUT, BODY(pieces, count), { 3, 4, G, FAR }, WRONG },
	{ MSG_PIECES, PUT, BODY(pieces, used_us), { 1, 5000, G, FAR }, ANY },
	{ MSG_PIECES, PUT, ITEM(pieces, index), { 1, 2, 3, G, FAR }, WRONG },
	{ MSG_PIECES, PUT, ITEM(pieces, total), { 1, 3, 4, 5, G, FAR }, WRONG },
	{ MSG_PIECES, PUT, ITEM(pieces, count), { 1, 2, G, FAR }, WRONG },
	{ MSG_PIECES, PUT, ITEM(pieces, flags), { 1, 2, G, FAR }, WRONG },
	{ MSG_PIECES, CUT, 0, { 1, 15, 16, 31, 32 }, WRONG },
	{ MSG_PIECES, TWICE, 0, { 0 }, ANY },
	{ MSG_PIECES, MADE, 0, { 6 }, WRONG },
#undef BODY
#undef TAIL
#undef ITEM
#undef G
#undef FAR
};

#define LIES	(sizeof(lies) / sizeof(lies[0]))

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
	/* A message without meaning does not keep the truth out. */
	if (lies[lie_row].outcome == TAKEN || lies[lie_row].spoil == TWICE)
		copy_say(&b->as_child, copy);
	return true;
}

/* The parent's part: the liar is replaced. */
static void
replace_liars(void)
{
	int i;

	for (i = 0; i < PEERS; i++)
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
	/* Also to forget that nobody knew them a moment ago. */
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

TEST(front__crafted)
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

#define ANSWERS		6	/* of children to the front, for a request */

static uint32_t	lies_told;
static uint32_t	truths_left;
static bool	lied;		/* while the client waits */

/*
 * Once while a client waits: if two of a kind in a row end over a request, the
 * front refuses it for minutes.
 */
static bool
tell_lies(struct between *b, struct copy *copy)
{
	if (lied || truths_left-- > 0)
		return false;
	lied = true;
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

/* What was told before may still be on its way to another child. */
static bool
tell_no_lies(struct between *b, struct copy *copy)
{
	(void)b;
	(void)copy;
	return false;
}

TEST(front__random)
{
	uint32_t asked = 0;

	start();
	rogue_random(&between(ROLE_WALKER)->as_child, RANDOM / 5);
	rogue_random(&between(ROLE_HASHER)->as_child, RANDOM / 5);
	rogue_random(&between(ROLE_CACHE)->as_child, RANDOM / 5);
	for (; lies_told < RANDOM / 5 * 2; asked++) {
		lied = false;
		truths_left = any(ANSWERS);
		tamper = tell_lies;
		(void)ask();
		/* The next of its kind gives a true answer. */
		tamper = tell_no_lies;
		ATF_REQUIRE_EQ_MSG(200, ask(), "after %u lies", lies_told);
	}
	printf("%u messages during %u requests\n", lies_told, asked);
	tamper = NULL;
	ATF_CHECK_EQ(200, ask());
	ATF_CHECK(is_reference());
	stop_everybody();
}

/*
 * A child ends in the middle of its answer.  Is it replaced, or has the front
 * to do without?
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

TEST(front__halves)
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
	/* Files as new as that are not remembered. */
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

static bool
front_has_logged(const char *words)
{
	return front.log.data != NULL &&
	    strstr((const char *)front.log.data, words) != NULL;
}

/* Lines of the access log that the parent does not take are counted. */
TEST(front__access_log_is_busy)
{
	char request[8192], fill[2400], answer_text[2048];
	int fd, i, n;

	make_mirror();
	start_everybody("access-log yes\n");
	memset(fill, 'r', sizeof(fill));
	n = snprintf(request, sizeof(request), "HEAD /m/torrent_service/"
	    "nullfile/1 HTTP/1.1\r\nHost: mirror\r\nRange: bytes=0-0\r\n"
	    "Referer: %.*s\r\nUser-Agent: %.*s\r\n\r\n", (int)sizeof(fill),
	    fill, (int)sizeof(fill), fill);
	fd = front_connect();
	for (i = 0; i < 1000; i++) {
		ATF_REQUIRE_EQ(n, write(fd, request, (size_t)n));
		ATF_REQUIRE(read(fd, answer_text, sizeof(answer_text)) > 0);
	}
	proc_hear(&front);
	ATF_REQUIRE_EQ(n, write(fd, request, (size_t)n));
	while (!front_has_logged("lines of the access log were lost, because "
	    "the log was busy"))
		proc_wait(&front, -1, 0);
	close(fd);
	stop_everybody();
}
