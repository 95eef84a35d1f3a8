/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/tree_path.h"
#include "hasher/walker/tree.h"

/* A part ends after so much time, whatever it has found, so that the front
   hears of the position. */
#define PART_US_MAX	500000

static struct str
tree_path(const struct tree *t)
{
	return (struct str){ t->path, t->path_len };
}

static struct str
tree_after(const struct tree *t)
{
	return (struct str){ t->glob.after, t->glob.after_len };
}

static void
tree_set_after(struct tree *t, struct str after)
{
	memcpy(t->glob.after, after.p, after.len);
	t->glob.after_len = after.len;
}

/* Is there no room for another file, and the position? */
static bool
tree_is_full(const struct tree *t)
{
	return t->answer.count == WALK_FILES_MAX ||
	    t->tail.len + sizeof(struct msg_file) + 2 * SPEC_MAX >
	    MSG_TAIL_MAX;
}

static void
tree_on_found(struct glob_tree *glob, struct str path,
    const struct identity *id)
{
	struct tree *t = (struct tree *)(void *)((char *)glob -
	    offsetof(struct tree, glob));
	struct msg_file item = { .index = t->answer.count,
	    .len = (uint32_t)path.len, .identity = *id };

	if (buf_add(&t->tail, &item, sizeof(item)) == -1 ||
	    buf_add(&t->tail, path.p, path.len) == -1)
		fatal("no memory for a walk");
	t->answer.count++;
	if (tree_is_full(t))
		t->walk.turn_ends_us = 0;
}

static void
tree_end_walk(struct tree *t)
{
	glob_free(&t->walk);
	t->begun = false;
}

/* 0, or -1: no honest front sends these. */
static int
tree_check(struct str path, struct str after)
{
	if (path.len > 0 && !tree_path_is_plain(path))
		return -1;
	return after.len == 0 || (tree_path_is_plain(after) &&
	    tree_path_is_in(after, path)) ? 0 : -1;
}

enum msg_fault
tree_ask(struct tree *t, const struct msg *m)
{
	const struct msg_walk *body = m->body;
	const char *at = (const char *)m->tail;
	struct str path = { at, body->tree_len };
	struct str after = { at + body->tree_len, body->after_len };

	if (t->asked || path.len > SPEC_MAX || after.len > SPEC_MAX ||
	    path.len + after.len != m->tail_len ||
	    tree_check(path, after) == -1)
		return FAULT_CONTENT;
	/* Another walk than the one at hand? */
	if (t->begun && (tree_path_compare(path, tree_path(t)) != 0 ||
	    tree_path_compare(after, tree_after(t)) != 0))
		tree_end_walk(t);
	if (!t->begun) {
		memcpy(t->path, path.p, path.len);
		t->path_len = path.len;
		tree_set_after(t, after);
		t->glob.found = tree_on_found;
	}
	memset(&t->answer, 0, sizeof(t->answer));
	t->answer.id = body->id;
	t->tail.len = 0;
	t->used_us = 0;
	t->glob.left_out = 0;
	t->asked = true;
	return FAULT_NONE;
}

/* Begin at the position.  A tree may be a single file. */
static void
tree_begin(struct tree *t, struct root *root)
{
	struct str path = tree_path(t);
	enum path_status status = root_admits(root, path.p, path.len);
	struct seen seen = { .type = 0 };

	t->walk.root = root;
	if (status == PATH_OK)
		status = root_look(root, path.p, path.len, &seen);
	if (status == PATH_OK) {
		t->answer.result = WALK_END;
		if (t->glob.after_len == 0)
			tree_on_found(&t->glob, path, &seen.identity);
	} else if (seen.type != S_IFDIR)
		t->answer.result = WALK_NOTHING;
	else {
		glob_begin_tree(&t->walk, &t->glob, path);
		t->begun = true;
	}
}

/* The part ends here, and the next one goes on after the position. */
static void
tree_set_position(struct tree *t)
{
	struct str position = glob_position(&t->walk);

	t->answer.result = WALK_MORE;
	if (tree_path_compare(position, tree_after(t)) > 0)
		tree_set_after(t, position);
	t->answer.position_len = (uint32_t)t->glob.after_len;
	if (buf_add(&t->tail, t->glob.after, t->glob.after_len) == -1)
		fatal("no memory for a walk");
}

int
tree_run(struct tree *t, struct root *root, uint64_t turn_us)
{
	struct glob_match *const *matches;
	uint64_t began_us = clock_us();
	uint32_t n;

	t->walk.turn_ends_us = began_us + turn_us;
	if (!t->begun)
		tree_begin(t, root);
	if (t->begun && glob_run(&t->walk, &matches, &n) != 0)
		t->answer.result = WALK_END;
	root_forget(root);
	t->used_us += clock_us() - began_us;
	if (t->answer.result != 0)
		tree_end_walk(t);
	else if (tree_is_full(t) || t->used_us > PART_US_MAX)
		tree_set_position(t);
	else
		return 0;
	t->answer.left_out = t->glob.left_out;
	t->asked = false;
	return 1;
}

void
tree_free(struct tree *t)
{
	tree_end_walk(t);
	buf_free(&t->tail);
	t->asked = false;
}
