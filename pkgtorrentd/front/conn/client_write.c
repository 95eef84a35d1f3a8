/*
 * The way out: an answer is written at once as far as the socket takes it,
 * and what is left is kept until there is room.
 */
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <linux/sockios.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "pkgtorrentd/front/front.h"

#define IOV_MAX_HERE	64
#define ZEROS_LEN	(256U << 10)
#define PROGRESS_MIN	1024ULL		/* bytes a second */
#define SENDFILE_MAX	(1U << 20)	/* bytes at once */

static const uint8_t zeros[ZEROS_LEN];

void
client_forget_answer(struct client *c)
{
	unsigned i;

	for (i = 0; i < c->nparts; i++)
		blob_unref(c->parts[i].blob);
	c->nparts = c->part = 0;
	blob_unref(c->copied);
	c->copied = NULL;
	if (c->file_fd != -1)
		close(c->file_fd);
	c->file_fd = -1;
	c->file_left = 0;
}

/* The answer is out: the next request, or the end. */
static void
client_written(struct client *c)
{
	client_forget_answer(c);
	c->requests++;
	/* A stop may have come since the head said otherwise. */
	if (c->closing || c->front->stopping) {
		c->state = CLIENT_END;
		return;
	}
	c->state = CLIENT_READ;
	client_set_deadline(c, DEADLINE_IDLE);
}

/* 1: all parts are out, 0: the socket is full, -1: it is broken. */
static int
client_write_parts(struct client *c)
{
	struct iovec iov[IOV_MAX_HERE];
	struct msghdr msg = { .msg_iov = iov };
	struct part *p;
	uint64_t left;
	unsigned i;
	ssize_t n;
	int niov;

	while (c->part < c->nparts) {
		niov = 0;
		for (i = c->part; i < c->nparts && niov < IOV_MAX_HERE; i++) {
			p = &c->parts[i];
			for (left = p->len; left > 0 && niov < IOV_MAX_HERE;
			    left -= iov[niov++].iov_len) {
				iov[niov].iov_base = (void *)(p->p != NULL ?
				    p->p : zeros);
				iov[niov].iov_len = p->p != NULL ||
				    left < ZEROS_LEN ? left : ZEROS_LEN;
			}
		}
		msg.msg_iovlen = (size_t)niov;
		/* What follows, be it only the end of the connection, goes
		   into the same segment. */
		if (niov == 0)
			n = 0;
		else if (c->closing || c->file_left > 0)
			n = sendmsg(c->fd, &msg, MSG_MORE);
		else
			n = writev(c->fd, iov, niov);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		c->progress += (uint64_t)n;
		while (c->part < c->nparts &&
		    (uint64_t)n >= c->parts[c->part].len)
			n -= (ssize_t)c->parts[c->part++].len;
		if (c->part < c->nparts) {
			p = &c->parts[c->part];
			if (p->p != NULL)
				p->p += n;
			p->len -= (uint64_t)n;
		}
	}
	return 1;
}

/*
 * The same for the file after them; but then it is others' turn, as if the
 * socket were full: a fast client would have us read all of a long file.
 */
static int
client_write_file(struct client *c)
{
	off_t at = (off_t)c->file_at;
	ssize_t n;

	if (c->file_left == 0)
		return 1;
	n = sendfile(c->fd, c->file_fd, &at,
	    c->file_left < SENDFILE_MAX ? c->file_left : SENDFILE_MAX);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	/* The file has shrunk: the promised length cannot be kept. */
	if (n == 0)
		return -1;
	c->progress += (uint64_t)n;
	c->file_at += (uint64_t)n;
	c->file_left -= (uint64_t)n;
	return c->file_left == 0;
}

/*
 * What lies in the caller's memory must outlive this call: blobs get a
 * reference, all else is copied.
 */
static int
client_keep_parts(struct client *c)
{
	struct buf copy = { 0 };
	struct part *p;
	size_t at = 0;
	unsigned i;

	for (i = c->part; i < c->nparts; i++) {
		p = &c->parts[i];
		if (p->blob == NULL && p->p != NULL &&
		    buf_add(&copy, p->p, p->len) == -1) {
			buf_free(&copy);
			return -1;
		}
	}
	if (copy.len > 0 && (c->copied = blob_take(&copy)) == NULL)
		return -1;
	for (i = 0; i < c->nparts; i++) {
		p = &c->parts[i];
		if (i < c->part)
			p->blob = NULL;
		else if (p->blob != NULL)
			blob_ref(p->blob);
		else if (p->p != NULL) {
			p->p = c->copied->data + at;
			at += p->len;
		}
	}
	return 0;
}

/*
 * What counts is what the client has acknowledged: the kernel buffers
 * megabytes, and reports room for more only when a third of that is gone.
 */
static uint64_t
client_taken(const struct client *c)
{
	int unsent = 0;

	if (ioctl(c->fd, SIOCOUTQ, &unsent) == -1 || unsent < 0 ||
	    (uint64_t)unsent > c->progress)
		return 0;
	return c->progress - (uint64_t)unsent;
}

void
client_send(struct client *c, const struct answer *a)
{
	int r;

	memcpy(c->parts, a->parts, sizeof(c->parts));
	c->nparts = a->nparts;
	c->part = 0;
	c->file_fd = a->file_fd;
	c->file_at = a->file_at;
	c->file_left = a->file_left;
	c->closing = a->closing;
	c->refused = a->refused;
	c->progress = 0;
	c->said_continue = false;
	client_forget_request(c);

	r = client_write_parts(c);
	/* Blobs were only borrowed so far. */
	if (r == 0 && client_keep_parts(c) == -1)
		r = -1;
	if (r != 0)
		c->nparts = c->part = 0;
	if (r == 1 && c->file_left > 0)
		r = client_write_file(c);
	if (r == 1) {
		client_written(c);
		return;
	}
	if (r == -1) {
		c->broken = true;
		c->state = CLIENT_END;
		return;
	}
	c->state = CLIENT_WRITE;
	c->taken = client_taken(c);
	c->taken_ms = clock_coarse_ms();
	client_set_deadline(c, DEADLINE_WRITE);
	client_watch(c, EV_WRITE);
}

bool
client_is_taking(struct client *c)
{
	uint64_t now = clock_coarse_ms(), taken = client_taken(c);

	if (taken - c->taken > PROGRESS_MIN * (now - c->taken_ms) / 1000) {
		c->taken = taken;
		c->taken_ms = now;
	}
	return now - c->taken_ms < c->front->child.conf->write_timeout_ms;
}

void
client_write(struct client *c)
{
	int r;

	r = client_write_parts(c);
	if (r == 1)
		r = client_write_file(c);
	if (r == 1) {
		client_written(c);
		client_resume(c);
	} else if (r == -1)
		client_free(c);
}
