/*
 * For tests of the walker: the real walker_main() in a process of its own,
 * with the test for its parent and for its front, on a tree below the test's
 * working directory.
 */
#ifndef WALKER_HELP_H
#define WALKER_HELP_H

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/listing.h"
#include "common/child.h"
#include "common/seal.h"

#define WAIT_MS	60000		/* for an event that must come */

static const uint8_t	 key[SEAL_LEN] = "the key of this test";
static uint8_t		 inbox[MSG_MAX];

struct walker {
	pid_t		 pid;
	struct channel	 parent;	/* the test's ends */
	struct channel	 front;
	uint64_t	 last_id;
};

/* Answers to a RESOLVE. */
struct answer {
	uint64_t		 id;
	struct buf		 listing;
	struct msg_resolved	 end;
	bool			 slow;
};

static void
make_dir(const char *path)
{
	ATF_REQUIRE_MSG(mkdir(path, 0755) == 0, "%s", path);
}

static void
make_file(const char *path)
{
	int	 fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	ATF_REQUIRE_MSG(fd != -1, "%s", path);
	ATF_REQUIRE(write(fd, path, strlen(path)) == (ssize_t)strlen(path));
	close(fd);
}

static inline void
make_link(const char *target, const char *path)
{
	ATF_REQUIRE_MSG(symlink(target, path) == 0, "%s", path);
}

static void
make_channel(struct channel *ch, int fd, enum role self, enum role peer)
{
	memset(ch, 0, sizeof(*ch));
	ch->fd = fd;
	ch->self = self;
	ch->peer = peer;
}

/* The next message, which must be there within WAIT_MS; MSG_NONE when the
   channel has been closed. */
static enum msg_type
receive(struct channel *ch, struct msg *msg)
{
	struct pollfd		 pfd = { ch->fd, POLLIN, 0 };
	struct msg_wrong	 wrong;

	for (;;)
		switch (msg_recv(ch, inbox, msg, &wrong)) {
		case MSG_GOT:
			return msg->type;
		case MSG_CLOSED:
			return MSG_NONE;
		case MSG_AGAIN:
			ATF_REQUIRE_MSG(poll(&pfd, 1, WAIT_MS) == 1,
			    "nothing from the walker");
			break;
		case MSG_WRONG_ONE:
			atf_tc_fail("the walker sent a wrong %s",
			    msg_name(wrong.type));
		}
}

/* The next message of the parent's channel that is not for the log. */
static enum msg_type
receive_parent(struct walker *w, struct msg *msg)
{
	enum msg_type	 type;

	while ((type = receive(&w->parent, msg)) == MSG_LOG)
		printf("log: %.*s\n", (int)msg->tail_len,
		    (const char *)msg->tail);
	return type;
}

static void
must_send(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t len, const int *fds, int nfds)
{
	ATF_REQUIRE_MSG(msg_send_wait(ch, type, body, tail, len, fds,
	    nfds) == 0, "%s: %s", msg_name(type), strerror(errno));
}

/* As the parent sends it: in full. */
static void
walker_configure(struct walker *w, uint32_t index, const char *text)
{
	static const struct strings none;
	struct buf	 whole = { 0 }, errors = { 0 };
	struct conf	*conf;
	struct msg_conf	 body;

	conf = conf_parse("test", text, strlen(text), &none, &errors);
	ATF_REQUIRE_MSG(conf != NULL, "%.*s", (int)errors.len,
	    (const char *)errors.data);
	ATF_REQUIRE(conf_print(conf, &whole) == 0);
	memset(&body, 0, sizeof(body));
	body.role = ROLE_WALKER;
	body.index = index;
	must_send(&w->parent, MSG_CONF, &body, whole.data, whole.len, NULL,
	    0);
	buf_free(&whole);
	conf_free(conf);
}

/* A new channel to the front, as after its restart. */
static void
walker_connect(struct walker *w)
{
	struct msg_channel	 body;
	int			 fds[2];

	memset(&body, 0, sizeof(body));
	body.role = ROLE_FRONT;
	ATF_REQUIRE(msg_pair(fds) == 0);
	must_send(&w->parent, MSG_CHANNEL, &body, NULL, 0, &fds[1], 1);
	close(fds[1]);
	make_channel(&w->front, fds[0], ROLE_FRONT, ROLE_WALKER);
}

/* text: the whole configuration but for the sandbox's strictness. */
static void
walker_start(struct walker *w, uint32_t index, const char *text)
{
	struct msg_key	 msg_key;
	struct msg	 msg;
	char		 whole[16384];
	int		 fds[2];

	memset(w, 0, sizeof(*w));
	ATF_REQUIRE(msg_pair(fds) == 0);
	fflush(NULL);
	w->pid = fork();
	ATF_REQUIRE(w->pid != -1);
	if (w->pid == 0) {
		/* Also when the test fails while the walker is stopped. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
		    dup2(fds[1], PARENT_FD) == -1)
			_exit(99);
		close_range(PARENT_FD + 1, UINT_MAX, 0);
		walker_main();
	}
	close(fds[1]);
	make_channel(&w->parent, fds[0], ROLE_PARENT, ROLE_WALKER);
	snprintf(whole, sizeof(whole), "sandbox best-effort\n%s", text);
	walker_configure(w, index, whole);
	memcpy(msg_key.key, key, SEAL_LEN);
	must_send(&w->parent, MSG_KEY, &msg_key, NULL, 0, NULL, 0);
	ATF_REQUIRE_EQ(MSG_READY, receive_parent(w, &msg));
	walker_connect(w);
}

/* The walker on the directory "www" and nothing else. */
static void
walker_start_on_www(struct walker *w, const char *more)
{
	char	 text[8192], cwd[PATH_MAX];

	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	snprintf(text, sizeof(text), "root %s/www\n%s", cwd, more);
	walker_start(w, 0, text);
}

/* It leaves when its parent has gone, and has not died before. */
static void
walker_stop(struct walker *w)
{
	int	 status;

	close(w->parent.fd);
	ATF_REQUIRE(waitpid(w->pid, &status, 0) == w->pid);
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "the walker ended with status %#x", status);
	if (w->front.fd != -1)
		close(w->front.fd);
}

/* What is sent now is all there before the walker reads it. */
static inline void
pause_walker(const struct walker *w)
{
	int	 status;

	ATF_REQUIRE(kill(w->pid, SIGSTOP) == 0);
	ATF_REQUIRE(waitpid(w->pid, &status, WUNTRACED) == w->pid);
}

static inline void
resume_walker(const struct walker *w)
{
	ATF_REQUIRE(kill(w->pid, SIGCONT) == 0);
}

static void
specs_append(struct buf *b, uint32_t index, const char *spec)
{
	struct msg_spec	 head = { index, (uint32_t)strlen(spec) };

	ATF_REQUIRE(buf_add(b, &head, sizeof(head)) == 0);
	ATF_REQUIRE(buf_add(b, spec, head.len) == 0);
}

/* Returns the request's number. */
static uint64_t
send_specs(struct walker *w, const struct buf *specs, const uint8_t *expect)
{
	struct msg_resolve	 body;
	size_t			 at, n;

	memset(&body, 0, sizeof(body));
	body.id = ++w->last_id;
	if (expect != NULL) {
		body.flags = RESOLVE_EXPECT;
		memcpy(body.expect, expect, SEAL_LEN);
	}
	for (at = 0; at < specs->len; at += n) {
		n = specs->len - at;
		body.flags &= ~(uint32_t)PART_MORE;
		if (n > MSG_TAIL_MAX) {
			n = MSG_TAIL_MAX;
			body.flags |= PART_MORE;
		}
		must_send(&w->front, MSG_RESOLVE, &body, specs->data + at, n,
		    NULL, 0);
	}
	return body.id;
}

static inline uint64_t
send_spec(struct walker *w, const char *spec, uint32_t times)
{
	struct buf	 specs = { 0 };
	uint64_t	 id;
	uint32_t	 i;

	for (i = 0; i < times; i++)
		specs_append(&specs, i, spec);
	id = send_specs(w, &specs, NULL);
	buf_free(&specs);
	return id;
}

/* All of the next answer; other messages must not come in between. */
static void
receive_answer(struct walker *w, struct answer *a)
{
	const struct msg_id	*part;
	struct msg		 msg;

	memset(a, 0, sizeof(*a));
	for (;;)
		switch (receive(&w->front, &msg)) {
		case MSG_SLOW:
			a->slow = true;
			break;
		case MSG_LISTING:
			part = msg.body;
			ATF_CHECK(a->id == 0 || a->id == part->id);
			a->id = part->id;
			ATF_REQUIRE(buf_add(&a->listing, msg.tail,
			    msg.tail_len) == 0);
			break;
		case MSG_RESOLVED:
			memcpy(&a->end, msg.body, sizeof(a->end));
			ATF_CHECK(a->id == 0 || a->id == a->end.id);
			a->id = a->end.id;
			return;
		default:
			atf_tc_fail("%s in an answer", msg_name(msg.type));
		}
}

static const char *
status_name(uint32_t status)
{
	static const char *const names[] = {
		"0", "OK", "MISSING", "REFUSED", "NOT_FILE", "LINK"
	};

	return status < 6 ? names[status] : "?";
}

static const char *
result_name(uint32_t result)
{
	static const char *const names[] = { "0", "OK", "SAME", "FILES",
	    "ENTRIES", "DEPTH", "TIME", "PATTERN", "FAILED", "CANCELLED" };

	return result < 10 ? names[result] : "?";
}

/* As text: "OK /a/x /a/y; MISSING", or the result when it is not OK. */
static const char *
answer_text(const struct answer *a)
{
	static struct buf	 out;
	struct listing_reader	 r;
	const char		*sep = "";

	out.len = 0;
	if (a->end.result != RESOLVE_OK)
		return result_name(a->end.result);
	listing_open(&r, a->listing.data, a->listing.len);
	while (listing_next_spec(&r) == 1) {
		buf_addf(&out, "%s%s", sep, status_name(r.spec.status));
		while (listing_next_file(&r) == 1)
			buf_addf(&out, " %.*s", (int)r.file.len,
			    (const char *)r.path);
		sep = "; ";
	}
	ATF_REQUIRE(buf_add(&out, "", 1) == 0);
	return (const char *)out.data;
}

/* The next answer is this one and reads so. */
static inline void
expect_answer(struct walker *w, uint64_t id, const char *text)
{
	struct answer	 a;

	receive_answer(w, &a);
	ATF_CHECK_MSG(a.id == id, "answer %ju before %ju", (uintmax_t)a.id,
	    (uintmax_t)id);
	ATF_CHECK_STREQ(text, answer_text(&a));
	buf_free(&a.listing);
}

static inline const char *
ask_for(struct walker *w, const struct buf *specs)
{
	struct answer	 a;
	const char	*text;
	uint64_t	 id = send_specs(w, specs, NULL);

	receive_answer(w, &a);
	ATF_CHECK(a.id == id);
	text = answer_text(&a);
	buf_free(&a.listing);
	return text;
}

/* What does this spec alone resolve to? */
static inline const char *
ask(struct walker *w, const char *spec)
{
	struct buf	 specs = { 0 };
	const char	*text;

	specs_append(&specs, 0, spec);
	text = ask_for(w, &specs);
	buf_free(&specs);
	return text;
}

#define CHECK_ASK(w, spec, expect) do {					\
	const char *got_ = ask(w, spec);				\
	ATF_CHECK_MSG(strcmp(got_, expect) == 0,			\
	    "%s: %s, expected %s", spec, got_, expect);			\
} while (0)

static inline void
send_open(struct walker *w, const char *const *paths, uint32_t n)
{
	struct msg_open	 body;
	struct msg_path	 head;
	struct buf	 tail = { 0 };
	uint32_t	 i;

	memset(&body, 0, sizeof(body));
	body.id = ++w->last_id;
	body.count = n;
	for (i = 0; i < n; i++) {
		head.len = (uint32_t)strlen(paths[i]);
		ATF_REQUIRE(buf_add(&tail, &head, sizeof(head)) == 0);
		ATF_REQUIRE(buf_add(&tail, paths[i], head.len) == 0);
	}
	must_send(&w->front, MSG_OPEN, &body, tail.data, tail.len, NULL, 0);
	buf_free(&tail);
}

/* One path opened; the descriptor or -1. */
static inline int
open_one(struct walker *w, const char *path, struct msg_opened_item *item)
{
	struct msg	 msg;

	send_open(w, &path, 1);
	ATF_REQUIRE_EQ(MSG_OPENED, receive(&w->front, &msg));
	ATF_REQUIRE_EQ(sizeof(*item), msg.tail_len);
	memcpy(item, msg.tail, sizeof(*item));
	ATF_CHECK_EQ(item->status == PATH_OK, msg.nfds == 1);
	return msg.nfds == 1 ? msg.fds[0] : -1;
}

#endif
