/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "hasher/walker/names.h"

#define READ_BYTES	16384
/* An entry of a name of one byte takes that much. */
#define ENTRY_MIN	24

/* One buffer of a directory, sorted. */
struct names_run {
	const struct dirent64	**entries;
	uint32_t		 n;
	uint32_t		 next;		/* below n, in the heap */
	uint64_t		 buffer[READ_BYTES / sizeof(uint64_t)];
};

static int
entry_compare(const void *a, const void *b)
{
	const struct dirent64 *const *x = a, *const *y = b;

	return strcmp((*x)->d_name, (*y)->d_name);
}

static bool
run_precedes(const struct names_run *a, const struct names_run *b)
{
	return entry_compare(&a->entries[a->next], &b->entries[b->next]) < 0;
}

static void
run_free(struct names_run *r)
{
	if (r != NULL)
		free(r->entries);
	free(r);
}

/* The directory's entries in the buffer, in order. */
static void
run_sort(struct names_run *r, size_t len)
{
	const struct dirent64 *entries[READ_BYTES / ENTRY_MIN], *entry;
	const uint8_t *at = (const uint8_t *)r->buffer, *end = at + len;

	for (; at < end; at += entry->d_reclen) {
		entry = (const struct dirent64 *)(const void *)at;
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			entries[r->n++] = entry;
	}
	r->entries = reallocarray(NULL, r->n + 1, sizeof(entries[0]));
	if (r->entries == NULL)
		fatal("no memory for a directory");
	memcpy(r->entries, entries, r->n * sizeof(entries[0]));
	/* qsort() of glibc asks the kernel for the amount of memory. */
	if (r->n > 1 && mergesort(r->entries, r->n, sizeof(entries[0]),
	    entry_compare) == -1)
		fatal("no memory to sort");
}

/* Put the run at this place of the heap into the right one below it. */
static void
names_sink(struct names *names, size_t at)
{
	struct names_run **heap = names->heap, *r = heap[at];
	size_t child;

	while ((child = 2 * at + 1) < names->n) {
		if (child + 1 < names->n &&
		    run_precedes(heap[child + 1], heap[child]))
			child++;
		if (!run_precedes(heap[child], r))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = r;
}

static void
names_add(struct names *names, struct names_run *r)
{
	size_t at = names->n, up;

	if (names->n == names->cap) {
		names->cap = names->cap == 0 ? 4 : 2 * names->cap;
		names->heap = reallocarray(names->heap, names->cap,
		    sizeof(names->heap[0]));
		if (names->heap == NULL)
			fatal("no memory for a directory");
	}
	names->n++;
	for (; at > 0; at = up) {
		up = (at - 1) / 2;
		if (!run_precedes(r, names->heap[up]))
			break;
		names->heap[at] = names->heap[up];
	}
	names->heap[at] = r;
}

int
names_read(struct names *names, int fd)
{
	struct names_run *r = malloc(sizeof(*r));
	ssize_t n;

	if (r == NULL)
		fatal("no memory for a directory");
	r->n = r->next = 0;
	r->entries = NULL;
	n = getdents64(fd, r->buffer, sizeof(r->buffer));
	if (n <= 0) {
		free(r);
		/* ENOENT: the directory was removed, which ends it. */
		return n == 0 || errno == ENOENT ? 0 : -1;
	}
	run_sort(r, (size_t)n);
	names->bytes += sizeof(*r) + r->n * sizeof(r->entries[0]);
	if (r->n > 0)
		names_add(names, r);
	else
		run_free(r);
	return 1;
}

const struct dirent64 *
names_take(struct names *names)
{
	struct names_run *r;
	const struct dirent64 *entry;

	run_free(names->taken);
	names->taken = NULL;
	if (names->n == 0)
		return NULL;
	r = names->heap[0];
	entry = r->entries[r->next++];
	if (r->next == r->n) {
		names->taken = r;
		names->heap[0] = names->heap[--names->n];
	}
	if (names->n > 0)
		names_sink(names, 0);
	return entry;
}

void
names_free(struct names *names)
{
	while (names->n > 0)
		run_free(names->heap[--names->n]);
	run_free(names->taken);
	free(names->heap);
	memset(names, 0, sizeof(*names));
}
