#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/spec.h"
#include "hasher/walker/match.h"
#include "hasher/walker/resolution.h"

struct resolution *
resolution_new(uint64_t id)
{
	struct resolution	*r = calloc(1, sizeof(*r));

	if (r == NULL)
		fatal("no memory for a request");
	r->id = id;
	return r;
}

void
resolution_free(struct resolution *r)
{
	if (r == NULL)
		return;
	glob_free(r->glob);
	dir_cache_free(&r->walk.cache);
	buf_free(&r->specs);
	buf_free(&r->listing);
	free(r);
}

int
resolution_add(struct resolution *r, const struct msg_resolve *body,
    const void *tail, size_t len)
{
	if (r->specs.len + len > RESOLVE_MAX)
		return -1;
	if (body->flags & RESOLVE_EXPECT) {
		r->flags |= RESOLVE_EXPECT;
		memcpy(r->expect, body->expect, SEAL_LEN);
	}
	if (buf_add(&r->specs, tail, len) == -1)
		fatal("no memory for a request");
	return 0;
}

/* The spec at r->at, unaligned; 1, 0 at the end, -1: cut short. */
static int
next_spec(const struct resolution *r, struct msg_spec *spec,
    const char **bytes)
{
	size_t	 left = r->specs.len - r->at;

	if (left == 0)
		return 0;
	if (left < sizeof(*spec))
		return -1;
	memcpy(spec, r->specs.data + r->at, sizeof(*spec));
	if (spec->len == 0 || spec->len > left - sizeof(*spec))
		return -1;
	*bytes = (const char *)r->specs.data + r->at + sizeof(*spec);
	return 1;
}

static void
skip_spec(struct resolution *r, const struct msg_spec *spec)
{
	r->at += sizeof(*spec) + spec->len;
}

int
resolution_check(struct resolution *r)
{
	struct msg_spec	 spec;
	const char	*bytes;
	int64_t		 last = -1;
	int		 more;

	while ((more = next_spec(r, &spec, &bytes)) == 1) {
		if (path_check_spec(bytes, spec.len) == -1 ||
		    spec.index <= last)
			return -1;
		last = spec.index;
		if (match_is_pattern(bytes, spec.len))
			r->globs = true;
		skip_spec(r, &spec);
	}
	r->at = 0;
	return more == -1 || last == -1 ? -1 : 0;
}

static void
add_spec(struct resolution *r, const struct msg_spec *spec,
    const char *bytes, enum path_status status, uint32_t files)
{
	if (listing_add_spec(&r->listing, spec->index, status, bytes,
	    spec->len, files) == -1)
		fatal("no memory for a listing");
	skip_spec(r, spec);
}

static void
add_file(struct resolution *r, const struct identity *id, const char *path,
    size_t len)
{
	if (listing_add_file(&r->listing, id, path, len) == -1)
		fatal("no memory for a listing");
}

/* A spec that names a file, or names nothing and is no pattern. */
static void
add_single(struct resolution *r, const struct msg_spec *spec,
    const char *bytes, const char *path, size_t len, enum path_status status,
    const struct seen *seen)
{
	if (status != PATH_OK) {
		add_spec(r, spec, bytes, status, 0);
		return;
	}
	if (r->walk.files >= r->walk.root->conf->max_files) {
		r->result = RESOLVE_TOO_MANY_FILES;
		return;
	}
	walk_add(&r->walk, seen);
	add_spec(r, spec, bytes, PATH_OK, 1);
	add_file(r, &seen->identity, path, len);
}

static void
on_glob_done(struct resolution *r, const struct msg_spec *spec,
    const char *bytes)
{
	struct glob_match *const	*matches;
	uint32_t			 i, n;

	matches = glob_matches(r->glob, &n);
	add_spec(r, spec, bytes, n > 0 ? PATH_OK : PATH_MISSING, n);
	for (i = 0; i < n; i++)
		add_file(r, &matches[i]->identity, matches[i]->path,
		    matches[i]->len);
	glob_free(r->glob);
	r->glob = NULL;
}

static void
run_glob(struct resolution *r, const struct msg_spec *spec,
    const char *bytes)
{
	switch (glob_run(r->glob, &r->walk)) {
	case GLOB_MORE:
		break;
	case GLOB_DONE:
		on_glob_done(r, spec, bytes);
		break;
	case GLOB_TOO_MANY_FILES:
		r->result = RESOLVE_TOO_MANY_FILES;
		break;
	case GLOB_TOO_MANY_ENTRIES:
		r->result = RESOLVE_TOO_MANY_ENTRIES;
		break;
	case GLOB_TOO_DEEP:
		r->result = RESOLVE_TOO_DEEP;
		break;
	case GLOB_FAILED:
		r->result = RESOLVE_FAILED;
		break;
	}
}

static void
begin_spec(struct resolution *r, const struct msg_spec *spec,
    const char *bytes)
{
	struct root	*root = r->walk.root;
	char		 path[SPEC_MAX];
	size_t		 len = spec_plain(bytes, spec->len, path);
	bool		 pattern = match_is_pattern(path, len);
	bool		 denied = root_denies(root, path, len);
	enum path_status status;
	struct seen	 seen;

	/* With a new configuration under way the front may be ahead of us:
	   nothing is said about a root that another walker has. */
	if (!root_serves(root, path, len)) {
		r->result = RESOLVE_CANCELLED;
		return;
	}
	status = root_look(root, path, len, &seen);
	if (status == PATH_FAILED) {
		r->result = RESOLVE_FAILED;
		return;
	}
	if (pattern && (status == PATH_MISSING || status == PATH_NOT_FILE)) {
		if (match_check(path, len) == -1)
			r->result = RESOLVE_BAD_PATTERN;
		else
			r->glob = glob_new(root, path, len);
		return;
	}
	add_single(r, spec, bytes, path, len,
	    denied ? PATH_REFUSED : status, &seen);
}

static void
step(struct resolution *r)
{
	struct msg_spec	 spec;
	const char	*bytes;

	if (next_spec(r, &spec, &bytes) != 1)
		r->result = RESOLVE_OK;
	else if (r->glob != NULL)
		run_glob(r, &spec, bytes);
	else
		begin_spec(r, &spec, bytes);
}

int
resolution_run(struct resolution *r, struct root *root, uint64_t turn_us)
{
	uint64_t	 began_us = clock_us();

	r->walk.root = root;
	r->walk.turn_ends_us = began_us + turn_us;
	do
		step(r);
	while (r->result == 0 && !walk_is_due(&r->walk));
	root_forget(root);
	r->used_us += clock_us() - began_us;
	/* Plain paths are no more than max-paths, and none is long work. */
	if (r->globs && r->result == 0 && r->used_us > RESOLUTION_US_MAX)
		r->result = RESOLVE_TOO_LONG;
	return r->result != 0;
}

void
resolution_rewind(struct resolution *r)
{
	glob_free(r->glob);
	r->glob = NULL;
	dir_cache_free(&r->walk.cache);
	memset(&r->walk, 0, sizeof(r->walk));
	buf_free(&r->listing);
	r->at = 0;
}
