/*
 * A front at work between a real walker, a real hasher and a real cache, with
 * the test in the middle of each channel and as its client.
 */
#ifndef ROGUE_FRONT_H
#define ROGUE_FRONT_H

#include <sys/un.h>

#include "tests/lib/rogue_lies.h"

#define SOCKET_PATH	"socket"
#define PIECE		16384U

/* One of its three peers. */
struct between {
	struct victim	 child;
	struct rogue	 as_child;	/* towards the front */
	struct rogue	 as_front;	/* towards the child */
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

static struct victim	 front;
static struct between	 peers[3];
static int		 client = -1;
static struct buf	 answer;
static bool		 answered;
/* Is shown what children say: true: it was dealt with. */
static bool		(*tamper)(struct between *, struct copy *);

static inline int
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
static inline void
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
		victim_wait(&front, fd, POLLIN);
		n = recv(fd, text + len, sizeof(text) - len, MSG_DONTWAIT);
		ATF_REQUIRE(n > 0 || (n == -1 && errno == EAGAIN));
		len += n > 0 ? (size_t)n : 0;
	} while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0);
}

static inline bool
front_answers(struct rogue *r)
{
	/* It has the channel, … */
	victim_ask_status(&front);
	/* … a turn after that may look at the client first, the second
	   comes after one that has looked at both. */
	front_take_turn();
	front_take_turn();
	rogue_drain(r);
	return r->ch.fd != -1;
}

static inline struct between *
between(enum role role)
{
	return &peers[role - ROLE_WALKER];
}

/* Both ends new, as when the parent has replaced the child. */
static inline void
between_connect(struct between *b)
{
	rogue_connect(&b->as_front, &b->child, ROLE_FRONT, 0);
	rogue_connect(&b->as_child, &front, b->child.role, 0);
}

static inline void
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

static inline void
copy_say(struct rogue *r, const struct copy *copy)
{
	rogue_say(r, copy->type, copy->body, copy->body_len, copy->tail,
	    copy->tail_len, copy->fds, copy->nfds);
}

/* What has come from either side goes to the other. */
static inline void
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
	if (b->as_front.ch.fd != -1)
		return;
	victim_hear(&b->child);
	/* For a wrong seal its bearer is blamed, which is the front; a random
	   lie may be one. */
	if (tamper != NULL && b->child.wrong.fault == FAULT_SEAL) {
		memset(&b->child.wrong, 0, sizeof(b->child.wrong));
		b->child.reports--;
		between_connect(b);
		return;
	}
	atf_tc_fail("the %s did not like what the front was made to say "
	    "(fault %u of %s)",
	    role_name(b->child.role), b->child.wrong.fault,
	    msg_name(b->child.wrong.type));
}

static inline void
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
static inline void
relay(void)
{
	struct pollfd pfds[11] = { { front.parent.fd, POLLIN, 0 } };
	nfds_t n = 1;
	int i;

	pfds[n++] = (struct pollfd){ client, POLLIN, 0 };
	for (i = 0; i < 3; i++) {
		pfds[n++] = (struct pollfd){ peers[i].child.parent.fd,
		    POLLIN, 0 };
		pfds[n++] = (struct pollfd){ peers[i].as_child.ch.fd,
		    POLLIN, 0 };
		pfds[n++] = (struct pollfd){ peers[i].as_front.ch.fd,
		    POLLIN, 0 };
	}
	ATF_REQUIRE_MSG(poll(pfds, n, WAIT_MS) > 0, "nothing happens: %s",
	    front.line);
	victim_hear(&front);
	if (client != -1)
		client_read();
	for (i = 0; i < 3; i++) {
		victim_hear(&peers[i].child);
		between_pass(&peers[i]);
	}
}

static inline void
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
static inline unsigned
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

static inline void
start_listening(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = SOCKET_PATH };
	struct msg_listener body = { 0, 1 };
	struct msg_part part = { 0 };
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	ATF_REQUIRE_EQ(0, listen(fd, 16));
	victim_send(&front, MSG_TRACKERS, &part, "", 0, -1);
	victim_send(&front, MSG_LISTENER, &body, NULL, 0, fd);
	close(fd);
}

/* A mirror of the files that are named, of these sizes. */
static inline void
start_everybody(const char *more)
{
	enum role role;

	rogue_open_fds();
	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	victim_start(&front, ROLE_FRONT, more);
	for (role = ROLE_WALKER; role < ROLE_COUNT; role++) {
		victim_start(&between(role)->child, role, more);
		between_connect(between(role));
		between(role)->as_child.honest = front_answers;
	}
	start_listening();
}

static inline void
stop_everybody(void)
{
	int i;

	victim_stop(&front);
	for (i = 0; i < 3; i++) {
		/* Nobody else is blamed for what one of them says. */
		ATF_CHECK_EQ_MSG(0, peers[i].child.reports, "the %s took "
		    "offence at what the front passed on",
		    role_name(peers[i].child.role));
		victim_stop(&peers[i].child);
	}
}

#endif
