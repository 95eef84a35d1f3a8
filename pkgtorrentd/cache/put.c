#include <string.h>

#include "common/log.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/put.h"
#include "pkgtorrentd/cache/put_info.h"

static void
forget_pieces(struct intake *in)
{
	buf_free(&in->pieces.digests);
	in->pieces.open = false;
}

static void
forget_info(struct intake *in)
{
	buf_free(&in->info.listing);
	in->info.open = false;
}

void
intake_reset(struct intake *in)
{
	forget_pieces(in);
	forget_info(in);
}

static bool
seal_is(const uint8_t expected[SEAL_LEN], const uint8_t got[SEAL_LEN])
{
	return seal_equal(expected, got) == 1;
}

/*
 * The first part names the file.  A list that no torrent could hold is
 * checked like any other, but not kept; nor is one of a file that is known by
 * its mount, which the sealed identity says.
 */
static enum msg_fault
begin_pieces(struct intake *in, const struct msg_put_pieces *body,
    const uint8_t *tail, size_t tail_len)
{
	struct intake_pieces *p = &in->pieces;
	uint8_t seal[SEAL_LEN];
	uint64_t count;

	if (body->path_len == 0 || body->path_len > SPEC_MAX ||
	    body->path_len > tail_len || !entry_piece_len_ok(body->piece_len))
		return FAULT_CONTENT;
	seal_file(in->seal, tail, body->path_len, &body->identity, seal);
	if (!seal_is(seal, body->seal))
		return FAULT_SEAL;
	memcpy(p->path, tail, body->path_len);
	p->path_len = body->path_len;
	p->piece_len = body->piece_len;
	p->identity = body->identity;
	p->pieces = torrent_pieces(p->identity.size, p->piece_len);
	p->next = 0;
	count = torrent_digests(p->identity.size, p->piece_len);
	p->keep = p->identity.mount == 0 && count > 0 && count <= UINT32_MAX &&
	    count <= in->conf->max_torrent / SHA1_LEN;
	p->open = true;
	return FAULT_NONE;
}

/*
 * Slices follow each other without a gap from the first piece to the last; a
 * partial last piece has its padded digest with it.
 */
static enum msg_fault
take_slice(struct intake *in, const struct msg_digests_item *item,
    const uint8_t *digests)
{
	struct intake_pieces *p = &in->pieces;
	uint32_t partial = p->identity.size % p->piece_len != 0;
	uint64_t left = p->pieces - p->next;
	uint8_t seal[SEAL_LEN];

	seal_digests(in->seal, &p->identity, p->piece_len, item->first,
	    item->count, digests, seal);
	if (!seal_is(seal, item->seal))
		return FAULT_SEAL;
	if (item->first != p->next || item->count == 0 || left == 0)
		return FAULT_CONTENT;
	if (item->count == left + partial)
		p->next = p->pieces;
	else if (item->count < left)
		p->next += item->count;
	else
		return FAULT_CONTENT;
	if (p->keep && buf_add(&p->digests, digests,
	    (size_t)item->count * SHA1_LEN) == -1) {
		log_warn("no memory to remember a file's pieces");
		p->keep = false;
	}
	return FAULT_NONE;
}

static enum msg_fault
take_slices(struct intake *in, uint32_t slices, const uint8_t *at,
    size_t left)
{
	struct msg_digests_item item;
	enum msg_fault fault;
	size_t len;

	for (; slices > 0; slices--) {
		if (left < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		left -= sizeof(item);
		if (item.count > left / SHA1_LEN)
			return FAULT_CONTENT;
		fault = take_slice(in, &item, at);
		if (fault != FAULT_NONE)
			return fault;
		len = (size_t)item.count * SHA1_LEN;
		at += len;
		left -= len;
	}
	return left == 0 ? FAULT_NONE : FAULT_CONTENT;
}

static void
save_pieces(struct intake *in)
{
	struct intake_pieces *p = &in->pieces;
	struct entry_pieces e = {
		.path = p->path,
		.path_len = p->path_len,
		.piece_len = p->piece_len,
		.identity = p->identity,
		.digests = p->digests.data,
		.count = p->digests.len / SHA1_LEN,
	};
	char name[ENTRY_PATH_LEN];
	struct buf b = { 0 };

	if (!p->keep || entry_name_pieces(name, p->path, p->path_len,
	    p->piece_len) == -1)
		return;
	if (entry_build_pieces(&b, &e) == 0)
		(void)store_save(in->store, name, b.data, b.len);
	else
		log_warn("no memory to remember a file's pieces");
	buf_free(&b);
}

static enum msg_fault
put_pieces_part(struct intake *in, const struct msg *msg)
{
	const struct msg_put_pieces *body = msg->body;
	enum msg_fault fault;

	if (in->pieces.open) {
		if (body->path_len != 0)
			return FAULT_CONTENT;
	} else {
		fault = begin_pieces(in, body, msg->tail, msg->tail_len);
		if (fault != FAULT_NONE)
			return fault;
	}
	fault = take_slices(in, body->slices, msg->tail + body->path_len,
	    msg->tail_len - body->path_len);
	if (fault != FAULT_NONE || (body->flags & PART_MORE))
		return fault;
	if (in->pieces.next != in->pieces.pieces)
		return FAULT_CONTENT;
	save_pieces(in);
	forget_pieces(in);
	return FAULT_NONE;
}

enum msg_fault
intake_put_pieces(struct intake *in, const struct msg *msg)
{
	enum msg_fault fault = put_pieces_part(in, msg);

	if (fault != FAULT_NONE)
		forget_pieces(in);
	return fault;
}

/* Parts are collected until their walker's seal says whose they are. */
static enum msg_fault
put_info_part(struct intake *in, const struct msg *msg)
{
	const struct msg_put_info *body = msg->body;
	struct intake_info *info = &in->info;
	uint8_t sum[SEAL_LEN], seal[SEAL_LEN];

	if (!info->open) {
		memcpy(info->digest, body->digest, SHA1_LEN);
		info->sealed = 0;
		info->open = true;
	}
	if (memcmp(info->digest, body->digest, SHA1_LEN) != 0 ||
	    msg->tail_len > LISTING_MAX - info->listing.len)
		return FAULT_CONTENT;
	if (buf_add(&info->listing, msg->tail, msg->tail_len) == -1)
		fatal("no memory for a listing");
	if (body->flags & PUT_SEALED) {
		if (info->listing.len == info->sealed)
			return FAULT_CONTENT;
		sha256(info->listing.data + info->sealed,
		    info->listing.len - info->sealed, sum);
		seal_listing(in->seal, sum, seal);
		if (!seal_is(seal, body->seal))
			return FAULT_SEAL;
		info->sealed = info->listing.len;
	}
	if (body->flags & PART_MORE)
		return FAULT_NONE;
	if (info->listing.len == 0)
		return FAULT_CONTENT;
	if (info->sealed != info->listing.len)
		return FAULT_SEAL;
	if (remember_listing(in->store, in->conf, info->digest,
	    &info->listing) == -1)
		return FAULT_CONTENT;
	forget_info(in);
	return FAULT_NONE;
}

enum msg_fault
intake_put_info(struct intake *in, const struct msg *msg)
{
	enum msg_fault fault = put_info_part(in, msg);

	if (fault != FAULT_NONE)
		forget_info(in);
	return fault;
}
