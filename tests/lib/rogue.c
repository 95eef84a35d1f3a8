/* SPDX-License-Identifier: ISC */
#include <sys/uio.h>

#include <limits.h>

#include "tests/lib/rogue.h"
#include "tests/lib/test.h"

void
rogue_start(struct proc *p, enum role role, const char *more)
{
	char cwd[PATH_MAX], text[3 * PATH_MAX];

	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	snprintf(text, sizeof(text), "root %s/www\ncache %s/cache\n"
	    "hashers 1\npiece-length 16K\nsandbox best-effort\n"
	    "tracker no\n%s", cwd, cwd, more);
	proc_start(p, role, 0, 0, text);
}

void
rogue_connect(struct rogue *r, struct proc *v, enum role self,
    uint32_t index)
{
	if (r->victim == v && r->ch.fd != -1)
		close(r->ch.fd);
	r->victim = v;
	r->ch = proc_connect(v, self, index);
}

bool
rogue_take(struct rogue *r, struct msg *msg)
{
	static uint8_t inbox[MSG_MAX] __attribute__((__aligned__(8)));
	struct msg_wrong wrong;

	if (r->ch.fd == -1)
		return false;
	switch (proc_recv(&r->ch, inbox, msg, &wrong)) {
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

static void
rogue_pass(struct rogue *r, struct msg *msg)
{
	if (r->on_answer != NULL)
		r->on_answer(r, msg);
	msg_close_fds(msg);
}

void
rogue_drain(struct rogue *r)
{
	struct msg msg;

	while (rogue_take(r, &msg))
		rogue_pass(r, &msg);
}

bool
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
		proc_wait(r->victim, r->ch.fd, POLLIN);
	}
}

bool
rogue_cache_answers(struct rogue *r)
{
	struct msg_get_info body = { .id = 1ULL << 63 | ++r->pings };
	struct msg msg;

	rogue_say(r, MSG_GET_INFO, &body, sizeof(body), NULL, 0, NULL, 0);
	return rogue_await(r, MSG_INFO, body.id, &msg);
}

void
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
			proc_wait(r->victim, r->ch.fd, POLLIN | POLLOUT);
		else
			ATF_REQUIRE_MSG(errno == EPIPE || errno == ECONNRESET,
			    "sendmsg: %s", strerror(errno));
		rogue_drain(r);
	}
}

void
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

void
rogue_refused(struct rogue *r, uint32_t type, enum msg_fault fault,
    const char *what)
{
	struct proc *v = r->victim;

	ATF_REQUIRE_MSG(!r->honest(r), "%s: taken", what);
	proc_hear(v);
	proc_check_blame(v, r->ch.self, r->ch.index, type, fault, what);
	rogue_connect(r, v, r->ch.self, r->ch.index);
}
