/* SPDX-License-Identifier: ISC */
/*
 * A glob reads each directory once, even with **: a frame carries the set of
 * all pattern components that the directory's entries may match.  There is
 * one frame per open directory, so a glob holds at most GLOB_FRAMES
 * descriptors.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/tree_path.h"
#include "hasher/walker/glob.h"
#include "hasher/walker/match.h"
#include "hasher/walker/names.h"

/* One frame for each wildcard before the **, one for each depth from it on. */
#define GLOB_FRAMES	(MATCH_WILDCARDS_MAX + GLOB_DEPTH_MAX + 1)

/* Half the buffer of opendir(3), because hundreds may be open; opendir(3) also
   calls fcntl(2), which the filter does not allow. */
#define READ_BYTES	16384
#define CACHE_BYTES	(1 << 20)

#define NOWHERE		UINT32_MAX

/* An open directory. */
struct dir {
	int			 fd;	/* -1: the names are in a cache */
	const uint8_t		*names;	/* as from getdents64(2) */
	size_t			 len;
	size_t			 at;
	int			 error;	/* errno that ended it early, or 0 */
	struct dir_cache	*filling;
	uint8_t			*room;
};

/*
 * Bit i of mask: an entry may match part first + i of the pattern.  More than
 * one bit is set only from a ** on, where the depth keeps i below 64.
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
	/* Of a tree: */
	struct names	 names;		/* once dir is closed */
	bool		 skips;		/* the position is in it */
};

struct glob {
	char			*pattern;
	struct match_part	*parts;
	uint32_t		 nparts;
	uint32_t		 any_depth;	/* the **, or NOWHERE */
	bool			 started;
	enum resolve_result	 result;	/* 0: not done yet */
	struct frame		 frames[GLOB_FRAMES];
	uint32_t		 nframes;
	struct glob_match	**matches;
	uint32_t		 nmatches;
	uint32_t		 matches_cap;
	size_t			 path_len;
	char			 path[SPEC_MAX + 1];
};

static void
dir_cache_free(struct dir_cache *cache)
{
	free(cache->path);
	cache->path = NULL;
	buf_free(&cache->names);
	cache->whole = false;
}

/* *dir is zero or was closed.  follow: the last component may be a symbolic
   link.  cache may be NULL; else it outlives *dir. */
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
	status = root_open(root, path, len,
	    O_DIRECTORY | (follow ? 0 : O_NOFOLLOW), NULL, &dir->fd);
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
	/* ENOENT: the directory was removed, which ends it. */
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

/* The next entry except "." and "..", valid until the next call; NULL at the
   end of the directory or, with dir->error set, before it. */
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

/* Free the memory that dir_close() keeps for the next dir_open(). */
static void
dir_free(struct dir *dir)
{
	free(dir->room);
	dir->room = NULL;
}

static void
glob_clear(struct glob *g)
{
	uint32_t	 i;

	if (g == NULL)
		return;
	while (g->nframes > 0) {
		dir_close(&g->frames[--g->nframes].dir);
		names_free(&g->frames[g->nframes].names);
	}
	for (i = 0; i < GLOB_FRAMES; i++)
		dir_free(&g->frames[i].dir);
	for (i = 0; i < g->nmatches; i++)
		free(g->matches[i]);
	free(g->matches);
	free(g->parts);
	free(g->pattern);
	free(g);
}

/* 0, or -1: match_split() refuses the pattern. */
static int
glob_split(struct glob *g, size_t len, size_t prefix_len)
{
	struct match_part	*part;
	int			 n = match_split(g->pattern, len, g->parts);
	uint32_t		 i;

	if (n == -1)
		return -1;
	g->nparts = (uint32_t)n;
	for (i = 0; i < g->nparts; i++) {
		part = &g->parts[i];
		/* A root's prefix is never a pattern. */
		if ((size_t)(part->p - g->pattern) <= prefix_len)
			part->wild = part->any_depth = false;
		if (part->any_depth)
			g->any_depth = i;
	}
	return 0;
}

int
glob_begin(struct walk *walk, const char *pattern, size_t len)
{
	struct root	*root = walk->root;
	struct glob	*g = calloc(1, sizeof(*g));
	size_t		 i, n = 0;

	for (i = 0; i < len; i++)
		n += pattern[i] == '/';
	if (g == NULL || (g->pattern = strndup(pattern, len)) == NULL ||
	    (g->parts = calloc(n, sizeof(*g->parts))) == NULL)
		fatal("no memory for a glob");
	g->any_depth = NOWHERE;
	glob_clear(walk->glob);
	walk->glob = g;
	return glob_split(g, len,
	    strlen(root->conf->roots[root->index].prefix));
}

void
glob_begin_tree(struct walk *walk, struct glob_tree *tree, struct str path)
{
	struct glob	*g;

	(void)glob_begin(walk, "/**", 3);
	g = walk->glob;
	memcpy(g->path, path.p, path.len);
	g->path[path.len] = '\0';
	g->path_len = path.len;
	/* It is a pattern, whatever the prefix. */
	g->parts[0].wild = g->parts[0].any_depth = true;
	g->any_depth = 0;
	walk->tree = tree;
	tree->names = 0;
}

struct str
glob_position(const struct walk *walk)
{
	const struct glob	*g = walk->glob;

	return (struct str){ g->path, g->path_len };
}

void
glob_free(struct walk *walk)
{
	glob_clear(walk->glob);
	dir_cache_free(&walk->cache);
	memset(walk, 0, sizeof(*walk));
}

/* 0, or -1: the path is too long for a request. */
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

/* Of a tree only this is left out. */
static void
glob_fail(struct glob *g, struct walk *walk, enum resolve_result result)
{
	if (walk->tree != NULL)
		walk->tree->left_out++;
	else
		g->result = result;
}

/* Something could not be looked up or read. */
static void
glob_take_status(struct glob *g, struct walk *walk, enum path_status status)
{
	if (status == PATH_FAILED)
		glob_fail(g, walk, RESOLVE_FAILED);
	else if (walk->tree != NULL &&
	    (status == PATH_REFUSED || status == PATH_LINK))
		walk->tree->left_out++;
}

static void
glob_add_match(struct glob *g, struct walk *walk, const struct seen *seen)
{
	struct glob_match	*match;
	void			*grown;

	if (walk->tree != NULL) {
		walk->tree->found(walk->tree, glob_position(walk),
		    &seen->identity);
		return;
	}
	if (walk->files >= walk->root->conf->max_files) {
		g->result = RESOLVE_TOO_MANY_FILES;
		return;
	}
	walk->files++;
	walk->young |= seen->young;
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

static bool
glob_may_enter(const struct glob *g, const struct root *root)
{
	return root_admits(root, g->path, g->path_len) == PATH_OK;
}

/* Look g->path up.  With file it becomes a match if it is a regular file.
   Returns its type, and in *link whether it was reached by a link. */
static mode_t
glob_look(struct glob *g, struct walk *walk, bool file, bool *link)
{
	enum path_status status;
	struct seen	 seen;

	if (!glob_may_enter(g, walk->root))
		return 0;
	status = root_look(walk->root, g->path, g->path_len, &seen);
	glob_take_status(g, walk, status);
	if (status == PATH_OK && file)
		glob_add_match(g, walk, &seen);
	*link = seen.link;
	return seen.type;
}

/* A ** also matches no directory at all, so the part behind it is possible
   too. */
static void
state_settle(const struct glob *g, struct state *s)
{
	while (!(s->mask & 1)) {
		s->mask >>= 1;
		s->first++;
	}
	if (s->first == g->any_depth && s->first + 1 < g->nparts)
		s->mask |= 2;
}

/* Is the position from which a tree's walk goes on in this directory? */
static bool
frame_holds_position(const struct frame *f, const struct glob *g,
    const struct glob_tree *tree)
{
	return tree->after_len > f->path_len && tree_path_is_in(
	    (struct str){ tree->after, tree->after_len },
	    (struct str){ g->path, f->path_len });
}

static void
glob_push(struct glob *g, struct walk *walk, const struct state *s,
    bool follow)
{
	struct frame	*f = &g->frames[g->nframes];
	enum path_status status;

	if (g->nframes == GLOB_FRAMES) {
		glob_fail(g, walk, RESOLVE_TOO_DEEP);
		return;
	}
	status = dir_open(&f->dir, walk->root, g->path, g->path_len, follow,
	    g->nframes == 0 && walk->tree == NULL ? &walk->cache : NULL);
	glob_take_status(g, walk, status);
	if (status != PATH_OK)
		return;
	f->state = *s;
	f->path_len = g->path_len;
	f->skips = walk->tree != NULL && frame_holds_position(f, g,
	    walk->tree);
	g->nframes++;
}

/*
 * Enter the directory g->path; the mask of the state is not empty.  Parts
 * without wildcards are appended to the path without reading directories.
 */
static void
glob_enter(struct glob *g, struct walk *walk, struct state s, bool follow)
{
	const struct match_part	*part;

	state_settle(g, &s);
	while (s.mask == 1 && !g->parts[s.first].wild) {
		part = &g->parts[s.first];
		if (glob_append(g, part->p, part->len) == -1)
			return;
		s.depth++;
		follow = true;
		if (++s.first == g->nparts) {
			glob_look(g, walk, true, &follow);
			return;
		}
		state_settle(g, &s);
	}
	if (glob_may_enter(g, walk->root))
		glob_push(g, walk, &s, follow);
}

/* The meanings that an entry of a frame may have. */
struct meaning {
	bool	 file;		/* it matches if it is a regular file */
	uint64_t beyond;	/* mask of its entries, if a directory */
	uint64_t any_depth;	/* more of that mask, if it is no link */
};

static struct meaning
glob_meaning(const struct glob *g, const struct state *s, const char *name)
{
	struct meaning		 m = { false, 0, 0 };
	const struct match_part	*part;
	size_t			 len = strlen(name);
	uint64_t		 left = s->mask;
	unsigned		 i;

	for (; left != 0; left &= left - 1) {
		i = (unsigned)__builtin_ctzll(left);
		part = &g->parts[s->first + i];
		if (part->any_depth ? name[0] == '.' :
		    !match_component(part->p, part->len, name, len))
			continue;
		if (part->any_depth)
			m.any_depth |= 1ULL << i;
		if (s->first + i + 1 == g->nparts)
			m.file = true;
		else if (!part->any_depth)
			m.beyond |= 1ULL << (i + 1);
	}
	return m;
}

static bool
has_control(const char *name)
{
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f)
			return true;
	return false;
}

static void
log_control(struct root *root, const char *path, size_t len)
{
	char	escaped[512];

	if (log_once(&root->control_logged_ms, ROOT_LOG_MS, clock_ms()))
		log_warn("left out \"%s\": the name has a control byte, so "
		    "that clients could not request it; rename it",
		    log_escape(escaped, sizeof(escaped), path, len));
}

static void
glob_on_entry(struct glob *g, struct walk *walk, const struct frame *f,
    const struct dirent64 *entry)
{
	struct meaning	 m = glob_meaning(g, &f->state, entry->d_name);
	struct state	 s = { f->state.first, f->state.depth + 1, 0 };
	mode_t		 type = S_IFDIR;
	bool		 link = false;

	/* The type in the entry already excludes these meanings. */
	if (entry->d_type == DT_REG)
		m.beyond = m.any_depth = 0;
	if (entry->d_type == DT_LNK)
		m.any_depth = 0;
	/* A walk goes on after this one, and in it if it is a directory. */
	if (f->skips)
		m.file = false;
	if (!m.file && m.beyond == 0 && m.any_depth == 0)
		return;
	if (g->any_depth != NOWHERE &&
	    s.depth > g->any_depth + GLOB_DEPTH_MAX) {
		glob_fail(g, walk, RESOLVE_TOO_DEEP);
		return;
	}
	/* Too long for a request: the position stays as it is. */
	if (f->path_len + 1 + strlen(entry->d_name) > SPEC_MAX)
		return;
	g->path_len = f->path_len;
	(void)glob_append(g, entry->d_name, strlen(entry->d_name));
	if (has_control(entry->d_name)) {
		if (glob_may_enter(g, walk->root))
			log_control(walk->root, g->path, g->path_len);
		return;
	}
	if (entry->d_type != DT_DIR)
		type = glob_look(g, walk, m.file, &link);
	s.mask = m.beyond | (link ? 0 : m.any_depth);
	if (type == S_IFDIR && s.mask != 0)
		glob_enter(g, walk, s, link);
}

static void
log_unreadable_dir(struct root *root, const char *path, size_t len, int error)
{
	char	escaped[512];

	if (log_once(&root->error_logged_ms, ROOT_LOG_MS, clock_ms()))
		log_error("cannot read directory \"%s\": %s",
		    log_escape(escaped, sizeof(escaped), path, len),
		    strerror(error));
}

static void
log_long_dir(struct root *root, const char *path, size_t len)
{
	char	escaped[512];

	if (log_once(&root->long_logged_ms, ROOT_LOG_MS, clock_ms()))
		log_warn("left out directory \"%s\" of a tree: its names and "
		    "those of the directories above take more than %u MiB",
		    log_escape(escaped, sizeof(escaped), path, len),
		    TREE_NAMES_MAX >> 20);
}

/* The deepest directory of a tree is done, or to be left out. */
static void
tree_pop(struct glob *g, struct walk *walk)
{
	struct frame	*f = &g->frames[--g->nframes];

	walk->tree->names -= f->names.bytes;
	names_free(&f->names);
	dir_close(&f->dir);
}

/* Read a part of the deepest directory of a tree. */
static void
tree_read(struct glob *g, struct walk *walk)
{
	struct frame	*f = &g->frames[g->nframes - 1];
	size_t		 before = f->names.bytes;
	int		 more = names_read(&f->names, f->dir.fd);

	walk->tree->names += f->names.bytes - before;
	if (more == -1)
		log_unreadable_dir(walk->root, g->path, f->path_len, errno);
	else if (walk->tree->names > TREE_NAMES_MAX)
		log_long_dir(walk->root, g->path, f->path_len);
	else {
		if (more == 0)
			dir_close(&f->dir);
		return;
	}
	walk->tree->left_out++;
	tree_pop(g, walk);
}

/* Does the walk go on behind this entry, or in it? */
static int
tree_compare(const struct frame *f, const struct glob_tree *tree,
    const char *name)
{
	const char	*at = tree->after + f->path_len + 1;
	size_t		 len = tree->after_len - f->path_len - 1;
	const char	*slash = memchr(at, '/', len);

	if (slash != NULL)
		len = (size_t)(slash - at);
	return tree_path_compare((struct str){ name, strlen(name) },
	    (struct str){ at, len });
}

/* Read on in the deepest directory of a tree, or take its next entry. */
static void
tree_step(struct glob *g, struct walk *walk)
{
	struct frame		*f = &g->frames[g->nframes - 1];
	const struct dirent64	*entry;
	int			 order;

	if (f->dir.fd != -1) {
		tree_read(g, walk);
		return;
	}
	entry = names_take(&f->names);
	if (entry == NULL) {
		tree_pop(g, walk);
		return;
	}
	order = f->skips ? tree_compare(f, walk->tree, entry->d_name) : 1;
	if (order < 0)
		return;
	f->skips = order == 0;
	glob_on_entry(g, walk, f, entry);
	f->skips = false;
}

/* Take the next entry of the deepest open directory. */
static void
glob_step(struct glob *g, struct walk *walk)
{
	struct frame		*f = &g->frames[g->nframes - 1];
	const struct dirent64	*entry = dir_next(&f->dir);

	if (f->dir.error != 0) {
		log_unreadable_dir(walk->root, g->path, f->path_len,
		    f->dir.error);
		g->result = RESOLVE_FAILED;
	} else if (entry == NULL) {
		dir_close(&f->dir);
		g->nframes--;
	} else if (f->dir.fd != -1 && walk->entries++ == GLOB_ENTRIES_MAX)
		g->result = RESOLVE_TOO_MANY_ENTRIES;
	else
		glob_on_entry(g, walk, f, entry);
}

static int
match_compare(const void *a, const void *b)
{
	const struct glob_match *const	*x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static enum resolve_result
glob_sort(struct glob *g)
{
	/* qsort() of glibc asks the kernel for the amount of memory. */
	if (g->nmatches > 1 && mergesort(g->matches, g->nmatches,
	    sizeof(*g->matches), match_compare) == -1)
		fatal("no memory to sort");
	return g->result = RESOLVE_OK;
}

enum resolve_result
glob_run(struct walk *walk, struct glob_match *const **matches, uint32_t *n)
{
	struct glob	*g = walk->glob;
	struct state	 s = { 0, 0, 1 };

	if (!g->started) {
		g->started = true;
		glob_enter(g, walk, s, true);
	}
	while (g->result == 0 && g->nframes > 0) {
		if (walk->tree != NULL)
			tree_step(g, walk);
		else
			glob_step(g, walk);
		if (clock_us() >= walk->turn_ends_us)
			return g->result;
	}
	if (g->result != 0)
		return g->result;
	*matches = g->matches;
	*n = g->nmatches;
	return glob_sort(g);
}
