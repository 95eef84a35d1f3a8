/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/piece_stream.h"
#include "common/socket.h"
#include "common/turns.h"
#include "pkgtorrentd/cache/exporting.h"
#include "pkgtorrentd/cache/transfer.h"

#define TOLD_MS		250	/* between two reports */
#define STARVED_MS	20	/* between turns if clients have work */
#define UNCOUNTED_MS	50	/* until the cache's size is known */
#define LOOK_MS		1000	/* between looks at a socket that waits */
#define READ_LEN	(64U << 10)

/* The records of an import, and their numbers. */
struct importing {
	struct piece_record	 record;	/* to be taken, if len > 0 */
	size_t			 len;		/* of its bytes */
	uint64_t		 limit;		/* digests of a list */
	uint64_t		 elsewhere;	/* of no root, or no place */
	uint64_t		 too_long;	/* for max-bytes, max-torrent
						   or cache-size */
	uint64_t		 lost;		/* store.lost as it began */
	struct buf		 there;		/* a record in the cache */
};

struct transfer {
	struct child		*child;
	struct store		*store;
	struct packs		*packs;
	int			 fd;		/* -1: there is no transfer */
	enum control_command	 command;
	struct msg_controlled	 report;
	uint64_t		 turn_ms;	/* end of the last turn */
	uint64_t		 told_ms;	/* the last report */
	uint64_t		 moved_ms;	/* the last bytes */
	struct piece_stream	 stream;
	struct buf		 bytes;		/* to be sent, or taken */
	size_t			 at;		/* these are done */
	bool			 ended;		/* bytes have the end */
	char			 why[256];	/* it failed */
	struct exporting	 exporting;
	struct importing	 importing;
};

enum moved {
	MOVED,			/* there is more to do at once */
	MOVED_WAITS,		/* for the socket */
	MOVED_WAITS_COUNT,	/* for the sweep */
	MOVED_ALL,
	MOVED_FAILED
};

struct transfer *
transfer_new(struct child *child, struct store *store, struct packs *packs)
{
	struct transfer *t;

	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->child = child;
	t->store = store;
	t->packs = packs;
	t->fd = -1;
	return t;
}

static enum moved
transfer_fail(struct transfer *t, const char *why)
{
	snprintf(t->why, sizeof(t->why), "%s", why);
	return MOVED_FAILED;
}

/* Tell the parent; text is the reason of a failure, or empty. */
static void
transfer_tell(struct transfer *t, enum control_state state, const char *text)
{
	t->report.state = state;
	t->told_ms = clock_ms();
	(void)msg_send_wait(&t->child->parent, MSG_CONTROLLED, &t->report,
	    text, strlen(text), NULL, 0);
}

/*
 * Export.
 */

static enum moved
send_bytes(struct transfer *t)
{
	struct iovec iov = { t->bytes.data + t->at, t->bytes.len - t->at };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = socket_sendmsg(t->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == -1)
		return store_is_lack(errno) ? MOVED_WAITS :
		    transfer_fail(t, "nobody takes the rest of it");
	t->at += (size_t)n;
	t->moved_ms = clock_ms();
	return MOVED;
}

/* Make the next bytes; those before are sent. */
static enum moved
fill_bytes(struct transfer *t)
{
	struct exporting *ex = &t->exporting;
	int done = 0;

	t->at = t->bytes.len = 0;
	if (!t->stream.begun)
		done = piece_stream_begin(&t->stream, &t->bytes);
	if (done == 0)
		done = exporting_step(ex, t->store, t->packs, &t->stream,
		    &t->bytes);
	if (done == 1) {
		t->ended = true;
		done = piece_stream_end(&t->stream, &t->bytes);
	}
	t->report.done = t->stream.count;
	t->report.done_bytes = ex->content;
	t->report.skipped = ex->imported + ex->others;
	t->report.bad = ex->damaged;
	return done == -1 ? transfer_fail(t, "out of memory") : MOVED;
}

static enum moved
export_on(struct transfer *t)
{
	if (t->at < t->bytes.len)
		return send_bytes(t);
	return t->ended ? MOVED_ALL : fill_bytes(t);
}

/*
 * Import.
 */

/* Read more, so that there are need bytes that are not taken yet. */
static enum moved
read_bytes(struct transfer *t, size_t need)
{
	struct iovec iov;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	buf_drop(&t->bytes, t->at);
	t->at = 0;
	iov.iov_len = MAX(READ_LEN, need - t->bytes.len);
	iov.iov_base = buf_reserve(&t->bytes, iov.iov_len);
	if (iov.iov_base == NULL)
		return transfer_fail(t, "out of memory");
	n = socket_recvmsg(t->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1 && store_is_lack(errno))
		return MOVED_WAITS;
	if (n == 0 && t->ended)
		return MOVED_ALL;
	if (n <= 0)
		return transfer_fail(t, "it was cut off");
	t->bytes.len += (size_t)n;
	t->moved_ms = clock_ms();
	return MOVED;
}

/* The lists that can be stored are not longer. */
static uint64_t
importing_limit(const struct transfer *t)
{
	uint64_t share = t->store->shares[STORE_OTHERS].limit / 4;

	return MIN(t->child->conf->max_torrent, share) / SHA1_LEN;
}

/* Does it count as refused?  max-bytes may differ between hosts. */
static bool
refuse_record(struct transfer *t, const struct piece_record *r)
{
	struct importing *im = &t->importing;

	if (!packs_has_place(t->packs, r->path, r->path_len))
		im->elsewhere++;
	else if (r->size > t->child->conf->max_bytes || r->count > im->limit)
		im->too_long++;
	else
		return false;
	return true;
}

/* The record at hand is dealt with. */
static enum moved
end_record(struct transfer *t)
{
	struct importing *im = &t->importing;

	t->at += im->len;
	im->len = 0;
	t->report.bad = im->elsewhere + im->too_long;
	return MOVED;
}

static enum moved
take_record(struct transfer *t)
{
	struct importing *im = &t->importing;
	const struct piece_record *r = &im->record;
	struct pack_list list = {
		.identity = { .size = r->size, .mtime_ns = r->mtime_ns },
		.digests = r->digests,
		.count = r->count,
	};

	if (refuse_record(t, r))
		return end_record(t);
	switch (packs_import(t->packs, r->path, r->path_len, r->piece_len,
	    &list, &im->there)) {
	case PACKS_IMPORT_GO_ON:
		return MOVED;
	case PACKS_IMPORTED:
		t->report.done++;
		t->report.done_bytes += r->size;
		break;
	case PACKS_KNOWN:
		t->report.skipped++;
		break;
	case PACKS_REFUSED:
		im->elsewhere++;
		break;
	case PACKS_FULL:
		return transfer_fail(t, "cache-size has no room for more "
		    "without older entries having to go");
	}
	return end_record(t);
}

/* Read the next part of the stream. */
static enum moved
take_part(struct transfer *t)
{
	struct importing *im = &t->importing;
	size_t len = t->bytes.len - t->at;

	if (t->ended)
		return len > 0 ? transfer_fail(t, "it goes on after its end") :
		    read_bytes(t, 1);
	switch (piece_stream_read(&t->stream, t->bytes.data + t->at, &len,
	    &im->record)) {
	case PIECE_STREAM_SHORT:
		return read_bytes(t, len);
	case PIECE_STREAM_HEAD:
		t->at += len;
		return MOVED;
	case PIECE_STREAM_RECORD:
		im->len = len;
		return MOVED;
	case PIECE_STREAM_END:
		t->at += len;
		t->ended = true;
		return MOVED;
	case PIECE_STREAM_WRONG:
		break;
	}
	return transfer_fail(t, t->stream.fault);
}

static enum moved
import_on(struct transfer *t)
{
	struct importing *im = &t->importing;
	enum moved moved;

	if (!store_may_write(t->store))
		return transfer_fail(t, "another service writes to this "
		    "cache: import there");
	/* Before that only a part of the room may be used. */
	if (!t->store->shares[STORE_PIECES].counted)
		return MOVED_WAITS_COUNT;
	moved = im->len > 0 ? take_record(t) : take_part(t);
	if (moved == MOVED_ALL || moved == MOVED_FAILED) {
		packs_flush(t->packs);
		buf_free(&im->there);
	}
	if (t->store->lost > im->lost) {
		t->report.done -= MIN(t->report.done, t->store->lost -
		    im->lost);
		return transfer_fail(t, strerror(t->store->lost_error));
	}
	return moved;
}

/*
 * Begin and end.
 */

static void
transfer_log(const struct transfer *t, bool failed)
{
	const struct msg_controlled *r = &t->report;
	const struct importing *im = &t->importing;

	if (t->command == CONTROL_EXPORT)
		log_info("exported the piece lists of %" PRIu64 " files%s%s; "
		    "left out: %" PRIu64 " imported ones that are not "
		    "rechecked, %" PRIu64 " of other roots or too long, %"
		    PRIu64 " damaged", r->done, failed ? ", then failed: " :
		    "", t->why, t->exporting.imported, t->exporting.others,
		    t->exporting.damaged);
	else
		log_info("imported the piece lists of %" PRIu64 " files%s%s; "
		    "not stored: %" PRIu64 " known already, %" PRIu64
		    " of other roots, %" PRIu64 " too long", r->done, failed ?
		    ", then failed: " : "", t->why, r->skipped, im->elsewhere,
		    im->too_long);
}

/* Tell of the end, and be ready for another one. */
static void
transfer_end(struct transfer *t, bool failed)
{
	if (t->command == CONTROL_EXPORT && !failed)
		t->report.files = t->report.done;
	transfer_log(t, failed);
	transfer_tell(t, failed ? CONTROL_FAILED : CONTROL_DONE, t->why);
	close(t->fd);
	t->fd = -1;
	t->child->also.fd = -1;
	exporting_end(&t->exporting);
	buf_free(&t->importing.there);
	buf_free(&t->bytes);
}

/* The records that came stay. */
static void
transfer_give_up(struct transfer *t, const char *why)
{
	(void)transfer_fail(t, why);
	packs_flush(t->packs);
	transfer_end(t, true);
}

static void
transfer_begin(struct transfer *t, const struct msg_control *body, int fd)
{
	t->fd = fd;
	t->command = body->command;
	t->report = (struct msg_controlled){ .id = body->id };
	t->stream = (struct piece_stream){ 0 };
	t->why[0] = '\0';
	t->at = 0;
	t->ended = false;
	memset(&t->exporting, 0, sizeof(t->exporting));
	memset(&t->importing, 0, sizeof(t->importing));
	t->importing.limit = importing_limit(t);
	t->importing.lost = t->store->lost;
	t->moved_ms = clock_ms();
	packs_flush(t->packs);
	if (t->command == CONTROL_EXPORT)
		t->report.files = t->store->shares[STORE_PIECES].entries;
}

enum msg_fault
transfer_on_control(struct transfer *t, struct msg *msg)
{
	const struct msg_control *body = msg->body;

	if (body->command == CONTROL_STOP) {
		if (t->fd != -1 && t->report.id == body->id)
			transfer_give_up(t, "it was stopped");
		return FAULT_NONE;
	}
	if (msg->nfds != 1)
		return FAULT_CONTENT;
	if (t->fd != -1) {
		child_refuse_control(t->child, body, "an export or import is "
		    "under way; wait for its end");
		return FAULT_NONE;
	}
	transfer_begin(t, body, msg->fds[0]);
	msg->nfds = 0;
	return FAULT_NONE;
}

/* Wait for the socket.  Returns the milliseconds until it has to be looked
   at, or 0: it was given up. */
static int
transfer_wait(struct transfer *t, uint64_t now)
{
	if (now - t->moved_ms >= TRANSFER_STALL_MS) {
		transfer_give_up(t, t->command == CONTROL_EXPORT ?
		    "nothing was taken for a minute" :
		    "nothing came for a minute");
		return 0;
	}
	t->child->also = (struct pollfd){ .fd = t->fd,
	    .events = t->command == CONTROL_EXPORT ? POLLOUT : POLLIN };
	return (int)MIN(t->moved_ms + TRANSFER_STALL_MS - now, LOOK_MS);
}

int
transfer_turn(struct transfer *t, bool idle)
{
	uint64_t now = clock_ms(), ends_us = clock_us() + TURN_US;
	enum moved moved;

	if (t->fd == -1)
		return -1;
	if (!idle && now - t->turn_ms < STARVED_MS)
		return (int)(STARVED_MS - (now - t->turn_ms));
	t->child->also.fd = -1;
	do
		moved = t->command == CONTROL_EXPORT ? export_on(t) :
		    import_on(t);
	while (moved == MOVED && clock_us() < ends_us);
	now = t->turn_ms = clock_ms();
	if (moved == MOVED_ALL || moved == MOVED_FAILED) {
		transfer_end(t, moved == MOVED_FAILED);
		return -1;
	}
	if (now - t->told_ms >= TOLD_MS)
		transfer_tell(t, CONTROL_RUNNING, "");
	if (moved == MOVED_WAITS_COUNT)
		return UNCOUNTED_MS;
	return moved == MOVED_WAITS ? transfer_wait(t, now) : 0;
}
