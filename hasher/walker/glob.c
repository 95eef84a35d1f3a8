/*
 * Every directory is read once for a pattern, whatever ** could mean there:
 * a frame carries the set of all pattern components that its entries may
 * stand for.  There is one frame per directory that is open, so a walk holds
 * at most GLOB_FRAMES descriptors.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "hasher/walker/glob.h"
#include "hasher/walker/match.h"

/* One for each wildcard before the **, and one for each depth from it on. */
#define GLOB_FRAMES	(MATCH_WILDCARDS_MAX + GLOB_DEPTH_MAX + 1)

/* opendir(3) asks with fcntl(2) and its buffer is twice that: there may be
   hundreds of these. */
#define READ_BYTES	16384
#define CACHE_BYTES	(1 << 20)

#define NOWHERE		UINT32_MAX

struct dir {
	int			 fd;	/* -1: the names are in a cache */
	const uint8_t		*names;	/* as from getdents64(2) */
	size_t			 len;
	size_t			 at;
	int			 error;	/* errno that ended it early, or 0 */
	struct dir_cache	*filling;
	uint8_t			*room;
};

struct component {
	const char	*p;
	uint32_t	 len;
	bool		 wild;
	bool		 any_depth;
};

/*
 * Bit i of mask: an entry may stand for component first + i.  More than one
 * bit is set from a ** on only, where the depth keeps i below 64.
 */
struct state {
	uint32_t	 first;
	uint32_t	 depth;		/* components of the directory's path */
	uint64_t	 mask;
};

struct frame {
	struct state	 state;
	struct dir	 dir;
	size_t		 path_len;
};

struct glob {
	char			*pattern;
	struct component	*comps;
	uint32_t		 ncomps;
	uint32_t		 any_depth;	/* which of them, or NOWHERE */
	bool			 started;
	enum glob_state		 state;
	struct frame		 frames[GLOB_FRAMES];
	uint32_t		 nframes;
	struct glob_match	**matches;
	uint32_t		 nmatches;
	uint32_t		 matches_cap;
	size_t			 path_len;
	char			 path[SPEC_MAX + 1];
};

void
dir_cache_free(struct dir_cache *cache)
{
	free(cache->path);
	cache->path = NULL;
	buf_free(&cache->names);
	cache->whole = false;
}

/*
 * Begin with a directory: *dir is zero, or was closed.  follow: the last
 * component may be a symbolic link.  cache may be NULL; else it outlives the
 * dir.  PATH_OK, or why not.
 */
static enum path_status
dir_open(struct dir *dir, struct root *root, const char *path, size_t len,
    bool follow, struct dir_cache *cache)
{
	enum path_status status;

	dir->fd = -1;
	dir->at = dir->len = 0;
	dir->error = 0;
	dir->filling = NULL;
	if (cache != NULL && cache->whole && strcmp(cache->path, path) == 0) {
		dir->names = cache->names.data;
		dir->len = cache->names.len;
		return PATH_OK;
	}
	status = root_open_dir(root, path, len, follow, &dir->fd);
	if (status != PATH_OK)
		return status;
	if (dir->room == NULL && (dir->room = malloc(READ_BYTES)) == NULL)
		fatal("no memory for a directory");
	dir->names = dir->room;
	if (cache != NULL) {
		dir_cache_free(cache);
		cache->path = strdup(path);
		dir->filling = cache->path != NULL ? cache : NULL;
	}
	return PATH_OK;
}

/* 0 at the end of the directory. */
static int
dir_fill(struct dir *dir)
{
	struct dir_cache	*cache = dir->filling;
	ssize_t			 n;

	if (dir->fd == -1)
		return 0;
	n = getdents64(dir->fd, dir->room, READ_BYTES);
	/* One that was removed has ended. */
	if (n == -1 && errno != ENOENT)
		dir->error = errno;
	dir->at = 0;
	dir->len = n > 0 ? (size_t)n : 0;
	if (cache != NULL && n == 0)
		cache->whole = true;
	else if (cache != NULL && (n == -1 ||
	    cache->names.len + dir->len > CACHE_BYTES ||
	    buf_add(&cache->names, dir->room, dir->len) == -1)) {
		dir_cache_free(cache);
		dir->filling = NULL;
	}
	return dir->len > 0;
}

static int
is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The next entry, without "." and "..", or NULL at the end, which is not that
   of the directory when there is dir->error.  It is good until the next
   call. */
static const struct dirent64 *
dir_next(struct dir *dir)
{
	const struct dirent64	*entry;

	do {
		if (dir->at == dir->len && !dir_fill(dir))
			return NULL;
		entry = (const struct dirent64 *)(const void *)
		    (dir->names + dir->at);
		dir->at += entry->d_reclen;
	} while (is_self_or_parent(entry->d_name));
	return entry;
}

static void
dir_close(struct dir *dir)
{
	if (dir->fd != -1)
		close(dir->fd);
	dir->fd = -1;
}

/* Memory that dir_close() leaves for the next dir_open(). */
static void
dir_free(struct dir *dir)
{
	free(dir->room);
	dir->room = NULL;
}

int
walk_is_due(const struct walk *walk)
{
	return clock_us() >= walk->turn_ends_us;
}

void
walk_add(struct walk *walk, const struct seen *seen)
{
	walk->files++;
	/* Of others the hasher says so. */
	if (seen->identity.size == 0 && seen->young)
		walk->young = true;
}

static void
glob_split(struct glob *g, size_t len, size_t prefix_len)
{
	const char		*at = g->pattern, *end = at + len, *slash;
	struct component	*c = g->comps;

	while (at < end) {
		at++;
		slash = memchr(at, '/', (size_t)(end - at));
		c->p = at;
		c->len = (uint32_t)((slash == NULL ? end : slash) - at);
		/* A root's prefix is never a pattern. */
		c->wild = (size_t)(at - g->pattern) > prefix_len &&
		    match_wildcards(at, c->len) > 0;
		c->any_depth = c->wild && match_is_any_depth(at, c->len);
		if (c->any_depth)
			g->any_depth = (uint32_t)(c - g->comps);
		at += c->len;
		c++;
	}
	g->ncomps = (uint32_t)(c - g->comps);
}

struct glob *
glob_new(const struct root *root, const char *pattern, size_t len)
{
	struct glob	*g = calloc(1, sizeof(*g));
	size_t		 i, n = 0;

	for (i = 0; i < len; i++)
		n += pattern[i] == '/';
	if (g == NULL || (g->pattern = strndup(pattern, len)) == NULL ||
	    (g->comps = calloc(n, sizeof(*g->comps))) == NULL)
		fatal("no memory for a glob");
	g->any_depth = NOWHERE;
	g->state = GLOB_MORE;
	glob_split(g, len, strlen(root_prefix(root)));
	return g;
}

void
glob_free(struct glob *g)
{
	uint32_t	 i;

	if (g == NULL)
		return;
	while (g->nframes > 0)
		dir_close(&g->frames[--g->nframes].dir);
	for (i = 0; i < GLOB_FRAMES; i++)
		dir_free(&g->frames[i].dir);
	for (i = 0; i < g->nmatches; i++)
		free(g->matches[i]);
	free(g->matches);
	free(g->comps);
	free(g->pattern);
	free(g);
}

/* 0, or -1: such a path is too long for anybody to ask for. */
static int
glob_append(struct glob *g, const char *name, size_t len)
{
	if (g->path_len + 1 + len > SPEC_MAX)
		return -1;
	g->path[g->path_len++] = '/';
	memcpy(g->path + g->path_len, name, len);
	g->path_len += len;
	g->path[g->path_len] = '\0';
	return 0;
}

static void
glob_add_match(struct glob *g, struct walk *walk, const struct seen *seen)
{
	struct glob_match	*match;
	void			*grown;

	if (walk->files >= walk->root->conf->max_files) {
		g->state = GLOB_TOO_MANY_FILES;
		return;
	}
	walk_add(walk, seen);
	if (g->nmatches == g->matches_cap) {
		g->matches_cap = g->matches_cap == 0 ? 64 : 2 * g->matches_cap;
		grown = reallocarray(g->matches, g->matches_cap,
		    sizeof(match));
		if (grown == NULL)
			fatal("no memory for matches");
		g->matches = grown;
	}
	match = malloc(sizeof(*match) + g->path_len + 1);
	if (match == NULL)
		fatal("no memory for matches");
	match->identity = seen->identity;
	match->len = g->path_len;
	memcpy(match->path, g->path, g->path_len + 1);
	g->matches[g->nmatches++] = match;
}

/* May g->path be looked at at all? */
static bool
glob_may_enter(const struct glob *g, const struct root *root)
{
	/* Another root's files are another walker's. */
	if (g->path_len > 0 && !root_serves(root, g->path, g->path_len))
		return false;
	return !root_denies(root, g->path, g->path_len);
}

/* What is g->path, and with file: it is a match if it is one.  Returns its
   type; *link: that of what it leads to. */
static mode_t
glob_look(struct glob *g, struct walk *walk, bool file, bool *link)
{
	enum path_status status;
	struct seen	 seen;

	if (!glob_may_enter(g, walk->root))
		return 0;
	status = root_look(walk->root, g->path, g->path_len, &seen);
	if (status == PATH_FAILED)
		g->state = GLOB_FAILED;
	if (status == PATH_OK && file)
		glob_add_match(g, walk, &seen);
	*link = seen.link;
	return seen.type;
}

/* Where ** may be, it may also stand for no directory at all. */
static void
state_settle(const struct glob *g, struct state *s)
{
	while (!(s->mask & 1)) {
		s->mask >>= 1;
		s->first++;
	}
	if (s->first == g->any_depth && s->first + 1 < g->ncomps)
		s->mask |= 2;
}

static void
glob_push(struct glob *g, struct walk *walk, const struct state *s,
    bool follow)
{
	struct frame	*f = &g->frames[g->nframes];
	enum path_status status;

	if (g->nframes == GLOB_FRAMES) {
		g->state = GLOB_TOO_DEEP;
		return;
	}
	/* Globs of one request often begin in the same directory. */
	status = dir_open(&f->dir, walk->root, g->path, g->path_len, follow,
	    g->nframes == 0 ? &walk->cache : NULL);
	if (status == PATH_FAILED)
		g->state = GLOB_FAILED;
	if (status != PATH_OK)
		return;
	f->state = *s;
	f->path_len = g->path_len;
	g->nframes++;
}

/*
 * Go on in the directory g->path with a state whose mask is not empty.
 * Components without wildcards are gone through without reading directories.
 */
static void
glob_enter(struct glob *g, struct walk *walk, struct state s, bool follow)
{
	const struct component	*c;

	state_settle(g, &s);
	while (s.mask == 1 && !g->comps[s.first].wild) {
		c = &g->comps[s.first];
		if (glob_append(g, c->p, c->len) == -1)
			return;
		s.depth++;
		follow = true;
		if (++s.first == g->ncomps) {
			glob_look(g, walk, true, &follow);
			return;
		}
		state_settle(g, &s);
	}
	if (glob_may_enter(g, walk->root))
		glob_push(g, walk, &s, follow);
}

/* What an entry of a frame may be. */
struct meaning {
	bool	 file;		/* a match, if it is one */
	uint64_t beyond;	/* for its entries, if it is a directory; … */
	uint64_t any_depth;	/* … these only if it is no link */
};

static struct meaning
glob_meaning(const struct glob *g, const struct state *s, const char *name)
{
	struct meaning			 m = { false, 0, 0 };
	const struct component	*c;
	size_t				 len = strlen(name);
	uint64_t			 left = s->mask;
	unsigned			 i;

	for (; left != 0; left &= left - 1) {
		i = (unsigned)__builtin_ctzll(left);
		c = &g->comps[s->first + i];
		if (c->any_depth ? name[0] == '.' :
		    !match_component(c->p, c->len, name, len))
			continue;
		if (c->any_depth)
			m.any_depth |= 1ULL << i;
		if (s->first + i + 1 == g->ncomps)
			m.file = true;
		else if (!c->any_depth)
			m.beyond |= 1ULL << (i + 1);
	}
	return m;
}

static void
glob_on_entry(struct glob *g, struct walk *walk, const struct frame *f,
    const struct dirent64 *entry)
{
	struct meaning	 m = glob_meaning(g, &f->state, entry->d_name);
	struct state	 s = { f->state.first, f->state.depth + 1, 0 };
	mode_t		 type = S_IFDIR;
	bool		 link = false;

	/* What needs no look to be known. */
	if (entry->d_type == DT_REG)
		m.beyond = m.any_depth = 0;
	if (entry->d_type == DT_LNK)
		m.any_depth = 0;
	if (!m.file && m.beyond == 0 && m.any_depth == 0)
		return;
	if (g->any_depth != NOWHERE &&
	    s.depth > g->any_depth + GLOB_DEPTH_MAX) {
		g->state = GLOB_TOO_DEEP;
		return;
	}
	g->path_len = f->path_len;
	if (glob_append(g, entry->d_name, strlen(entry->d_name)) == -1)
		return;
	if (name_has_control(entry->d_name)) {
		if (glob_may_enter(g, walk->root))
			root_log_control(walk->root, g->path, g->path_len);
		return;
	}
	if (entry->d_type != DT_DIR)
		type = glob_look(g, walk, m.file, &link);
	s.mask = m.beyond | (link ? 0 : m.any_depth);
	if (type == S_IFDIR && s.mask != 0)
		glob_enter(g, walk, s, link);
}

/* The next entry of the deepest directory that is open. */
static void
glob_step(struct glob *g, struct walk *walk)
{
	struct frame		*f = &g->frames[g->nframes - 1];
	const struct dirent64	*entry = dir_next(&f->dir);

	if (f->dir.error != 0) {
		(void)root_status(walk->root, f->dir.error, g->path,
		    f->path_len);
		g->state = GLOB_FAILED;
	} else if (entry == NULL) {
		dir_close(&f->dir);
		g->nframes--;
	} else if (f->dir.fd != -1 && walk->entries++ == GLOB_ENTRIES_MAX)
		g->state = GLOB_TOO_MANY_ENTRIES;
	else
		glob_on_entry(g, walk, f, entry);
}

static int
match_compare(const void *a, const void *b)
{
	const struct glob_match *const	*x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

enum glob_state
glob_run(struct glob *g, struct walk *walk)
{
	struct state	 s = { 0, 0, 1 };

	if (!g->started) {
		g->started = true;
		glob_enter(g, walk, s, true);
	}
	while (g->state == GLOB_MORE && g->nframes > 0) {
		glob_step(g, walk);
		if (walk_is_due(walk))
			return g->state;
	}
	if (g->state != GLOB_MORE)
		return g->state;
	/* qsort() of glibc asks the kernel how much memory there is. */
	if (g->nmatches > 1 && mergesort(g->matches, g->nmatches,
	    sizeof(*g->matches), match_compare) == -1)
		fatal("no memory to sort");
	return g->state = GLOB_DONE;
}

struct glob_match *const *
glob_matches(const struct glob *g, uint32_t *n)
{
	*n = g->nmatches;
	return g->matches;
}
