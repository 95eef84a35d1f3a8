/* SPDX-License-Identifier: ISC */
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/spec.h"
#include "pkgtorrentd/cache/packs.h"

#define PACKS_BLOCK	4096	/* only for estimates */

struct pack {
	TAILQ_ENTRY(pack)	 entry;
	struct packfile		 file;
	size_t			 memory;	/* as counted */
};
TAILQ_HEAD(pack_list_head, pack);

/* One pack at a time is written again: to be shorter, without old records, or
   without purged ones. */
enum packs_user { PACKS_TIDY, PACKS_SWEEP, PACKS_PURGE, PACKS_USERS };

/* A use of a record that comes in between makes a rewrite vain. */
#define PURGE_TRIES	64

struct packs {
	struct store		*store;
	const struct conf	*conf;
	uint64_t		 salt;
	uint64_t		 masks;		/* of imported records */
	struct pack_list_head	 open;		/* used last first */
	unsigned		 n;
	size_t			 memory;	/* of all of them */
	struct pack		*last;		/* of the directory asked for
						   last, or NULL */
	uint64_t		 saved_ms;	/* the first record to be
						   written came then; 0: none */
	struct buf		 scratch;
	struct packfile_rewrite	 rewrite;
	struct pack		*rewritten;	/* NULL: none */
	enum packs_user		 user;		/* of that rewrite */
	struct pack		*awaited[PACKS_USERS];	/* the next one, while
						   it is read; or NULL */
};

struct packs *
packs_new(struct store *st)
{
	struct packs *ps;

	ps = calloc(1, sizeof(*ps));
	if (ps == NULL)
		return NULL;
	ps->store = st;
	arc4random_buf(&ps->salt, sizeof(ps->salt));
	TAILQ_INIT(&ps->open);
	return ps;
}

void
packs_configure(struct packs *ps, const struct conf *conf)
{
	ps->conf = conf;
	ps->last = NULL;
}

static void
count_memory(struct packs *ps, struct pack *p)
{
	size_t now = packfile_memory(&p->file);

	ps->memory += now - p->memory;
	p->memory = now;
}

static void
packs_close(struct packs *ps, struct pack *p)
{
	if (p == ps->last)
		ps->last = NULL;
	packfile_flush(&p->file);
	packfile_close(&p->file);
	TAILQ_REMOVE(&ps->open, p, entry);
	ps->memory -= p->memory;
	ps->n--;
	free(p);
}

/* The pack that was not used for the longest time; NULL: none may be closed. */
static struct pack *
oldest_of(const struct packs *ps)
{
	struct pack *p;

	TAILQ_FOREACH_REVERSE(p, &ps->open, pack_list_head, entry)
		if (p != ps->rewritten && p != ps->awaited[PACKS_SWEEP] &&
		    p != ps->awaited[PACKS_PURGE])
			break;
	return p;
}

/* Close the packs that were not used for the longest time, but not p. */
static void
make_room(struct packs *ps, const struct pack *p)
{
	struct pack *oldest;

	while (ps->n > PACKS_OPEN_MAX || ps->memory > PACKS_MEMORY) {
		oldest = oldest_of(ps);
		if (oldest == NULL || oldest == p)
			return;
		packs_close(ps, oldest);
	}
}

/* The open pack of this identifier.  dir is NULL if it is not known. */
static struct pack *
packs_open(struct packs *ps, const struct pack_id *id, const void *dir,
    size_t dir_len)
{
	struct pack *p;

	TAILQ_FOREACH(p, &ps->open, entry)
		if (memcmp(&p->file.id, id, sizeof(*id)) == 0)
			break;
	if (p != NULL) {
		TAILQ_REMOVE(&ps->open, p, entry);
		TAILQ_INSERT_HEAD(&ps->open, p, entry);
		packfile_set_dir(&p->file, dir, dir_len);
		return p;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		fatal("out of memory");
	packfile_init(&p->file, ps->store, id);
	packfile_set_dir(&p->file, dir, dir_len);
	p->file.salt = ps->salt;
	TAILQ_INSERT_HEAD(&ps->open, p, entry);
	ps->n++;
	count_memory(ps, p);
	make_room(ps, p);
	return p;
}

/* Files come by directory: most are in the one of the file before. */
static bool
is_in_last(const struct packs *ps, const void *path, size_t dir_len,
    uint32_t piece_len)
{
	const struct packfile *file;

	if (ps->last == NULL)
		return false;
	file = &ps->last->file;
	return file->dir.len == dir_len && file->id.piece_len == piece_len &&
	    (dir_len == 0 || memcmp(file->dir.data, path, dir_len) == 0);
}

/* The pack of a path, or NULL if it has no place. */
static struct pack *
packs_of(struct packs *ps, const void *path, size_t len, uint32_t piece_len,
    size_t *dir_len)
{
	struct pack_id id = { .piece_len = piece_len };
	int root;

	if (pack_split(path, len, dir_len) == -1)
		return NULL;
	if (is_in_last(ps, path, *dir_len, piece_len))
		return ps->last;
	root = conf_root_of(ps->conf, path, len);
	if (root == -1)
		return NULL;
	seal_path(ps->conf->roots[root].prefix, path, *dir_len, id.key);
	ps->last = packs_open(ps, &id, path, *dir_len);
	return ps->last;
}

bool
packs_has_place(const struct packs *ps, const void *path, size_t len)
{
	size_t dir_len;

	return pack_split(path, len, &dir_len) == 0 &&
	    conf_root_of(ps->conf, path, len) != -1;
}

/* Find the record of a path. */
static enum packs_result
packs_find(struct packs *ps, const char *path, size_t len, uint32_t piece_len,
    struct buf *b, struct packfile_record *r)
{
	size_t dir_len;
	struct pack *p = packs_of(ps, path, len, piece_len, &dir_len);
	bool ready;

	if (p == NULL)
		return PACKS_MISS;
	ready = packfile_ready(&p->file);
	count_memory(ps, p);
	make_room(ps, p);
	if (!ready)
		return PACKS_GO_ON;
	if (!packfile_read(&p->file, path + dir_len + 1, len - dir_len - 1, b,
	    r))
		return PACKS_MISS;
	return PACKS_HIT;
}

/* Inode and change time of another host mean nothing here. */
static bool
list_is_of(const struct pack_list *list, const struct identity *id)
{
	return list->imported ? list->identity.size == id->size &&
	    list->identity.mtime_ns == id->mtime_ns :
	    identity_same(&list->identity, id);
}

enum packs_result
packs_load(struct packs *ps, const void *path, size_t len, uint32_t piece_len,
    const struct identity *identity, struct buf *b, struct pack_list *out)
{
	struct packfile_record r;
	enum packs_result result;

	/* No stored list belongs to a mount, even if everything else
	   matches. */
	if (identity->mount != 0)
		return PACKS_MISS;
	result = packs_find(ps, path, len, piece_len, b, &r);
	if (result != PACKS_HIT)
		return result;
	if (!list_is_of(&r.list, identity))
		return PACKS_MISS;
	packfile_use(&ps->last->file, &r);
	*out = r.list;
	return PACKS_HIT;
}

enum packs_result
packs_touch(struct packs *ps, const void *path, size_t len,
    uint32_t piece_len)
{
	struct packfile_record r;
	enum packs_result result;

	result = packs_find(ps, path, len, piece_len, &ps->scratch, &r);
	if (result == PACKS_HIT)
		packfile_use(&ps->last->file, &r);
	return result;
}

void
packs_save(struct packs *ps, const void *path, size_t len, uint32_t piece_len,
    struct pack_list *list)
{
	size_t dir_len;
	struct pack *p = packs_of(ps, path, len, piece_len, &dir_len);

	if (p == NULL)
		return;
	list->name = (const char *)path + dir_len + 1;
	list->name_len = len - dir_len - 1;
	if (packfile_append(&p->file, list) == 0 && ps->saved_ms == 0)
		ps->saved_ms = clock_ms();
	count_memory(ps, p);
	make_room(ps, p);
}

/*
 * Importing.
 */

/* Bytes that nobody outside can guess; each record has others. */
static void
set_mask(struct packs *ps, struct identity *id)
{
	uint8_t sum[SEAL_LEN];

	ps->masks++;
	sha256_both(&ps->salt, sizeof(ps->salt), &ps->masks,
	    sizeof(ps->masks), sum);
	memcpy(&id->ino, sum, sizeof(id->ino));
	memcpy(&id->ctime_ns, sum + sizeof(id->ino), sizeof(id->ctime_ns));
}

/* Is there a list that stays?  One that was imported before gives way to
   another. */
static bool
list_stays(const struct pack_list *there, const struct pack_list *list)
{
	return !there->imported || (list_is_of(there, &list->identity) &&
	    memcmp(there->digests, list->digests,
	    (size_t)list->count * SHA1_LEN) == 0);
}

/* What packs without a file yet will take besides records that wait: a head,
   and perhaps a directory, or one more block of it. */
static uint64_t
new_packs_need(const struct packs *ps)
{
	const struct pack *p;
	uint64_t need = 0;

	TAILQ_FOREACH(p, &ps->open, entry)
		if (p->file.fd == -1)
			need += PACKS_BLOCK + PACK_HEAD_MAX - SPEC_MAX +
			    p->file.dir.len;
	return need;
}

static enum packs_import
import_into(struct packs *ps, struct packfile *pf, struct pack_list *list,
    struct buf *b)
{
	uint64_t need = PACK_PEEK + list->count * SHA1_LEN;
	struct packfile_record r;

	/* Imported ones wait to be written together: all but the last one of
	   a name is dead. */
	if (pf->pending_hashed)
		packfile_flush(pf);
	if (!packfile_ready_unflushed(pf))
		return PACKS_IMPORT_GO_ON;
	if (packfile_read(pf, list->name, list->name_len, b, &r) &&
	    list_stays(&r.list, list))
		return PACKS_KNOWN;
	if (!store_has_spare(ps->store, pf->name, PACKS_BLOCK + need +
	    new_packs_need(ps)))
		return PACKS_FULL;
	list->imported = true;
	set_mask(ps, &list->identity);
	if (packfile_append(pf, list) == -1)
		return PACKS_REFUSED;
	if (ps->saved_ms == 0)
		ps->saved_ms = clock_ms();
	return PACKS_IMPORTED;
}

enum packs_import
packs_import(struct packs *ps, const void *path, size_t len,
    uint32_t piece_len, struct pack_list *list, struct buf *b)
{
	enum packs_import result;
	size_t dir_len;
	struct pack *p = packs_of(ps, path, len, piece_len, &dir_len);

	if (p == NULL)
		return PACKS_REFUSED;
	list->name = (const char *)path + dir_len + 1;
	list->name_len = len - dir_len - 1;
	result = import_into(ps, &p->file, list, b);
	count_memory(ps, p);
	make_room(ps, p);
	return result;
}

void
packs_open_alone(const struct packs *ps, struct packfile *pf,
    const struct pack_id *id)
{
	packfile_init(pf, ps->store, id);
	pf->salt = ps->salt;
}

bool
packs_is_pack_of(const struct packs *ps, const struct pack_id *id,
    const void *path, size_t len)
{
	int root = conf_root_of(ps->conf, path, len);
	uint8_t key[SEAL_LEN];
	size_t dir_len;

	if (root == -1 || pack_split(path, len, &dir_len) == -1)
		return false;
	seal_path(ps->conf->roots[root].prefix, path, dir_len, key);
	return memcmp(key, id->key, sizeof(key)) == 0;
}

void
packs_flush(struct packs *ps)
{
	struct pack *p;

	ps->saved_ms = 0;
	TAILQ_FOREACH(p, &ps->open, entry)
		if (p->file.pending.len > 0) {
			packfile_flush(&p->file);
			count_memory(ps, p);
		}
}

int
packs_flush_due(struct packs *ps)
{
	uint64_t waited;

	if (ps->saved_ms == 0)
		return -1;
	waited = clock_ms() - ps->saved_ms;
	if (waited < PACKS_WAIT_MS)
		return (int)(PACKS_WAIT_MS - waited);
	packs_flush(ps);
	return -1;
}

/* One step of the rewrite under way.  true: it has ended. */
static bool
rewrite_on(struct packs *ps, uint64_t *cut)
{
	bool done = packfile_rewrite(&ps->rewrite, cut);

	count_memory(ps, ps->rewritten);
	if (done)
		ps->rewritten = NULL;
	return done;
}

static void
rewrite_begin(struct packs *ps, struct pack *p, struct packfile_cut cut,
    enum packs_user user)
{
	ps->rewritten = p;
	ps->user = user;
	packfile_begin_rewrite(&ps->rewrite, &p->file, cut);
}

bool
packs_tidy(struct packs *ps)
{
	struct pack *p;
	uint64_t cut;

	if (ps->rewritten == NULL) {
		TAILQ_FOREACH(p, &ps->open, entry)
			if (packfile_is_due(&p->file))
				break;
		if (p == NULL)
			return false;
		rewrite_begin(ps, p, (struct packfile_cut){ 0 }, PACKS_TIDY);
	} else if (ps->user != PACKS_TIDY)
		return false;
	(void)rewrite_on(ps, &cut);
	return true;
}

/* Is it this user's turn?  A rewrite to be shorter goes on here; another one
   goes on by itself. */
static bool
rewrite_may_begin(struct packs *ps, enum packs_user user)
{
	uint64_t cut;

	if (ps->rewritten != NULL && ps->user == PACKS_TIDY)
		(void)rewrite_on(ps, &cut);
	else
		return ps->rewritten == NULL || ps->user == user;
	return false;
}

/* The pack once it is read; NULL: not yet. */
static struct pack *
packs_await(struct packs *ps, enum packs_user user, const struct pack_id *id)
{
	/* Clients may open any number of others meanwhile. */
	struct pack *p = ps->awaited[user] = packs_open(ps, id, NULL, 0);

	if (!packfile_ready(&p->file))
		return NULL;
	ps->awaited[user] = NULL;
	return p;
}

bool
packs_rewrite(struct packs *ps, const struct pack_id *id,
    struct packfile_cut cut, uint64_t *cut_out)
{
	struct pack *p;

	if (!rewrite_may_begin(ps, PACKS_SWEEP))
		return false;
	if (ps->rewritten == NULL) {
		p = packs_await(ps, PACKS_SWEEP, id);
		if (p == NULL)
			return false;
		rewrite_begin(ps, p, cut, PACKS_SWEEP);
	}
	return rewrite_on(ps, cut_out);
}

int
packs_purge(struct packs *ps, struct packs_purge *purge)
{
	struct packfile_cut cut = { .name = purge->name,
	    .name_len = purge->name_len, .all = purge->name == NULL };
	struct pack *p;
	uint64_t n;

	if (!rewrite_may_begin(ps, PACKS_PURGE))
		return 0;
	if (ps->rewritten == NULL) {
		p = packs_await(ps, PACKS_PURGE, &purge->id);
		if (p == NULL)
			return 0;
		if (p->file.fd == -1 || (purge->name != NULL &&
		    !packfile_has(&p->file, purge->name, purge->name_len)))
			return 1;
		if (!p->file.writable || purge->tries++ == PURGE_TRIES)
			return -1;
		/* There is no room to write it again without the file. */
		cut.all |= p->file.failed;
		rewrite_begin(ps, p, cut, PACKS_PURGE);
	}
	/* Then see whether anything is left. */
	(void)rewrite_on(ps, &n);
	purge->removed += n;
	return 0;
}

void
packs_look_again(struct packs *ps)
{
	struct pack *p;

	TAILQ_FOREACH(p, &ps->open, entry)
		p->file.checked_ms = 0;
}

void
packs_stop_purge(struct packs *ps)
{
	ps->awaited[PACKS_PURGE] = NULL;
	if (ps->rewritten == NULL || ps->user != PACKS_PURGE)
		return;
	packfile_stop_rewrite(&ps->rewrite);
	ps->rewritten = NULL;
}
