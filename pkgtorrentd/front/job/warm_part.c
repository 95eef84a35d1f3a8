/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "common/tree_path.h"
#include "pkgtorrentd/front/job/warm_part.h"

#define ROUNDS		11	/* piece lengths, from 16K to 16M */

struct str
warm_root_prefix(const struct conf *conf, size_t root)
{
	const char *prefix = conf->roots[root].prefix;

	return (struct str){ prefix, strlen(prefix) };
}

struct str
warm_root_tree(const struct warm *w)
{
	struct str prefix = warm_root_prefix(warm_conf(w), w->root);

	return tree_path_is_in(prefix, warm_tree(w)) ? prefix : warm_tree(w);
}

void
warm_part_free(struct warm *w, struct warm_part *part)
{
	uint32_t i;

	for (i = 0; i < part->n; i++)
		hash_waiter_leave(&part->files[i].waiter);
	TAILQ_REMOVE(&w->parts, part, entry);
	w->files -= MAX(part->n, 1);
	w->bytes -= part->tail.len;
	buf_free(&part->tail);
	free(part);
}

void
warm_file_end(struct warm *w, struct warm_file *file, uint64_t *count)
{
	w->different -= file->state == WARM_BAD;
	file->state = WARM_COUNTED;
	file->count = count;
	w->report.done_bytes += file->identity.size;
	if (count != NULL)
		(*count)++;
}

/* All piece lengths, from piece-length upwards, then from the least. */
static void
part_set_round(const struct warm *w, struct warm_part *part, uint32_t round)
{
	uint64_t len = (uint64_t)warm_conf(w)->piece_len << round;

	part->round = round;
	part->piece_len = (uint32_t)(len > PIECE_LEN_MAX ? len >> ROUNDS :
	    len);
	part->known = part->unanswered == 0;
	part->next = 0;
}

/* Can its pieces be remembered at all?  A torrent may not have more than
   max-bytes. */
static bool
file_is_storable(const struct warm_file *file, const struct conf *conf)
{
	return file->identity.mount == 0 &&
	    file->identity.size <= conf->max_bytes;
}

void
warm_part_add(struct warm *w, struct warm_part *part)
{
	struct warm_file *file, *end = part->files + part->n;

	for (file = part->files; file < end; file++) {
		w->report.files++;
		w->report.bytes += file->identity.size;
		if (file->identity.size == 0)
			warm_file_end(w, file, &w->report.found);
		else if (!file_is_storable(file, warm_conf(w)))
			warm_file_end(w, file, &w->report.skipped);
		else if (w->mode == WARM_COUNT)
			warm_file_end(w, file, NULL);
		else
			part->unanswered++;
	}
	part_set_round(w, part, 0);
	w->files += MAX(part->n, 1);
	w->bytes += part->tail.len;
	TAILQ_INSERT_TAIL(&w->parts, part, entry);
}

void
warm_part_uncount(struct warm *w, const struct warm_part *part)
{
	const struct warm_file *file = part->files + part->first;

	for (; file < part->files + part->n; file++) {
		w->report.files--;
		w->report.bytes -= file->identity.size;
		if (file->state == WARM_COUNTED)
			w->report.done_bytes -= file->identity.size;
		if (file->count != NULL)
			(*file->count)--;
		if (file->count == &w->report.hashed)
			w->report.hashed_bytes -= file->identity.size;
	}
}

void
warm_part_fail(struct warm *w, struct warm_part *part)
{
	struct warm_file *file, *end = part->files + part->n;

	for (file = part->files; file < end; file++)
		if (file->state == WARM_ASKED)
			warm_file_end(w, file, &w->report.failed);
	part->unanswered = 0;
	part->known = true;
}

/* Read the next file of the part.  0, or -1: it is no file of this tree and
   root, or not in order. */
static int
part_take_file(struct warm_part *part, const struct warm *w, struct str *last,
    size_t *at)
{
	struct warm_file *file = &part->files[part->n];
	struct msg_file item;

	if (part->tail.len - *at < sizeof(item))
		return -1;
	memcpy(&item, part->tail.data + *at, sizeof(item));
	*at += sizeof(item);
	if (part->tail.len - *at < item.len || item.index != part->n)
		return -1;
	file->identity = item.identity;
	file->path.p = (const char *)part->tail.data + *at;
	file->path.len = item.len;
	*at += item.len;
	if (!tree_path_is_plain(file->path) ||
	    !tree_path_is_in(file->path, warm_root_tree(w)) ||
	    conf_root_of(warm_conf(w), file->path.p, file->path.len) !=
	    (int)w->root || tree_path_compare(file->path, *last) <= 0)
		return -1;
	*last = file->path;
	part->n++;
	return 0;
}

/* 0, or -1: the message is wrong. */
static int
part_parse(struct warm_part *part, const struct warm *w,
    const struct msg_walked *body)
{
	struct str last = { w->after, w->after_len };
	size_t at = 0;

	while (part->n < body->count)
		if (part_take_file(part, w, &last, &at) == -1)
			return -1;
	part->position = (struct str){ (const char *)part->tail.data + at,
	    part->tail.len - at };
	part->left_out = body->left_out;
	if (part->position.len != body->position_len)
		return -1;
	if (body->result != WALK_MORE)
		return body->position_len > 0 || (body->count > 0 &&
		    body->result != WALK_END) ? -1 : 0;
	/* It may be as before if a long directory is being read. */
	if (part->position.len == 0)
		return last.len > 0 ? -1 : 0;
	return tree_path_is_plain(part->position) &&
	    tree_path_is_in(part->position, warm_root_tree(w)) &&
	    tree_path_compare(part->position, last) >= 0 ? 0 : -1;
}

struct warm_part *
warm_part_new(const struct warm *w, const struct msg *m)
{
	const struct msg_walked *body = m->body;
	struct warm_part *part;

	part = calloc(1, sizeof(*part) + body->count *
	    sizeof(part->files[0]));
	if (part == NULL || buf_add(&part->tail, m->tail, m->tail_len) == -1)
		fatal("out of memory");
	if (part_parse(part, w, body) == 0)
		return part;
	buf_free(&part->tail);
	free(part);
	return NULL;
}

/* A part of a file's list, and all of it if last is set, of which only the
   SHA-256 is kept.  0, or -1: parts of two lists are mixed. */
static int
warm_sum(struct warm *w, struct warm_file *file, uint32_t index,
    const uint8_t *digests, uint32_t count, bool last)
{
	if (w->sum == NULL) {
		w->sum = sum_new(false);
		w->summed = index;
	}
	if (w->sum == NULL)
		fatal("out of memory");
	if (w->summed != index)
		return -1;
	sum_add(w->sum, digests, (size_t)count * SHA1_LEN);
	if (last) {
		sum_end(w->sum, file->sum);
		w->sum = NULL;
	}
	return 0;
}

/* The cache has imported digests of a file: these are to be rechecked. */
static void
part_take_imported(struct warm *w, const struct warm_file *file,
    const struct msg_pieces_item *item, const uint8_t *digests)
{
	if (item->first == 0) {
		pieces_unref(w->imported);
		w->imported = pieces_new(item->total);
	}
	if (w->imported == NULL || w->imported->count != item->total)
		return;
	memcpy(w->imported->digests + (size_t)item->first * SHA1_LEN, digests,
	    (size_t)item->count * SHA1_LEN);
	if (item->first + item->count < item->total)
		return;
	recheck_want(w->recheck, file->path.p, file->path.len,
	    &file->identity, w->looked_up->piece_len, w->imported);
	pieces_unref(w->imported);
	w->imported = NULL;
}

/* The cache has answered for a file completely. */
static void
part_answered(struct warm *w, struct warm_part *part, struct warm_file *file,
    bool found)
{
	part->unanswered--;
	if (w->mode == WARM_CHECK)
		file->state = found ? WARM_TO_HASH : WARM_SAME;
	else if (found)
		warm_file_end(w, file, &w->report.found);
	else
		file->state = WARM_TO_HASH;
}

int
warm_part_take_item(struct warm *w, const struct msg_pieces_item *item,
    const uint8_t *digests)
{
	struct warm_part *part = w->looked_up;
	struct warm_file *file;

	if (item->index >= part->n ||
	    part->files[item->index].state != WARM_ASKED ||
	    (item->flags & ~(uint32_t)PIECES_IMPORTED))
		return -1;
	file = &part->files[item->index];
	if (item->total == 0) {
		if (file->got > 0 || item->count > 0 || item->flags != 0)
			return -1;
		part_answered(w, part, file, false);
		return 0;
	}
	if (item->count == 0 || item->first != file->got ||
	    item->total != torrent_digests(file->identity.size,
	    part->piece_len) || item->count > item->total - file->got)
		return -1;
	if (w->mode == WARM_HASH && (item->flags & PIECES_IMPORTED))
		part_take_imported(w, file, item, digests);
	file->got += item->count;
	if (w->mode == WARM_CHECK && warm_sum(w, file, item->index, digests,
	    item->count, file->got == item->total) == -1)
		return -1;
	if (file->got == item->total)
		part_answered(w, part, file, true);
	return 0;
}

/* Has this round of WARM_CHECK ended for all files?  Begin the next; after the
   last they are done. */
static void
part_end_round(struct warm *w, struct warm_part *part)
{
	struct warm_file *file, *end = part->files + part->n;
	bool last = part->round + 1 == ROUNDS;

	for (file = part->files + part->first; file < end; file++)
		if (file->state != WARM_SAME && file->state != WARM_COUNTED)
			return;
	for (file = part->files + part->first; file < end; file++) {
		if (file->state != WARM_SAME)
			continue;
		if (!last) {
			file->state = WARM_ASKED;
			part->unanswered++;
			continue;
		}
		if (file->checked)
			w->report.hashed_bytes += file->identity.size;
		warm_file_end(w, file, file->checked ? &w->report.hashed :
		    &w->report.skipped);
	}
	if (!last)
		part_set_round(w, part, part->round + 1);
}

struct str
warm_part_settle(struct warm *w, struct warm_part *part)
{
	struct str at = { 0 };
	struct warm_file *file;

	if (w->mode == WARM_CHECK && part->known)
		part_end_round(w, part);
	for (; part->first < part->n; part->first++) {
		file = &part->files[part->first];
		if (file->state != WARM_COUNTED)
			break;
		at = file->path;
		if (w->mode == WARM_COUNT && file->count == NULL)
			need_add(&w->need, at, file->identity.size,
			    part->piece_len);
	}
	return at;
}

