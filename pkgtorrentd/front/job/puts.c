/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "pkgtorrentd/front/job/puts.h"

/* The first head is the body of the message. */
#define PUTS_LEN	(sizeof(struct msg_put_pieces) + MSG_TAIL_MAX)

void
puts_send(struct puts *p)
{
	const size_t head_len = sizeof(struct msg_put_pieces);

	if (p->files > 0)
		worker_send(p->cache, MSG_PUT_PIECES, p->buf.data,
		    p->buf.data + head_len, p->buf.len - head_len, NULL, 0);
	p->buf.len = 0;
	p->files = 0;
}

static bool
puts_fit(const struct puts *p, size_t len)
{
	return len <= PUTS_LEN - p->buf.len;
}

/* There is room for it. */
static void
puts_append(struct puts *p, const void *bytes, size_t len)
{
	memcpy(p->buf.data + p->buf.len, bytes, len);
	p->buf.len += len;
}

static void
puts_begin_file(struct puts *p, const struct msg_put_pieces *head)
{
	p->last = p->buf.len;
	p->files++;
	puts_append(p, head, sizeof(*head));
}

static void
puts_set_head(struct puts *p, const struct msg_put_pieces *head)
{
	memcpy(p->buf.data + p->last, head, sizeof(*head));
}

/* The next slice of the last file, which goes on in another message if this one
   is full. */
static void
puts_add_slice(struct puts *p, const struct put_file *f,
    struct msg_put_pieces *head, uint32_t slice)
{
	struct msg_digests_item item = { .status = DIGESTS_OK,
	    .flags = DIGESTS_SETTLED, .identity = *f->identity };
	size_t len;

	item.first = slice * f->per_slice;
	item.count = slice + 1 < f->nslices ? f->per_slice :
	    f->count - item.first;
	memcpy(item.seal, f->seals[slice], SEAL_LEN);
	len = (size_t)item.count * SHA1_LEN;
	if (!puts_fit(p, sizeof(item) + len)) {
		head->flags = PART_MORE;
		puts_set_head(p, head);
		puts_send(p);
		head->flags = head->path_len = head->slices = 0;
		puts_begin_file(p, head);
	}
	puts_append(p, &item, sizeof(item));
	puts_append(p, f->digests + (size_t)item.first * SHA1_LEN, len);
	head->slices++;
	puts_set_head(p, head);
}

void
puts_add(struct puts *p, const struct put_file *f)
{
	struct msg_put_pieces head = { .piece_len = f->piece_len,
	    .path_len = (uint32_t)strlen(f->path), .identity = *f->identity };
	uint32_t i;

	/* The buffer stays: to get and give back so much memory for each file
	   would take longer than all else here. */
	if (!worker_may_be_told(p->cache) || buf_reserve(&p->buf,
	    PUTS_LEN - p->buf.len) == NULL)
		return;
	memcpy(head.seal, f->seal, SEAL_LEN);
	if (p->files == PUT_FILES_MAX || !puts_fit(p, sizeof(head) +
	    head.path_len))
		puts_send(p);
	puts_begin_file(p, &head);
	puts_append(p, f->path, head.path_len);
	for (i = 0; i < f->nslices; i++)
		puts_add_slice(p, f, &head, i);
}
