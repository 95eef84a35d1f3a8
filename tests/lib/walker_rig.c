/* SPDX-License-Identifier: ISC */
#include <limits.h>

#include "common/listing.h"
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"

void
make_dir(const char *path)
{
	ATF_REQUIRE_MSG(mkdir(path, 0755) == 0, "%s", path);
}

void
make_file(const char *path)
{
	int	 fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	ATF_REQUIRE_MSG(fd != -1, "%s", path);
	ATF_REQUIRE(write(fd, path, strlen(path)) == (ssize_t)strlen(path));
	close(fd);
}

void
make_link(const char *target, const char *path)
{
	ATF_REQUIRE_MSG(symlink(target, path) == 0, "%s", path);
}

void
make_each(const char *const *paths)
{
	char dir[128];
	size_t i;

	for (; *paths != NULL; paths++) {
		for (i = 0; (*paths)[i] != '\0'; i++) {
			dir[i] = (*paths)[i];
			dir[i + 1] = '\0';
			if (dir[i] == '/' && mkdir(dir, 0755) == -1)
				ATF_REQUIRE_EQ_MSG(EEXIST, errno, "%s", dir);
		}
		if (dir[i - 1] != '/')
			make_file(*paths);
	}
}

enum msg_type
receive(struct channel *ch, struct msg *msg)
{
	static uint8_t		 inbox[MSG_MAX] __attribute__((__aligned__(8)));
	struct pollfd		 pfd = { ch->fd, POLLIN, 0 };
	struct msg_wrong	 wrong;

	for (;;)
		switch (proc_recv(ch, inbox, msg, &wrong)) {
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

void
must_send(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t len, const int *fds, int nfds)
{
	ATF_REQUIRE_MSG(msg_send_wait(ch, type, body, tail, len, fds,
	    nfds) == 0, "%s: %s", msg_name(type), strerror(errno));
}

static const char *
walker_conf(const char *text)
{
	static char whole[16384];

	snprintf(whole, sizeof(whole), "sandbox best-effort\n%s", text);
	return whole;
}

void
walker_configure(struct walker *w, uint32_t index, const char *text)
{
	proc_configure(&w->proc, index, 0, walker_conf(text));
}

void
walker_connect(struct walker *w)
{
	w->front = proc_connect(&w->proc, ROLE_FRONT, 0);
}

void
walker_start(struct walker *w, uint32_t index, const char *text)
{
	memset(w, 0, sizeof(*w));
	proc_start(&w->proc, ROLE_WALKER, index, 0, walker_conf(text));
	proc_stop_at_end(&w->proc);
	walker_connect(w);
}

void
walker_start_on_www(struct walker *w, const char *more)
{
	walker_start(w, 0, fmt("root %s/www\n%s", here(), more));
}

void
walker_stop(struct walker *w)
{
	proc_stop(&w->proc);
	if (w->front.fd != -1)
		close(w->front.fd);
}

void
pause_walker(const struct walker *w)
{
	int	 status;

	ATF_REQUIRE(kill(w->proc.pid, SIGSTOP) == 0);
	ATF_REQUIRE(waitpid(w->proc.pid, &status, WUNTRACED) == w->proc.pid);
}

void
resume_walker(const struct walker *w)
{
	ATF_REQUIRE(kill(w->proc.pid, SIGCONT) == 0);
}

void
specs_append(struct buf *b, uint32_t index, const char *spec)
{
	struct msg_spec	 head = { index, (uint32_t)strlen(spec) };

	ATF_REQUIRE(buf_add(b, &head, sizeof(head)) == 0);
	ATF_REQUIRE(buf_add(b, spec, head.len) == 0);
}

uint64_t
send_specs(struct walker *w, const struct buf *specs, const uint8_t *expect)
{
	struct msg_resolve	 body;
	size_t			 at, n;

	memset(&body, 0, sizeof(body));
	body.id = ++w->last_id;
	body.client = w->client;
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

uint64_t
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

void
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

const char *
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

void
expect_answer(struct walker *w, uint64_t id, const char *text)
{
	struct answer	 a;

	receive_answer(w, &a);
	ATF_CHECK_MSG(a.id == id, "answer %ju before %ju", (uintmax_t)a.id,
	    (uintmax_t)id);
	ATF_CHECK_STREQ(text, answer_text(&a));
	buf_free(&a.listing);
}

const char *
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

const char *
ask(struct walker *w, const char *spec)
{
	struct buf	 specs = { 0 };
	const char	*text;

	specs_append(&specs, 0, spec);
	text = ask_for(w, &specs);
	buf_free(&specs);
	return text;
}

void
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

int
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
