/* SPDX-License-Identifier: ISC */
#include "tests/lib/test.h"
#include "tests/lib/transfer_rig.h"

int
transfer_begin(struct cache_under_test *c, enum control_command command,
    uint64_t id)
{
	struct msg_control body = { .id = id, .command = command };
	int fds[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	ATF_REQUIRE_EQ(0, fcntl(fds[0], F_SETFL, O_NONBLOCK));
	proc_send(&c->proc, MSG_CONTROL, &body, NULL, 0, fds[1]);
	close(fds[1]);
	return fds[0];
}

bool
transfer_has_ended(const struct cache_under_test *c, uint64_t id)
{
	return c->proc.ended.id == id;
}

enum control_state
transfer_wait(struct cache_under_test *c, uint64_t id)
{
	while (!transfer_has_ended(c, id))
		proc_wait(&c->proc, -1, 0);
	return c->proc.ended.state;
}

void
transfer_export(struct cache_under_test *c, struct buf *b)
{
	uint64_t id = ++c->id;
	int fd = transfer_begin(c, CONTROL_EXPORT, id);
	ssize_t n = -1;

	b->len = 0;
	while (n != 0) {
		ATF_REQUIRE(buf_reserve(b, 65536) != NULL);
		n = read(fd, b->data + b->len, 65536);
		if (n > 0)
			b->len += (size_t)n;
		else if (n == -1)
			proc_wait(&c->proc, fd, POLLIN);
	}
	close(fd);
	ATF_REQUIRE_EQ_MSG(CONTROL_DONE, transfer_wait(c, id), "%s",
	    c->proc.ended_tail);
}

enum control_state
transfer_import(struct cache_under_test *c, const void *data, size_t len)
{
	uint64_t id = ++c->id;
	int fd = transfer_begin(c, CONTROL_IMPORT, id);
	size_t at = 0;
	ssize_t n;

	while (at < len && !transfer_has_ended(c, id)) {
		n = send(fd, (const char *)data + at, len - at, MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			proc_wait(&c->proc, fd, POLLOUT);
		else
			break;
	}
	ATF_REQUIRE(shutdown(fd, SHUT_WR) == 0 || errno == ENOTCONN);
	(void)transfer_wait(c, id);
	close(fd);
	return c->proc.ended.state;
}

void
transfer_add(struct piece_stream *s, struct buf *b,
    const struct mirror_file *f, uint32_t piece_len)
{
	struct piece_record r = {
		.path = f->path, .path_len = strlen(f->path),
		.piece_len = piece_len, .size = f->identity.size,
		.mtime_ns = f->identity.mtime_ns,
		.digests = make_digests(f, piece_len),
		.count = digests_of(f, piece_len),
	};

	ATF_REQUIRE_EQ(0, piece_stream_add(s, b, &r));
	free((void *)(uintptr_t)r.digests);
}

void
transfer_make(struct buf *b, const struct mirror_file *files, unsigned n,
    uint32_t piece_len)
{
	struct piece_stream s = { 0 };
	unsigned i;

	b->len = 0;
	ATF_REQUIRE_EQ(0, piece_stream_begin(&s, b));
	for (i = 0; i < n; i++)
		transfer_add(&s, b, &files[i], piece_len);
	ATF_REQUIRE_EQ(0, piece_stream_end(&s, b));
}

unsigned
transfer_count(const struct buf *b, const char *path)
{
	struct piece_stream s = { 0 };
	enum piece_stream_found found;
	struct piece_record r;
	size_t at = 0, len;
	unsigned n = 0;

	for (;; at += len) {
		len = b->len - at;
		found = piece_stream_read(&s, b->data + at, &len, &r);
		if (found == PIECE_STREAM_END)
			break;
		ATF_REQUIRE(found == PIECE_STREAM_HEAD ||
		    found == PIECE_STREAM_RECORD);
		n += found == PIECE_STREAM_RECORD && (path == NULL ||
		    (r.path_len == strlen(path) &&
		    memcmp(r.path, path, r.path_len) == 0));
	}
	ATF_REQUIRE_EQ(b->len, at + len);
	return n;
}

uint64_t
transfer_ask(struct cache_under_test *c, const struct mirror_file *f,
    uint32_t *flags)
{
	struct msg_get_pieces body = { .id = ++c->id, .piece_len = PIECE_LEN,
	    .count = 1 };
	struct msg_pieces_item item;
	struct buf tail = { 0 };
	struct msg msg;

	ask_file(&tail, 0, f);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c->front, MSG_GET_PIECES, &body,
	    tail.data, tail.len, NULL, 0));
	buf_free(&tail);
	ATF_REQUIRE(next_answer(c, &msg));
	ATF_REQUIRE_EQ(MSG_PIECES, msg.type);
	memcpy(&item, msg.tail, sizeof(item));
	ATF_REQUIRE_EQ(item.count, item.total);
	*flags = item.flags;
	return item.total;
}
