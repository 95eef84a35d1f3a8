/* SPDX-License-Identifier: ISC */
/*
 * The promises of the message table, over real socketpairs: messages that it
 * allows arrive as they were sent; any other is named, leaks no descriptor and
 * leaves the receiver as it was.
 */
#include <dirent.h>

#include "common/msg.h"
#include "tests/lib/test.h"

struct row {
	uint32_t	type;
	unsigned	from;
	unsigned	to;
	size_t		body;
	size_t		tail;
	int		fd_min;
	int		fd_max;
};

static const struct row rows[] = {
#define X(name, from, to, body, tail, fdmin, fdmax, bound)		\
	{ MSG_##name, from, to, sizeof(struct msg_##body), tail, fdmin, fdmax },
	MSG_TABLE(X)
#undef X
};

#define NROWS	(sizeof(rows) / sizeof(rows[0]))

static uint8_t	buf[MSG_MAX] __attribute__((__aligned__(8)));
static uint8_t	bytes[2 * MSG_MAX];

/* Two ends as seen by their roles; ends[1] is the receiver. */
static void
make_channel(struct channel ends[2], enum role from, enum role to)
{
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	memset(ends, 0, 2 * sizeof(ends[0]));
	ends[0] = (struct channel){ .fd = fds[0], .self = from, .peer = to };
	ends[1] = (struct channel){ .fd = fds[1], .self = to, .peer = from,
	    .index = 7 };
}

static void
close_channel(struct channel ends[2])
{
	close(ends[0].fd);
	close(ends[1].fd);
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ATF_REQUIRE(dir != NULL);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Around every check of msg_send(), as a broken-in sender could. */
static ssize_t
send_raw(int fd, const void *data, size_t len, int nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(128 * sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	int i, null;
	ssize_t n;

	null = open("/dev/null", O_RDONLY);
	ATF_REQUIRE(null != -1);
	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		for (i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(cmsg) + (size_t)i * sizeof(int),
			    &null, sizeof(int));
	}
	n = sendmsg(fd, &mh, MSG_NOSIGNAL);
	close(null);
	return n;
}

static ssize_t
send_claim(int fd, uint32_t type, uint32_t claimed, size_t len, int nfds)
{
	struct msg_header hdr = { type, claimed };

	memset(bytes, 0, sizeof(hdr) + len);
	memcpy(bytes, &hdr, sizeof(hdr));
	return send_raw(fd, bytes, sizeof(hdr) + len, nfds);
}

/* Send around the checks; the receiver must find that fault, lose no
   descriptor, and still take the next message. */
static void
expect_fault(enum role from, enum role to, uint32_t type, size_t len,
    int nfds, enum msg_fault fault)
{
	struct channel ends[2];
	struct msg msg;
	struct msg_wrong wrong;
	int before;

	make_channel(ends, from, to);
	before = count_fds();
	ATF_REQUIRE(send_claim(ends[0].fd, type, (uint32_t)len, len,
	    nfds) != -1);
	ATF_REQUIRE_EQ_MSG(MSG_WRONG_ONE,
	    msg_recv(&ends[1], buf, &msg, &wrong),
	    "%s of %zu bytes, %d descriptors, %s to %s was taken",
	    msg_name(type), len, nfds, role_name(from), role_name(to));
	ATF_CHECK_EQ_MSG(fault, wrong.fault, "%s: fault %u", msg_name(type),
	    wrong.fault);
	ATF_CHECK_EQ(type, wrong.type);
	ATF_CHECK_EQ((uint32_t)from, wrong.role);
	ATF_CHECK_EQ(7, wrong.index);
	ATF_CHECK_EQ(0, msg.nfds);
	ATF_CHECK_EQ_MSG(before, count_fds(), "descriptors leaked");
	ATF_CHECK_EQ(0, ends[1].received);
	close_channel(ends);
}

static enum role
first_of(unsigned mask)
{
	return (enum role)__builtin_ctz(mask);
}

static struct channel ends[2];
static struct msg msg;
static struct msg_wrong wrong;

TEST(msg__every_row_passes)
{
	const struct row *r;
	int fds[MSG_FDS_MAX], i;

	for (i = 0; i < MSG_FDS_MAX; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	memset(bytes, 'x', sizeof(bytes));
	for (r = rows; r < rows + NROWS; r++) {
		ATF_CHECK_EQ(r->body, msg_body_len((enum msg_type)r->type));
		make_channel(ends, first_of(r->from), first_of(r->to));
		ATF_REQUIRE_EQ_MSG(0, msg_send(&ends[0],
		    (enum msg_type)r->type, bytes, bytes, r->tail, fds,
		    r->fd_max), "%s: %s", msg_name(r->type),
		    strerror(errno));
		ATF_REQUIRE_EQ_MSG(MSG_GOT,
		    msg_recv(&ends[1], buf, &msg, &wrong), "%s",
		    msg_name(r->type));
		ATF_CHECK_EQ(r->type, (uint32_t)msg.type);
		ATF_CHECK_EQ(r->tail, msg.tail_len);
		ATF_CHECK_EQ(0, memcmp(msg.body, bytes, r->body));
		ATF_CHECK_EQ(0, memcmp(msg.tail, bytes, r->tail));
		ATF_CHECK_EQ(r->fd_max, msg.nfds);
		for (i = 0; i < msg.nfds; i++)
			ATF_CHECK(fcntl(msg.fds[i], F_GETFD) & FD_CLOEXEC);
		msg_close_fds(&msg);
		ATF_CHECK_EQ(MSG_AGAIN, msg_recv(&ends[1], buf, &msg, &wrong));
		ATF_CHECK_EQ(1, ends[0].sent);
		ATF_CHECK_EQ(1, ends[1].received);
		close_channel(ends);
	}
}

TEST(msg__every_row_wrong_role)
{
	const struct row *r;
	int from, to;

	for (r = rows; r < rows + NROWS; r++)
		for (from = 0; from < ROLE_COUNT; from++)
			for (to = 0; to < ROLE_COUNT; to++)
				if (!(r->from & (1U << from)) ||
				    !(r->to & (1U << to)))
					expect_fault((enum role)from,
					    (enum role)to, r->type, r->body,
					    r->fd_min, FAULT_TYPE);
}

TEST(msg__every_row_wrong_length)
{
	const struct row *r;
	enum role from, to;

	for (r = rows; r < rows + NROWS; r++) {
		from = first_of(r->from);
		to = first_of(r->to);
		expect_fault(from, to, r->type, 0, r->fd_min, FAULT_LENGTH);
		expect_fault(from, to, r->type, r->body - 1, r->fd_min,
		    FAULT_LENGTH);
		expect_fault(from, to, r->type, r->body + r->tail + 1,
		    r->fd_min, FAULT_LENGTH);
	}
}

TEST(msg__every_row_wrong_fds)
{
	const struct row *r;
	enum role from, to;

	for (r = rows; r < rows + NROWS; r++) {
		from = first_of(r->from);
		to = first_of(r->to);
		if (r->fd_min > 0)
			expect_fault(from, to, r->type, r->body,
			    r->fd_min - 1, FAULT_FDS);
		expect_fault(from, to, r->type, r->body, r->fd_max + 1,
		    FAULT_FDS);
		expect_fault(from, to, r->type, r->body, 100, FAULT_FDS);
	}
}

/* The receiver is not fooled by a message's own length. */
TEST(msg__header_lies)
{
	static const uint32_t types[] = { 0, MSG_COUNT, UINT32_MAX };
	size_t i;

	EACH(each, types)
		expect_fault(ROLE_PARENT, ROLE_FRONT, *each, 8, 0, FAULT_TYPE);
	make_channel(ends, ROLE_FRONT, ROLE_WALKER);
	/* CANCEL has 8 bytes of body: more, fewer, none, and no header. */
	ATF_REQUIRE(send_claim(ends[0].fd, MSG_CANCEL, 9, 8, 0) != -1);
	ATF_REQUIRE(send_claim(ends[0].fd, MSG_CANCEL, 8, 9, 0) != -1);
	ATF_REQUIRE(send_claim(ends[0].fd, MSG_CANCEL, UINT32_MAX, 8,
	    1) != -1);
	ATF_REQUIRE(send_raw(ends[0].fd, bytes, 7, 2) != -1);
	for (i = 0; i < 4; i++) {
		ATF_CHECK_EQ(MSG_WRONG_ONE,
		    msg_recv(&ends[1], buf, &msg, &wrong));
		ATF_CHECK_EQ(FAULT_LENGTH, wrong.fault);
	}
	ATF_REQUIRE(send_claim(ends[0].fd, MSG_CANCEL, 8, 8, 0) != -1);
	ATF_CHECK_EQ(MSG_GOT, msg_recv(&ends[1], buf, &msg, &wrong));
	close_channel(ends);
}

TEST(msg__longer_than_the_buffer)
{
	int before;

	make_channel(ends, ROLE_PARENT, ROLE_FRONT);
	before = count_fds();
	/* A message that fits says that nothing is missing. */
	ATF_REQUIRE(send_claim(ends[0].fd, MSG_CONF,
	    MSG_MAX - sizeof(struct msg_header), MSG_MAX, 3) != -1);
	ATF_CHECK_EQ(MSG_WRONG_ONE, msg_recv(&ends[1], buf, &msg, &wrong));
	ATF_CHECK_EQ(FAULT_LENGTH, wrong.fault);
	ATF_CHECK_EQ(before, count_fds());
	close_channel(ends);
}

TEST(msg__sender_keeps_the_table)
{
	struct msg_id id = { 1 };
	int fd = STDIN_FILENO;

	make_channel(ends, ROLE_FRONT, ROLE_WALKER);
	ATF_CHECK_ERRNO(EINVAL, msg_send(&ends[0], MSG_KEY, bytes, NULL, 0,
	    NULL, 0) == -1);
	ATF_CHECK_ERRNO(EINVAL, msg_send(&ends[0], MSG_CANCEL, &id, "x", 1,
	    NULL, 0) == -1);
	ATF_CHECK_ERRNO(EINVAL, msg_send(&ends[0], MSG_CANCEL, &id, NULL, 0,
	    &fd, 1) == -1);
	ATF_CHECK_ERRNO(EINVAL, msg_send(&ends[0], MSG_CANCEL, NULL, NULL, 0,
	    NULL, 0) == -1);
	ATF_CHECK_ERRNO(EINVAL, msg_send_wait(&ends[0], MSG_CANCEL, &id,
	    bytes, SIZE_MAX, NULL, 0) == -1);
	ATF_CHECK_EQ(0, ends[0].sent);
	close_channel(ends);
}

TEST(msg__peer_gone)
{
	struct msg_id id = { 1 };

	make_channel(ends, ROLE_FRONT, ROLE_WALKER);
	ATF_CHECK_EQ(MSG_AGAIN, msg_recv(&ends[1], buf, &msg, &wrong));
	/* Messages that were sent before the end still arrive. */
	ATF_REQUIRE_EQ(0, msg_send(&ends[0], MSG_CANCEL, &id, NULL, 0, NULL,
	    0));
	close(ends[0].fd);
	ATF_CHECK_EQ(MSG_GOT, msg_recv(&ends[1], buf, &msg, &wrong));
	ATF_CHECK_EQ(MSG_CLOSED, msg_recv(&ends[1], buf, &msg, &wrong));
	ends[1].self = ROLE_FRONT;
	ends[1].peer = ROLE_WALKER;
	ATF_CHECK_ERRNO(EPIPE, msg_send(&ends[1], MSG_CANCEL, &id, NULL, 0,
	    NULL, 0) == -1);
	ATF_CHECK_ERRNO(EPIPE, msg_send_wait(&ends[1], MSG_CANCEL, &id, NULL,
	    0, NULL, 0) == -1);
	close(ends[1].fd);

	/* Gone with something of ours unread: a reset. */
	make_channel(ends, ROLE_FRONT, ROLE_WALKER);
	ATF_REQUIRE_EQ(0, msg_send(&ends[0], MSG_CANCEL, &id, NULL, 0, NULL,
	    0));
	close(ends[1].fd);
	ATF_CHECK_EQ(MSG_CLOSED, msg_recv(&ends[0], buf, &msg, &wrong));
	close(ends[0].fd);

	/* A message of no bytes, with a descriptor hidden in it. */
	make_channel(ends, ROLE_FRONT, ROLE_WALKER);
	ATF_REQUIRE_EQ(0, send_raw(ends[0].fd, bytes, 0, 1));
	ATF_CHECK_EQ(MSG_CLOSED, msg_recv(&ends[1], buf, &msg, &wrong));
	ATF_CHECK_EQ(0, msg.nfds);
	close_channel(ends);
}

/* Fills the channel; how many messages of the greatest length fit. */
static int
fill(struct channel *ch)
{
	struct msg_id id = { 0 };
	int n = 0;

	while (msg_send(ch, MSG_LISTING, &id, bytes, MSG_TAIL_MAX, NULL,
	    0) == 0)
		n++;
	ATF_REQUIRE_EQ_MSG(EAGAIN, errno, "%s", strerror(errno));
	return n;
}

TEST(msg__busy_peer)
{
	int n;

	make_channel(ends, ROLE_WALKER, ROLE_FRONT);
	n = fill(&ends[0]);
	ATF_CHECK_MSG(n >= 3, "only %d messages fit", n);
	for (; n > 0; n--)
		ATF_CHECK_EQ(MSG_GOT, msg_recv(&ends[1], buf, &msg, &wrong));
	ATF_CHECK_EQ(MSG_AGAIN, msg_recv(&ends[1], buf, &msg, &wrong));
	close_channel(ends);
}

/* Takes all there is until the other end closes; the number. */
static int
drain(struct channel *ch)
{
	struct pollfd pfd = { .fd = ch->fd, .events = POLLIN };
	enum msg_verdict verdict;
	int n = 0;

	while ((verdict = msg_recv(ch, buf, &msg, &wrong)) != MSG_CLOSED) {
		if (verdict == MSG_GOT)
			n++;
		else if (verdict != MSG_AGAIN || poll(&pfd, 1, -1) == -1)
			return -1;
	}
	return n;
}

TEST(msg__wait_for_a_busy_peer)
{
	struct msg_id id = { 0 };
	int i, n, status;
	pid_t pid;

	make_channel(ends, ROLE_WALKER, ROLE_FRONT);
	n = fill(&ends[0]);
	pid = fork();
	ATF_REQUIRE(pid != -1);
	if (pid == 0) {
		close(ends[0].fd);
		_exit(drain(&ends[1]) == n + 20 ? 0 : 1);
	}
	close(ends[1].fd);
	for (i = 0; i < 20; i++)
		ATF_REQUIRE_EQ(0, msg_send_wait(&ends[0], MSG_LISTING, &id,
		    bytes, MSG_TAIL_MAX, NULL, 0));
	close(ends[0].fd);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "messages were lost on the way");
}

TEST(msg__wait_ends_with_the_peer)
{
	struct msg_id id = { 0 };
	int status;
	pid_t pid;

	make_channel(ends, ROLE_WALKER, ROLE_FRONT);
	fill(&ends[0]);
	pid = fork();
	ATF_REQUIRE(pid != -1);
	if (pid == 0)
		_exit(0);
	close(ends[1].fd);
	ATF_CHECK_ERRNO(EPIPE, msg_send_wait(&ends[0], MSG_LISTING, &id,
	    bytes, MSG_TAIL_MAX, NULL, 0) == -1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	close(ends[0].fd);
}

TEST(msg__names)
{
	ATF_CHECK_STREQ("CONF", msg_name(MSG_CONF));
	ATF_CHECK_STREQ("TOUCH", msg_name(MSG_TOUCH));
	ATF_CHECK_STREQ("unknown", msg_name(MSG_COUNT));
	ATF_CHECK_STREQ("unknown", msg_name(UINT32_MAX));
	ATF_CHECK_STREQ("walker", role_name(ROLE_WALKER));
	ATF_CHECK_STREQ("tracker", role_name(ROLE_TRACKER));
	ATF_CHECK_STREQ("unknown", role_name(ROLE_COUNT));
	ATF_CHECK_EQ(0, msg_body_len(MSG_COUNT));
}

/* The trust that the seals rest on, through all changes of the table. */
TEST(msg__front_is_not_trusted)
{
	const struct row *r;
	unsigned pairs;

	for (r = rows; r < rows + NROWS; r++) {
		if (r->type == MSG_KEY)
			ATF_CHECK_EQ(0, r->to & FRONT);
		/* Walker, hashers, cache and tracker never talk to each
		   other. */
		pairs = WORKERS & r->from;
		if (pairs != 0)
			ATF_CHECK_EQ(0, r->to & WORKERS);
	}
}
