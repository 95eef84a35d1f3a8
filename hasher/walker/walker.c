/*
 * Walker: finds and opens the files of one document root.
 *
 * Runs as its own user, chrooted to the root, which Landlock lets it read and
 * nothing else.  May open files and directories there for reading.  Is sent
 * specs and paths by the front, which is not believed: what it sends is
 * checked, and answers are sealed.  Holds the root's descriptor, the key of
 * the seals, and a few walks through its directories.  Whoever breaks in
 * here can read what the public can read anyway, and seal statements about it
 * that are not true; he cannot write, connect or fork.
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/role.h"
#include "common/sandbox/sandbox.h"
#include "common/seal.h"
#include "hasher/walker/queue.h"

#define TURN_US		5000

/* With more than this to do, what the front sends next has to wait. */
#define REQUESTS_MAX	1024
#define SPEC_BYTES_MAX	(16U << 20)
/* Of the front in a row, before the parent and the work get a look. */
#define BURST		64

struct walker {
	struct child		 child;
	struct channel		 front;
	struct root		 root;
	struct seal		*seal;
	struct queue		 queue;
	struct resolution	*partial;	/* parts are still to come */
	bool			 skipping;	/* parts of a cancelled … */
	uint64_t		 skipped_id;	/* … request, this one */
	uint64_t		 resolved;
	uint64_t		 opened;
	uint64_t		 not_opened;
};

/* Work for a front that has gone is work for nobody. */
static void
walker_drop_front(struct walker *w)
{
	queue_clear(&w->queue);
	resolution_free(w->partial);
	w->partial = NULL;
	w->skipping = false;
	if (w->front.fd != -1)
		close(w->front.fd);
	w->front.fd = -1;
}

/* A message that the table allows and that lies all the same. */
static void
walker_on_lie(struct walker *w, enum msg_type type)
{
	struct msg_wrong	 wrong;

	memset(&wrong, 0, sizeof(wrong));
	wrong.role = ROLE_FRONT;
	wrong.type = type;
	wrong.fault = FAULT_CONTENT;
	child_report(&w->child, &wrong);
	walker_drop_front(w);
}

/* 0, or -1: the front has gone, which its channel will tell as well. */
static int
walker_send_result(struct walker *w, uint64_t id, enum resolve_result result,
    const uint8_t *sha, uint32_t flags)
{
	struct msg_resolved	 body;

	memset(&body, 0, sizeof(body));
	body.id = id;
	body.result = result;
	body.flags = flags;
	if (sha != NULL) {
		memcpy(body.listing_sha256, sha, SEAL_LEN);
		seal_listing(w->seal, sha, body.seal);
	}
	return msg_send_wait(&w->front, MSG_RESOLVED, &body, NULL, 0, NULL, 0);
}

static int
walker_send_listing(struct walker *w, const struct resolution *r)
{
	struct msg_id	 body;
	size_t		 at, n;

	memset(&body, 0, sizeof(body));
	body.id = r->id;
	for (at = 0; at < r->listing.len; at += n) {
		n = r->listing.len - at;
		if (n > MSG_TAIL_MAX)
			n = MSG_TAIL_MAX;
		if (msg_send_wait(&w->front, MSG_LISTING, &body,
		    r->listing.data + at, n, NULL, 0) == -1)
			return -1;
	}
	return 0;
}

static int
walker_answer(struct walker *w, const struct resolution *r)
{
	uint32_t flags = r->walk.young ? RESOLVED_YOUNG : 0;
	uint8_t	 sha[SEAL_LEN];

	w->resolved++;
	if (r->result != RESOLVE_OK)
		return walker_send_result(w, r->id, r->result, NULL, 0);
	sha256(r->listing.data, r->listing.len, sha);
	if ((r->flags & RESOLVE_EXPECT) &&
	    memcmp(sha, r->expect, SEAL_LEN) == 0)
		return walker_send_result(w, r->id, RESOLVE_SAME, sha, flags);
	if (walker_send_listing(w, r) == -1)
		return -1;
	return walker_send_result(w, r->id, RESOLVE_OK, sha, flags);
}

static int
walker_send_slow(struct walker *w, struct resolution *r)
{
	struct msg_id	 body;

	if (!r->globs || r->slow)
		return 0;
	r->slow = true;
	memset(&body, 0, sizeof(body));
	body.id = r->id;
	return msg_send_wait(&w->front, MSG_SLOW, &body, NULL, 0, NULL, 0);
}

static void
walker_work(struct walker *w)
{
	struct resolution	*r = queue_next(&w->queue);
	uint64_t		 used_us;
	int			 sent;
	bool			 done;

	if (r == NULL)
		return;
	used_us = r->used_us;
	done = resolution_run(r, &w->root, TURN_US);
	queue_rotate(&w->queue, r, r->used_us - used_us);
	if (done) {
		sent = walker_answer(w, r);
		queue_remove(&w->queue, r);
	} else
		sent = walker_send_slow(w, r);
	if (sent == -1)
		walker_drop_front(w);
}

/* All parts of a request are here. */
static int
walker_on_request(struct walker *w, struct resolution *r)
{
	if (resolution_check(r) == -1) {
		resolution_free(r);
		return -1;
	}
	queue_add(&w->queue, r);
	return 0;
}

static int
walker_on_resolve(struct walker *w, const struct msg *msg)
{
	const struct msg_resolve	*body = msg->body;
	struct resolution		*r = w->partial;
	bool				 more = body->flags & PART_MORE;

	if (w->skipping && body->id == w->skipped_id) {
		w->skipping = more;
		return 0;
	}
	if (r == NULL) {
		if (queue_find(&w->queue, body->id) != NULL)
			return -1;
		r = w->partial = resolution_new(body->id);
	}
	if (r->id != body->id ||
	    resolution_add(r, body, msg->tail, msg->tail_len) == -1)
		return -1;
	if (more)
		return 0;
	w->partial = NULL;
	return walker_on_request(w, r);
}

static int
walker_on_cancel(struct walker *w, const struct msg *msg)
{
	const struct msg_id	*body = msg->body;
	uint64_t		 id = body->id;
	struct resolution	*r = queue_find(&w->queue, id);

	if (w->partial != NULL && w->partial->id == id) {
		resolution_free(w->partial);
		w->partial = NULL;
		w->skipping = true;
		w->skipped_id = id;
	} else if (r != NULL)
		queue_remove(&w->queue, r);
	else
		return 0;	/* it crossed its own answer */
	if (walker_send_result(w, id, RESOLVE_CANCELLED, NULL, 0) == -1)
		walker_drop_front(w);
	return 0;
}

/* Paths of MSG_OPEN, as they lie in its tail. */
struct paths {
	const char	*p[MSG_FDS_MAX];
	uint32_t	 len[MSG_FDS_MAX];
	uint32_t	 n;
};

static int
paths_parse(struct paths *paths, const struct msg *msg)
{
	const struct msg_open	*body = msg->body;
	const uint8_t		*at = msg->tail, *end = at + msg->tail_len;
	struct msg_path		 path;

	if (body->count == 0 || body->count > MSG_FDS_MAX)
		return -1;
	for (paths->n = 0; paths->n < body->count; paths->n++) {
		if ((size_t)(end - at) < sizeof(path))
			return -1;
		memcpy(&path, at, sizeof(path));
		at += sizeof(path);
		if ((size_t)(end - at) < path.len ||
		    path_check((const char *)at, path.len) == -1)
			return -1;
		paths->p[paths->n] = (const char *)at;
		paths->len[paths->n] = path.len;
		at += path.len;
	}
	return at == end ? 0 : -1;
}

/* 1 if there is a descriptor. */
static int
walker_open(struct walker *w, const char *path, uint32_t len,
    struct msg_opened_item *item, int *fd)
{
	memset(item, 0, sizeof(*item));
	item->status = PATH_MISSING;
	if (root_serves(&w->root, path, len))
		item->status = root_open(&w->root, path, len, &item->identity,
		    fd);
	if (item->status != PATH_OK) {
		w->not_opened++;
		return 0;
	}
	w->opened++;
	seal_file(w->seal, path, len, &item->identity, item->seal);
	return 1;
}

static int
walker_on_open(struct walker *w, const struct msg *msg)
{
	const struct msg_open	*body = msg->body;
	struct msg_opened_item	 items[MSG_FDS_MAX];
	struct msg_opened	 opened;
	struct paths		 paths;
	int			 fds[MSG_FDS_MAX], nfds = 0, sent;
	uint32_t		 i;

	if (paths_parse(&paths, msg) == -1)
		return -1;
	memset(&opened, 0, sizeof(opened));
	opened.id = body->id;
	opened.count = paths.n;
	for (i = 0; i < paths.n; i++)
		nfds += walker_open(w, paths.p[i], paths.len[i], &items[i],
		    &fds[nfds]);
	root_forget(&w->root);
	sent = msg_send_wait(&w->front, MSG_OPENED, &opened, items,
	    paths.n * sizeof(items[0]), fds, nfds);
	while (nfds > 0)
		close(fds[--nfds]);
	if (sent == -1)
		walker_drop_front(w);
	return 0;
}

/* 0, or -1: it lies. */
static int
walker_on_front(struct walker *w, const struct msg *msg)
{
	switch (msg->type) {
	case MSG_RESOLVE:
		return walker_on_resolve(w, msg);
	case MSG_CANCEL:
		return walker_on_cancel(w, msg);
	case MSG_OPEN:
		return walker_on_open(w, msg);
	default:
		return -1;
	}
}

static bool
walker_listens(const struct walker *w)
{
	return w->front.fd != -1 && w->queue.count < REQUESTS_MAX &&
	    w->queue.spec_bytes < SPEC_BYTES_MAX;
}

static void
walker_read_front(struct walker *w)
{
	struct msg_wrong	 wrong;
	struct msg		 msg;
	int			 i;

	for (i = 0; i < BURST && walker_listens(w); i++)
		switch (msg_recv(&w->front, w->child.buf, &msg, &wrong)) {
		case MSG_GOT:
			if (walker_on_front(w, &msg) == -1)
				walker_on_lie(w, msg.type);
			break;
		case MSG_AGAIN:
			return;
		case MSG_CLOSED:
			walker_drop_front(w);
			return;
		case MSG_WRONG_ONE:
			child_report(&w->child, &wrong);
			walker_drop_front(w);
			return;
		}
}

static void
walker_on_conf(struct walker *w)
{
	const struct conf	*old = w->child.previous;

	/* The parent keeps only those whose root is still there. */
	if (w->child.index >= w->child.conf->nroots)
		_exit(0);
	w->root.conf = w->child.conf;
	w->root.index = w->child.index;
	/* What the front asked before it has the same configuration: it hangs
	   up as well, and is given another channel. */
	if (old != NULL && (!conf_same_roots(old, w->child.conf) ||
	    !conf_same_layout(old, w->child.conf)))
		walker_drop_front(w);
}

static void
walker_on_channel(struct walker *w, struct msg *msg)
{
	const struct msg_channel	*body = msg->body;

	if (body->role != ROLE_FRONT)
		fatal("a channel to a %s", role_name((enum role)body->role));
	walker_drop_front(w);
	memset(&w->front, 0, sizeof(w->front));
	w->front.fd = msg->fds[--msg->nfds];
	w->front.self = ROLE_WALKER;
	w->front.peer = ROLE_FRONT;
}

static void
walker_on_status(const struct walker *w)
{
	log_info("%s: %" PRIu64 " requests resolved, %u under way, %" PRIu64
	    " files opened, %" PRIu64 " not opened (missing or refused)",
	    w->root.conf->roots[w->root.index].dir, w->resolved,
	    w->queue.count, w->opened, w->not_opened);
}

static void
walker_on_mounts(struct walker *w, const struct msg *msg)
{
	const struct msg_mounts	*body = msg->body;

	mounts_changed(&w->root.mounts, body->changes);
}

static void
walker_on_parent(struct walker *w, struct msg *msg)
{
	switch (msg->type) {
	case MSG_CONF:
		if (child_on_message(&w->child, msg))
			walker_on_conf(w);
		break;
	case MSG_CHANNEL:
		walker_on_channel(w, msg);
		break;
	case MSG_STATUS:
		walker_on_status(w);
		break;
	case MSG_MOUNTS:
		walker_on_mounts(w, msg);
		break;
	default:
		fatal("%s of the parent is not for a walker",
		    msg_name(msg->type));
	}
}

static void
walker_read_parent(struct walker *w)
{
	struct msg_wrong	 wrong;
	struct msg		 msg;

	for (;;)
		switch (msg_recv(&w->child.parent, w->child.buf, &msg,
		    &wrong)) {
		case MSG_GOT:
			walker_on_parent(w, &msg);
			break;
		case MSG_AGAIN:
			return;
		case MSG_CLOSED:
			_exit(0);
		case MSG_WRONG_ONE:
			fatal("wrong message %s of the parent",
			    msg_name(wrong.type));
		}
}

static void
walker_poll(struct walker *w)
{
	struct pollfd	 pfds[2];

	pfds[0].fd = w->child.parent.fd;
	/* A negative descriptor is left out. */
	pfds[1].fd = walker_listens(w) ? w->front.fd : -1;
	pfds[0].events = pfds[1].events = POLLIN;
	if (poll(pfds, 2, w->queue.count > 0 ? 0 : -1) == -1) {
		if (errno != EINTR)
			fatal("poll: %s", strerror(errno));
		return;
	}
	if (pfds[0].revents != 0)
		walker_read_parent(w);
	if (pfds[1].revents != 0)
		walker_read_front(w);
	/* The front may ask because it has heard of a change: so must we have,
	   where mounts cannot be told apart otherwise. */
	if (pfds[1].revents != 0 && w->root.mounts.reused)
		walker_read_parent(w);
}

void
walker_main(void)
{
	static struct walker	 w;
	struct sandbox		 sandbox;
	struct statx		 stx;
	char			 layers[1024];

	child_start(&w.child, ROLE_WALKER);
	w.front.fd = -1;
	queue_init(&w.queue);
	root_init(&w.root);
	walker_on_conf(&w);
	w.seal = seal_new(w.child.key);
	if (w.seal == NULL)
		fatal("no memory for seals");
	memset(&sandbox, 0, sizeof(sandbox));
	sandbox.role = ROLE_WALKER;
	sandbox.root = w.child.flags & CONF_ROOT;
	sandbox.strict = w.child.conf->strict;
	sandbox.user = w.child.conf->user[ROLE_WALKER];
	sandbox.dir = w.child.conf->roots[w.child.index].dir;
	sandbox.channel_fd = w.child.parent.fd;
	sandbox_enter(&sandbox, &w.root.fd, layers, sizeof(layers));
	root_selftest(&w.root);
	if (mounts_stat(w.root.fd, "", AT_EMPTY_PATH, &stx) == 0) {
		w.child.ready.root_dev = makedev(stx.stx_dev_major,
		    stx.stx_dev_minor);
		w.child.ready.root_ino = stx.stx_ino;
	}
	root_log_mount(&w.root);
	child_ready(&w.child, layers);
	for (;;) {
		walker_poll(&w);
		walker_work(&w);
	}
}
