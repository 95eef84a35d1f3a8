/* SPDX-License-Identifier: ISC */
/*
 * Bare loops: how fast pieces can be hashed at all, without messages, seals
 * and processes that have more to do.  The service is to come near to that.
 *
 *	hash [-d digest] [-j processes] [-p piece-bytes] [-r rounds] [file ...]
 *
 * Files are mapped in slices, as a hasher maps them, and processes take
 * slices in turn; without files, slices in memory are hashed.  Besides the
 * digests of pkgtorrentd.conf there are "loop", one piece after another by
 * OpenSSL with pread(2), as simple programs do it, and "read", which only
 * reads.
 */
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Compiled in, so that files are mapped in the same way. */
#include "hasher/hash/hasher.c"

#define BATCH_FILES	16
#define BATCH_JOBS	2048
#define MEMORY_BYTES	(1ULL << 30)	/* as a file worth measuring */

struct bench {
	struct sha1_lanes	*lanes;		/* NULL: "loop" or "read" */
	bool			 only_read;
	const char		*name;
	unsigned		 processes;
	uint32_t		 piece_len;
	uint64_t		 slice_len;	/* bytes, of that piece_len */
	uint8_t			*memory;	/* a slice */
	struct sha1_job		 jobs[BATCH_JOBS];
	uint8_t			 digests[BATCH_JOBS][SHA1_LEN];
	size_t			 njobs;
	struct read_map		 maps[BATCH_FILES];
	int			 fds[BATCH_FILES];	/* of maps */
	size_t			 nmaps;
	uint64_t		 queued;	/* bytes in maps */
};

static double
monotonic(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Of children that have ended, as they are counted for other programs. */
static double
children_cpu(void)
{
	struct rusage	ru;

	getrusage(RUSAGE_CHILDREN, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void
add_jobs(struct bench *b, const uint8_t *data, uint64_t len)
{
	uint64_t	at, n;

	for (at = 0; at < len; at += n) {
		n = MIN(b->piece_len, len - at);
		b->jobs[b->njobs] = (struct sha1_job){
			.data = data + at, .len = n,
			.digest = b->digests[b->njobs],
		};
		b->njobs++;
	}
}

static void
flush(struct bench *b)
{
	sha1_lanes_run(b->lanes, b->jobs, b->njobs);
	b->njobs = 0;
	while (b->nmaps > 0) {
		if (read_unmap(&b->maps[--b->nmaps]) == -1)
			errx(1, "a file changed");
		close(b->fds[b->nmaps]);
	}
	b->queued = 0;
}

/* The slice's descriptor is taken over. */
static void
hash_mapped(struct bench *b, struct read_range *range)
{
	if (b->nmaps == BATCH_FILES || b->queued + range->len > b->slice_len)
		flush(b);
	read_ahead(range);
	if (read_map(&b->maps[b->nmaps], range) == -1)
		err(1, "mmap");
	b->fds[b->nmaps] = range->fd;
	add_jobs(b, b->maps[b->nmaps++].data, range->len);
	b->queued += range->len;
}

static void
hash_loop(struct bench *b, const struct read_range *range)
{
	uint64_t	at, end = range->offset + range->len;
	ssize_t		n;

	for (at = range->offset; at < end; at += (uint64_t)n) {
		n = pread(range->fd, b->memory, MIN(b->piece_len, end - at),
		    (off_t)at);
		if (n <= 0)
			err(1, "pread");
		if (!b->only_read)
			sha1(b->memory, (size_t)n, b->digests[0]);
	}
	close(range->fd);
}

static void
hash_memory(struct bench *b)
{
	uint64_t	at;

	if (b->lanes != NULL) {
		add_jobs(b, b->memory, b->slice_len);
		flush(b);
		return;
	}
	for (at = 0; at < b->slice_len; at += b->piece_len)
		sha1(b->memory + at, b->piece_len, b->digests[0]);
}

/* Every n-th slice of all files, from the first-th on. */
static void
hash_share(struct bench *b, unsigned first, char **files, int nfiles)
{
	struct read_range	range;
	struct stat		st;
	unsigned		slice = 0;
	uint64_t		at;
	int			i;

	for (i = 0; i < nfiles; i++) {
		if (stat(files[i], &st) == -1)
			err(1, "%s", files[i]);
		memset(&range, 0, sizeof(range));
		for (; range.offset < (uint64_t)st.st_size;
		    range.offset += range.len) {
			range.len = MIN(b->slice_len, (uint64_t)st.st_size -
			    range.offset);
			if (slice++ % b->processes != first)
				continue;
			range.fd = open(files[i], O_RDONLY);
			if (range.fd == -1)
				err(1, "%s", files[i]);
			if (b->lanes != NULL)
				hash_mapped(b, &range);
			else
				hash_loop(b, &range);
		}
	}
	for (at = 0; nfiles == 0 && at < MEMORY_BYTES; at += b->slice_len)
		hash_memory(b);
	if (b->lanes != NULL)
		flush(b);
}

static void
measure(struct bench *b, char **files, int nfiles)
{
	double		wall, cpu, bytes = 0;
	struct stat	st;
	unsigned	i;
	int		status;

	for (i = 0; i < (unsigned)nfiles; i++)
		if (stat(files[i], &st) == 0)
			bytes += (double)st.st_size;
	if (nfiles == 0)
		bytes = (double)MEMORY_BYTES * b->processes;
	wall = monotonic();
	cpu = children_cpu();
	for (i = 0; i < b->processes; i++)
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			hash_share(b, i, files, nfiles);
			_exit(0);
		default:
			break;
		}
	for (i = 0; i < b->processes; i++)
		if (wait(&status) == -1 || status != 0)
			errx(1, "a process failed");
	wall = monotonic() - wall;
	cpu = children_cpu() - cpu;
	printf("%s %s x%u %.3f GB/s %.3f GB/CPU-s\n", b->name,
	    nfiles == 0 ? "memory" : "files", b->processes,
	    bytes / wall / 1e9, bytes / cpu / 1e9);
	fflush(stdout);
}

static void
choose(struct bench *b, const char *name)
{
	static const char *const	names[] = {
		[SHA1_AUTO] = "auto", [SHA1_AVX512] = "avx512",
		[SHA1_AVX2] = "avx2", [SHA1_OPENSSL] = "openssl",
	};
	size_t				i;

	b->name = name;
	b->only_read = strcmp(name, "read") == 0;
	if (b->only_read || strcmp(name, "loop") == 0)
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			b->lanes = sha1_lanes_new((enum sha1_impl)i,
			    &b->name);
	if (b->lanes == NULL)
		errx(2, "%s: no such digest", name);
}

int
main(int argc, char **argv)
{
	static struct bench	b;
	const char		*digest = "auto";
	size_t			 i;
	int			 ch, rounds = 1;

	b.piece_len = 1U << 20;
	b.processes = 1;
	while ((ch = getopt(argc, argv, "d:j:p:r:")) != -1)
		switch (ch) {
		case 'd':
			digest = optarg;
			break;
		case 'j':
			b.processes = (unsigned)atoi(optarg);
			break;
		case 'p':
			b.piece_len = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			rounds = atoi(optarg);
			break;
		default:
			return 2;
		}
	if (b.piece_len < 16 << 10 || b.piece_len > 16 << 20 ||
	    b.processes == 0)
		errx(2, "a piece has 16 KiB to 16 MiB");
	read_init();
	choose(&b, digest);
	b.slice_len = SLICE_LEN(b.piece_len);
	b.memory = malloc(b.slice_len);
	if (b.memory == NULL)
		err(1, NULL);
	for (i = 0; i < b.slice_len; i++)
		b.memory[i] = (uint8_t)(i * 2654435761U >> 13);
	while (rounds-- > 0)
		measure(&b, argv + optind, argc - optind);
	return 0;
}
