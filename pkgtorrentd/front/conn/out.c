/* SPDX-License-Identifier: ISC */
#include <sys/param.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/sockios.h>

#include <errno.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/socket.h"
#include "pkgtorrentd/front/conn/out.h"

#define IOV_MAX_HERE	64
#define ZEROS_LEN	(256U << 10)
#define RATE_MIN	1024ULL		/* bytes a second */
#define HELD_S		3600		/* for a torrent not in hot memory */
/* The kernels on the way may take megabytes at once, but not each time. */
#define RATE_MS		5000
#define TURN_LEN	(1U << 20)	/* bytes at once */

static const uint8_t zeros[ZEROS_LEN];

void
out_add(struct out *o, const void *p, uint64_t len, struct blob *blob)
{
	if (len > 0)
		o->parts[o->nparts++] = (struct out_part){ p, len, blob };
	o->len += len;
}

void
out_set_source(struct out *o, struct out_source *source, uint64_t len)
{
	o->source = source;
	o->source_left = len;
	o->len += len;
}

uint64_t
out_share(const struct out *o)
{
	return held_share(o->held) + (o->source != NULL ? o->source->size : 0);
}

void
out_clear(struct out *o)
{
	unsigned i;

	for (i = 0; o->kept && i < o->nparts; i++)
		blob_unref(o->parts[i].blob);
	if (o->kept)
		held_unref(o->held);
	/* It is counted again before it is looked at. */
	if (o->addr != NULL)
		o->addr->written = 0;
	addr_put(o->addr);
	blob_unref(o->copied);
	if (o->source != NULL)
		o->source->free(o->source);
	if (o->file_fd != -1)
		close(o->file_fd);
	*o = OUT_EMPTY;
}

/* Fill the vector with the parts that are left, up to so many bytes.  Returns
   its length. */
static int
out_fill_iov(const struct out *o, struct iovec iov[IOV_MAX_HERE], uint64_t most)
{
	const struct out_part *p;
	uint64_t left;
	unsigned i;
	int n = 0;

	for (i = o->part; i < o->nparts && most > 0; i++) {
		p = &o->parts[i];
		for (left = p->len; left > 0 && most > 0 && n < IOV_MAX_HERE;
		    left -= iov[n].iov_len, most -= iov[n++].iov_len) {
			iov[n].iov_base = (void *)(p->p != NULL ?
			    p->p : zeros);
			iov[n].iov_len = MIN(MIN(left, most),
			    p->p != NULL ? UINT64_MAX : ZEROS_LEN);
		}
	}
	return n;
}

static void
out_skip(struct out *o, uint64_t n)
{
	struct out_part *p;

	o->written += n;
	while (o->part < o->nparts && n >= o->parts[o->part].len)
		n -= o->parts[o->part++].len;
	if (o->part == o->nparts)
		return;
	p = &o->parts[o->part];
	if (p->p != NULL)
		p->p += n;
	p->len -= n;
}

/*
 * 1: all parts are written, 0: there is no room, -1: broken.  After TURN_LEN
 * bytes there is no room, so that other connections get their turn: the kernel
 * would take all of a long torrent as fast as a client reads it.
 */
static int
out_write_parts(struct out *o, int fd)
{
	const uint64_t end = o->written + TURN_LEN;
	struct iovec iov[IOV_MAX_HERE];
	struct msghdr msg = { .msg_iov = iov };
	ssize_t n;
	int niov;

	while (o->part < o->nparts && o->written < end) {
		niov = out_fill_iov(o, iov, end - o->written);
		msg.msg_iovlen = (size_t)niov;
		/* More bytes or the end of the connection follows: let the
		   kernel put both into one segment. */
		if (o->last || o->source_left > 0 || o->file_left > 0)
			n = socket_sendmsg(fd, &msg, MSG_MORE);
		else
			n = writev(fd, iov, niov);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		out_skip(o, (uint64_t)n);
	}
	return o->part == o->nparts;
}

/* Write the bytes that the source makes, as out_write_parts(). */
static int
out_write_source(struct out *o, int fd)
{
	const uint64_t end = o->written + TURN_LEN;
	ssize_t n;

	while (o->source_left > 0 && o->written < end) {
		if (o->made_left == 0 && (o->source->next(o->source, &o->made,
		    &o->made_left) == -1 || o->made_left > o->source_left))
			return -1;
		n = write(fd, o->made, o->made_left);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		o->written += (uint64_t)n;
		o->made += n;
		o->made_left -= (size_t)n;
		o->source_left -= (uint64_t)n;
	}
	return o->source_left == 0;
}

/* Send from the file, as out_write_parts(). */
static int
out_write_file(struct out *o, int fd)
{
	off_t at = (off_t)o->file_at;
	ssize_t n;

	if (o->file_left == 0)
		return 1;
	n = sendfile(fd, o->file_fd, &at,
	    o->file_left < TURN_LEN ? o->file_left : TURN_LEN);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	/* The file has become shorter: the promised length cannot be kept. */
	if (n == 0)
		return -1;
	o->written += (uint64_t)n;
	o->file_at += (uint64_t)n;
	o->file_left -= (uint64_t)n;
	return o->file_left == 0;
}

/* Take references to the blobs that are left, and copy the caller's bytes. */
static int
out_keep(struct out *o)
{
	struct buf copy = { 0 };
	struct out_part *p;
	size_t at = 0;
	unsigned i;

	for (i = o->part; i < o->nparts; i++) {
		p = &o->parts[i];
		if (p->blob == NULL && p->p != NULL &&
		    buf_add(&copy, p->p, p->len) == -1) {
			buf_free(&copy);
			return -1;
		}
	}
	if (copy.len > 0 && (o->copied = blob_take(&copy)) == NULL)
		return -1;
	for (i = 0; i < o->nparts; i++) {
		p = &o->parts[i];
		if (i < o->part)
			p->blob = NULL;
		else if (p->blob != NULL)
			blob_ref(p->blob);
		else if (p->p != NULL) {
			p->p = o->copied->data + at;
			at += p->len;
		}
	}
	if (o->held != NULL)
		held_ref(o->held);
	o->kept = true;
	return 0;
}

/*
 * Acknowledged bytes count, not written ones: the kernel buffers megabytes,
 * and reports room for more only when a third of them is gone.
 */
static uint64_t
out_taken(const struct out *o, int fd)
{
	int unsent = 0;

	if (ioctl(fd, SIOCOUTQ, &unsent) == -1 || unsent < 0 ||
	    (uint64_t)unsent > o->written)
		return 0;
	return o->written - (uint64_t)unsent;
}

int
out_write(struct out *o, int fd)
{
	int r;

	r = out_write_parts(o, fd);
	if (r == 1)
		r = out_write_source(o, fd);
	if (r == 1)
		r = out_write_file(o, fd);
	if (r != 0 || o->kept)
		return r;
	if (out_keep(o) == -1)
		return -1;
	o->taken = o->rate_taken = out_taken(o, fd);
	o->taken_ms = o->rate_ms = clock_coarse_ms();
	return 0;
}

/* Bytes a second that are progress. */
static uint64_t
out_rate_min(const struct out *o)
{
	uint64_t rate = 0;

	if (o->held != NULL && o->held->hot == 0)
		rate = o->len / HELD_S;
	return rate > RATE_MIN ? rate : RATE_MIN;
}

bool
out_is_taken(struct out *o, int fd, uint64_t limit_ms)
{
	uint64_t now = clock_coarse_ms(), taken = out_taken(o, fd);

	if (now - o->rate_ms >= RATE_MS) {
		o->rate = (taken - o->rate_taken) * 1000 / (now - o->rate_ms);
		o->rate_taken = taken;
		o->rate_ms = now;
	}
	if (taken - o->taken > out_rate_min(o) * (now - o->taken_ms) / 1000) {
		o->taken = taken;
		o->taken_ms = now;
	}
	return now - o->taken_ms < limit_ms;
}
