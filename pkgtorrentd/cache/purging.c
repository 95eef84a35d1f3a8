/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/listing.h"
#include "common/log.h"
#include "common/tree_path.h"
#include "pkgtorrentd/cache/dir.h"
#include "pkgtorrentd/cache/purging.h"

#define TELL_MS		250	/* between two reports */
/* Of a listing: bytes that are read at once, and more than a record has. */
#define WINDOW_LEN	(256U << 10)
#define WINDOW_LEAST	(2 * (SPEC_MAX + 64))

enum phase {
	PHASE_BEGIN,
	PHASE_PACKS,
	PHASE_INFO,
	PHASE_END
};

/* An entry of info/ of which the listing is being read. */
struct entry {
	int		 fd;		/* -1: none */
	char		 name[64];
	uint64_t	 at;		/* in the file, to be read next */
	uint64_t	 left;		/* bytes of the listing behind that */
	struct listing_reader files;	/* of the window */
};

/* A command. */
struct purge {
	TAILQ_ENTRY(purge)	 entry;
	struct msg_controlled	 report;
	size_t			 tree_len;	/* 0: everything */
	char			 tree[SPEC_MAX];
};

struct purging {
	struct child		*child;
	struct store		*store;
	struct packs		*packs;
	struct requests		*requests;
	TAILQ_HEAD(, purge)	 queue;		/* the first is at work */
	enum phase		 phase;
	struct dir		 top;		/* pieces/ or info/ */
	struct dir		 sub;		/* in pieces/ */
	char			 sub_name[8];
	bool			 has_pack;
	struct packs_purge	 pack;		/* that is at hand */
	struct entry		 at_hand;
	uint64_t		 told_ms;
	uint8_t			 window[WINDOW_LEN];
};

struct purging *
purging_new(struct child *child, struct store *st, struct packs *packs,
    struct requests *requests)
{
	struct purging *all;

	all = calloc(1, sizeof(*all));
	if (all == NULL)
		return NULL;
	all->child = child;
	all->store = st;
	all->packs = packs;
	all->requests = requests;
	all->top.fd = all->sub.fd = all->at_hand.fd = -1;
	TAILQ_INIT(&all->queue);
	return all;
}

static struct str
purge_tree(const struct purge *p)
{
	return (struct str){ p->tree, p->tree_len };
}

static void
purge_tell(struct purging *all, struct purge *p, enum control_state state,
    const char *reason)
{
	p->report.state = state;
	all->told_ms = clock_ms();
	(void)msg_send_wait(&all->child->parent, MSG_CONTROLLED, &p->report,
	    reason, strlen(reason), NULL, 0);
}

/* This cannot be read, so it may have what is to be removed.  If it is gone, or
   is no entry, nothing is asked of it. */
static void
purge_miss(struct purging *all, const char *name)
{
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return;
	TAILQ_FIRST(&all->queue)->report.bad++;
	store_complain_remove(all->store, name);
}

static void
purge_enter(struct purging *all, struct dir *dir, int at, const char *name)
{
	if (dir_open(dir, at, name) == -1)
		purge_miss(all, name);
}

/* NULL: that was the last name, and the directory is closed. */
static const char *
purge_next(struct purging *all, struct dir *dir, const char *name)
{
	const struct dirent64 *d = dir_next(dir);

	if (d != NULL)
		return d->d_name;
	if (errno != 0)
		purge_miss(all, name);
	dir_close(dir);
	return NULL;
}

/*
 * Packs.
 */

/*
 * A pack of a directory in the tree goes, and of one that has the tree as a
 * file its record.  So does a pack without a good head, which may be of any
 * directory: its lists can be made again.
 */
static void
pack_begin(struct purging *all, const char *name)
{
	const struct purge *p = TAILQ_FIRST(&all->queue);
	struct packs_purge *pack = &all->pack;
	uint8_t data[PACK_HEAD_MAX];
	struct pack_head head;
	size_t dir_len;
	ssize_t n = -1;
	int fd;

	memset(pack, 0, sizeof(*pack));
	if (!pack_read_name(all->sub_name, name, &pack->id))
		return;
	fd = store_open_beneath(all->sub.fd, name, O_RDONLY | O_NONBLOCK |
	    O_NOCTTY);
	if (fd != -1) {
		n = pread(fd, data, sizeof(data), 0);
		close(fd);
	}
	all->has_pack = true;
	if (n <= 0 || pack_check_head(data, (size_t)n, &pack->id, &head) !=
	    PACK_GOOD || tree_path_is_in((struct str){ head.dir,
	    head.dir_len }, purge_tree(p)))
		return;
	all->has_pack = pack_split(p->tree, p->tree_len, &dir_len) == 0 &&
	    dir_len == head.dir_len &&
	    memcmp(p->tree, head.dir, dir_len) == 0;
	pack->name = p->tree + dir_len + 1;
	pack->name_len = p->tree_len - dir_len - 1;
}

static void
pack_step(struct purging *all)
{
	struct purge *p = TAILQ_FIRST(&all->queue);
	int done = packs_purge(all->packs, &all->pack);

	if (done == 0)
		return;
	p->report.files += all->pack.removed;
	p->report.bad += done == -1;
	all->has_pack = false;
}

static void
packs_step(struct purging *all)
{
	const char *name;

	if (all->has_pack) {
		pack_step(all);
	} else if (all->sub.fd != -1) {
		name = purge_next(all, &all->sub, all->sub_name);
		if (name != NULL)
			pack_begin(all, name);
	} else if (all->top.fd != -1) {
		name = purge_next(all, &all->top,
		    store_tree_names[STORE_PIECES]);
		if (name == NULL || name[0] == '.' || strlen(name) != 2)
			return;
		strlcpy(all->sub_name, name, sizeof(all->sub_name));
		purge_enter(all, &all->sub, all->top.fd, name);
	} else {
		packs_look_again(all->packs);
		requests_drop_makings(all->requests,
		    purge_tree(TAILQ_FIRST(&all->queue)));
		purge_enter(all, &all->top, all->store->dirfd,
		    store_tree_names[STORE_INFO]);
		all->phase = PHASE_INFO;
	}
}

/*
 * Entries of info/.
 */

static void
entry_end(struct purging *all, bool goes)
{
	struct purge *p = TAILQ_FIRST(&all->queue);
	struct entry *e = &all->at_hand;
	char path[ENTRY_PATH_LEN];

	close(e->fd);
	e->fd = -1;
	if (!goes)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s",
	    store_tree_names[STORE_INFO], e->name);
	if (store_remove(all->store, path) == 0)
		p->report.done++;
	else
		p->report.bad++;
}

/* One that is wrong is a miss in any case. */
static void
entry_begin(struct purging *all, const char *name)
{
	const struct purge *p = TAILQ_FIRST(&all->queue);
	struct entry *e = &all->at_hand;
	uint8_t head[ENTRY_HEAD_LEN];
	ssize_t n;

	if (entry_name_kind(name) != ENTRY_NAME_INFO)
		return;
	e->fd = store_open_beneath(all->top.fd, name, O_RDONLY | O_NONBLOCK |
	    O_NOCTTY);
	if (e->fd == -1) {
		purge_miss(all, name);
		return;
	}
	strlcpy(e->name, name, sizeof(e->name));
	n = pread(e->fd, head, sizeof(head), 0);
	if (p->tree_len == 0 || n <= 0 ||
	    !entry_find_listing(head, (size_t)n, &e->at, &e->left))
		entry_end(all, p->tree_len == 0);
	listing_open(&e->files, all->window, 0);
}

/* Move the rest to the beginning of the window, and read on.  false: there is
   nothing to read. */
static bool
entry_fill(struct purging *all)
{
	struct entry *e = &all->at_hand;
	size_t rest = (size_t)(e->files.end - e->files.at);
	size_t room = sizeof(all->window) - rest;
	ssize_t n;

	memmove(all->window, e->files.at, rest);
	if (room > e->left)
		room = (size_t)e->left;
	n = pread(e->fd, all->window + rest, room, (off_t)e->at);
	if (n <= 0)
		return false;
	e->at += (uint64_t)n;
	e->left -= (uint64_t)n;
	e->files.at = all->window;
	e->files.end = all->window + rest + (size_t)n;
	return true;
}

/* Read on in the listing, up to the end of the window. */
static void
entry_step(struct purging *all)
{
	const struct purge *p = TAILQ_FIRST(&all->queue);
	struct listing_reader *files = &all->at_hand.files;
	int more;

	while (all->at_hand.left == 0 ||
	    files->end - files->at >= WINDOW_LEAST) {
		more = listing_next_file(files);
		if (more == 1 && tree_path_is_in((struct str){
		    (const char *)files->path, files->file.len },
		    purge_tree(p))) {
			entry_end(all, true);
			return;
		}
		if (more == 0)
			more = listing_next_spec(files);
		if (more != 1) {
			entry_end(all, false);
			return;
		}
	}
	if (!entry_fill(all))
		entry_end(all, false);
}

static void
info_step(struct purging *all)
{
	const char *name;

	if (all->at_hand.fd != -1) {
		entry_step(all);
	} else if (all->top.fd != -1) {
		name = purge_next(all, &all->top,
		    store_tree_names[STORE_INFO]);
		if (name != NULL)
			entry_begin(all, name);
	} else
		all->phase = PHASE_END;
}

/*
 * Commands.
 */

/* Forget the first command. */
static void
purging_end(struct purging *all)
{
	struct purge *p = TAILQ_FIRST(&all->queue);

	if (all->has_pack)
		packs_stop_purge(all->packs);
	all->has_pack = false;
	dir_close(&all->sub);
	dir_close(&all->top);
	if (all->at_hand.fd != -1)
		close(all->at_hand.fd);
	all->at_hand.fd = -1;
	all->phase = PHASE_BEGIN;
	TAILQ_REMOVE(&all->queue, p, entry);
	free(p);
}

static void
purging_begin(struct purging *all)
{
	if (!store_may_write(all->store)) {
		purge_tell(all, TAILQ_FIRST(&all->queue), CONTROL_FAILED,
		    "another service writes to this cache, and alone can purge "
		    "it");
		purging_end(all);
		return;
	}
	/* Records that wait have no file yet. */
	packs_flush(all->packs);
	purge_enter(all, &all->top, all->store->dirfd,
	    store_tree_names[STORE_PIECES]);
	all->phase = PHASE_PACKS;
}

static void
purging_step(struct purging *all)
{
	struct purge *p = TAILQ_FIRST(&all->queue);

	switch (all->phase) {
	case PHASE_BEGIN:
		purging_begin(all);
		break;
	case PHASE_PACKS:
		packs_step(all);
		break;
	case PHASE_INFO:
		info_step(all);
		break;
	case PHASE_END:
		purge_tell(all, p, p->report.bad > 0 ? CONTROL_FAILED :
		    CONTROL_DONE, p->report.bad > 0 ? "not all could be "
		    "removed: see the log" : "");
		purging_end(all);
	}
}

bool
purging_turn(struct purging *all)
{
	uint64_t ends_us = clock_us() + TURN_US;

	if (TAILQ_EMPTY(&all->queue))
		return false;
	do
		purging_step(all);
	while (!TAILQ_EMPTY(&all->queue) && clock_us() < ends_us);
	if (!TAILQ_EMPTY(&all->queue) && clock_ms() > all->told_ms + TELL_MS)
		purge_tell(all, TAILQ_FIRST(&all->queue), CONTROL_RUNNING,
		    "");
	return true;
}

/* The one that is to be stopped is answered. */
static void
purging_stop(struct purging *all, uint64_t id)
{
	struct purge *p;

	TAILQ_FOREACH(p, &all->queue, entry)
		if (p->report.id == id)
			break;
	if (p == NULL)
		return;
	purge_tell(all, p, CONTROL_FAILED, "stopped");
	if (p == TAILQ_FIRST(&all->queue)) {
		purging_end(all);
		return;
	}
	TAILQ_REMOVE(&all->queue, p, entry);
	free(p);
}

void
purging_on_control(struct purging *all, const struct msg *m)
{
	const struct msg_control *body = m->body;
	struct purge *p;

	if (body->command == CONTROL_STOP) {
		purging_stop(all, body->id);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		fatal("out of memory");
	p->report.id = body->id;
	/* "/" is everything. */
	p->tree_len = m->tail_len == 1 ? 0 : m->tail_len;
	memcpy(p->tree, m->tail, p->tree_len);
	TAILQ_INSERT_TAIL(&all->queue, p, entry);
}
