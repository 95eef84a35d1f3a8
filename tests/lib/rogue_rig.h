/*
 * For tests in which one end of a channel has been broken into: the real main
 * of a role in a process of its own, with the test for its parent and for its
 * peers, which send what they like.
 */
#ifndef ROGUE_RIG_H
#define ROGUE_RIG_H

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/listing.h"
#include "common/child.h"
#include "common/seal.h"

#define WAIT_MS		30000
#define ROGUE_FDS_MAX	100

static const uint8_t	rogue_key[SEAL_LEN] = "the key that no front has";
static uint8_t		inbox[MSG_MAX] __attribute__((__aligned__(8)));

struct victim {
	pid_t		 pid;
	enum role	 role;
	struct channel	 parent;	/* our end */
	struct msg_wrong wrong;		/* the last one that it reported */
	unsigned	 reports;	/* how many it did, … */
	unsigned	 settled;	/* … of which we know the reason */
	unsigned	 lines;		/* in its log */
	char		 line[2049];	/* the last of them */
	bool		 ready;
};

/* One of its peers: us. */
struct rogue {
	struct victim	*victim;
	struct channel	 ch;		/* fd -1: the victim closed it */
	uint64_t	 pings;
	/* Ask what any honest peer may ask: has the channel been closed, or
	   does it answer, all that came before having been seen? */
	bool		(*honest)(struct rogue *);
	/* Instead of rogue_refused(), where the victim is no child. */
	void		(*refused)(struct rogue *, uint32_t type,
			    enum msg_fault, const char *what);
	/* What an honest peer would send, into a buffer of MSG_MAX: its
	   length.  To be spoilt; NULL: there is nothing to be had so. */
	size_t		(*honestly)(uint8_t *);
	/* Other answers on the way, for tests that look at them. */
	void		(*on_answer)(struct rogue *, struct msg *);
};

static inline void
victim_send(struct victim *v, enum msg_type type, const void *body,
    const void *tail, size_t len, int fd)
{
	ATF_REQUIRE_MSG(msg_send_wait(&v->parent, type, body, tail, len, &fd,
	    fd == -1 ? 0 : 1) == 0, "%s: %s; its last words: %s",
	    msg_name(type), strerror(errno), v->line);
}

/* What it tells its parent, as far as it is there. */
static inline void
victim_hear(struct victim *v)
{
	struct msg_wrong wrong;
	enum msg_verdict verdict;
	struct msg msg;

	while ((verdict = msg_recv(&v->parent, inbox, &msg, &wrong)) ==
	    MSG_GOT) {
		switch (msg.type) {
		case MSG_READY:
			v->ready = true;
			break;
		case MSG_LOG:
			v->lines++;
			snprintf(v->line, sizeof(v->line), "%.*s",
			    (int)msg.tail_len, (const char *)msg.tail);
			break;
		case MSG_WRONG:
			v->reports++;
			memcpy(&v->wrong, msg.body, sizeof(v->wrong));
			break;
		case MSG_ACCESS:
		case MSG_ALIVE:
			break;
		default:
			atf_tc_fail("%s of the %s: %u", msg_name(msg.type),
			    role_name(v->role),
			    ((const struct msg_syscall *)msg.body)->nr);
		}
	}
	ATF_REQUIRE_MSG(verdict == MSG_AGAIN, "the %s has ended: %s",
	    role_name(v->role), v->line);
}

/* Wait for a word of it; for one of the peer's channel too, if it is open. */
static inline void
victim_wait(struct victim *v, int fd, short events)
{
	struct pollfd pfds[2] = {
		{ v->parent.fd, POLLIN, 0 }, { fd, events, 0 },
	};

	ATF_REQUIRE_MSG(poll(pfds, 2, WAIT_MS) > 0, "the %s is silent: %s",
	    role_name(v->role), v->line);
	if (pfds[0].revents != 0)
		victim_hear(v);
}

static inline void
victim_configure(struct victim *v, const char *text)
{
	struct msg_conf body = { .role = v->role };

	victim_send(v, MSG_CONF, &body, text, strlen(text), -1);
}

/* Below the test's own directory: www is the mirror, cache the cache. */
static inline const char *
victim_conf(const char *more)
{
	static char text[3 * PATH_MAX];
	char cwd[PATH_MAX];

	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	snprintf(text, sizeof(text), "root %s/www\ncache %s/cache\n"
	    "hashers 1\npiece-length 16K\nsandbox best-effort\n%s", cwd, cwd,
	    more);
	return text;
}

static inline void
victim_start(struct victim *v, enum role role, const char *more)
{
	static void (*const mains[ROLE_COUNT])(void) = {
		[ROLE_FRONT] = front_main, [ROLE_WALKER] = walker_main,
		[ROLE_HASHER] = hasher_main, [ROLE_CACHE] = cache_main,
	};
	struct msg_key key;
	int fds[2];

	memset(v, 0, sizeof(*v));
	v->role = role;
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	fflush(NULL);
	v->pid = fork();
	ATF_REQUIRE(v->pid != -1);
	if (v->pid == 0) {
		if (dup2(fds[1], PARENT_FD) == -1)
			_exit(99);
		close_range(PARENT_FD + 1, ~0U, 0);
		mains[role]();
	}
	close(fds[1]);
	v->parent = (struct channel){ .fd = fds[0], .self = ROLE_PARENT,
	    .peer = role };
	victim_configure(v, victim_conf(more));
	memcpy(key.key, rogue_key, sizeof(key.key));
	if ((1U << role) & SEALERS)
		victim_send(v, MSG_KEY, &key, NULL, 0, -1);
	while (!v->ready)
		victim_wait(v, -1, 0);
}

/* It ends with its parent, and has not ended before. */
static inline void
victim_stop(struct victim *v)
{
	int status;

	close(v->parent.fd);
	ATF_REQUIRE_EQ(v->pid, waitpid(v->pid, &status, 0));
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "the %s ended with %#x: %s", role_name(v->role), status, v->line);
}

/* It has answered its parent: what was sent before has been seen, too. */
static inline void
victim_ask_status(struct victim *v)
{
	unsigned before = v->lines;

	victim_send(v, MSG_STATUS, NULL, NULL, 0, -1);
	while (v->lines == before)
		victim_wait(v, -1, 0);
}

/* A new channel, as after a restart of that peer. */
static inline void
rogue_connect(struct rogue *r, struct victim *v, enum role self,
    uint32_t index)
{
	struct msg_channel body = { .role = self, .index = index };
	int fds[2];

	if (r->victim == v && r->ch.fd != -1)
		close(r->ch.fd);
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	victim_send(v, MSG_CHANNEL, &body, NULL, 0, fds[1]);
	close(fds[1]);
	r->victim = v;
	r->ch = (struct channel){ .fd = fds[0], .self = self,
	    .peer = v->role, .index = index };
}

/* The next answer, if one is there: false when there is not.  A channel that
   was closed is closed here as well. */
static inline bool
rogue_take(struct rogue *r, struct msg *msg)
{
	struct msg_wrong wrong;

	if (r->ch.fd == -1)
		return false;
	switch (msg_recv(&r->ch, inbox, msg, &wrong)) {
	case MSG_GOT:
		return true;
	case MSG_AGAIN:
		break;
	case MSG_CLOSED:
		close(r->ch.fd);
		r->ch.fd = -1;
		break;
	case MSG_WRONG_ONE:
		atf_tc_fail("the %s itself sent a wrong %s",
		    role_name(r->victim->role), msg_name(wrong.type));
	}
	return false;
}

static inline void
rogue_pass(struct rogue *r, struct msg *msg)
{
	if (r->on_answer != NULL)
		r->on_answer(r, msg);
	msg_close_fds(msg);
}

/* All answers that are there. */
static inline void
rogue_drain(struct rogue *r)
{
	struct msg msg;

	while (rogue_take(r, &msg))
		rogue_pass(r, &msg);
}

/* The answer of this type with this number; false: it closed the channel.
   The message is the caller's. */
static inline bool
rogue_await(struct rogue *r, enum msg_type type, uint64_t id,
    struct msg *msg)
{
	for (;;) {
		while (rogue_take(r, msg)) {
			if (msg->type == type && memcmp(msg->body, &id,
			    sizeof(id)) == 0)
				return true;
			rogue_pass(r, msg);
		}
		if (r->ch.fd == -1)
			return false;
		victim_wait(r->victim, r->ch.fd, POLLIN);
	}
}

/*
 * Around every check of msg_send().  A victim that is busy answering is
 * listened to; one that has closed the channel misses the rest.
 */
static inline void
rogue_send(struct rogue *r, const void *bytes, size_t len, const int *fds,
    int nfds)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(ROGUE_FDS_MAX * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	control.head.cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
	if (nfds > 0) {
		memcpy(CMSG_DATA(&control.head), fds,
		    (size_t)nfds * sizeof(int));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
	}
	while (r->ch.fd != -1 && sendmsg(r->ch.fd, &mh, MSG_NOSIGNAL) == -1) {
		if (errno == EAGAIN)
			victim_wait(r->victim, r->ch.fd, POLLIN | POLLOUT);
		else
			ATF_REQUIRE_MSG(errno == EPIPE || errno == ECONNRESET,
			    "sendmsg: %s", strerror(errno));
		rogue_drain(r);
	}
}

/* As msg_send() does it, but for every check. */
static inline void
rogue_say(struct rogue *r, uint32_t type, const void *body, size_t body_len,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	static uint8_t bytes[2 * MSG_MAX];
	struct msg_header head = { type, (uint32_t)(body_len + tail_len) };

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), body, body_len);
	if (tail_len > 0)
		memcpy(bytes + sizeof(head) + body_len, tail, tail_len);
	rogue_send(r, bytes, sizeof(head) + body_len + tail_len, fds, nfds);
}

/*
 * After something wrong: it has closed the channel, told its parent of whom,
 * of which message and of what kind of fault, once; and a new channel is as
 * good as the first.
 */
static inline void
rogue_refused(struct rogue *r, uint32_t type, enum msg_fault fault,
    const char *what)
{
	struct victim *v = r->victim;
	const struct msg_wrong *wrong = &v->wrong;

	ATF_REQUIRE_MSG(!r->honest(r), "%s: taken", what);
	victim_hear(v);
	ATF_REQUIRE_EQ_MSG(v->settled + 1, v->reports, "%s: %u reports",
	    what, v->reports - v->settled);
	ATF_CHECK_MSG(wrong->role == (uint32_t)r->ch.self &&
	    wrong->index == r->ch.index && wrong->type == type &&
	    wrong->fault == (uint32_t)fault,
	    "%s: reported as %s %u, %s, fault %u, not %s, fault %u", what,
	    role_name((enum role)wrong->role), wrong->index,
	    msg_name(wrong->type), wrong->fault, msg_name(type), fault);
	v->settled = v->reports;
	rogue_connect(r, v, r->ch.self, r->ch.index);
}

#endif
