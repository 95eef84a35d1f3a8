/* SPDX-License-Identifier: ISC */
/*
 * The cache alone, with as many entries as a large mirror has files: the real
 * process, whose front and parent this program plays with the means of its
 * tests.  So there are no files of a mirror, and none has to be hashed.
 *
 *	cache -s tests/bench -r result [-v name=value ...] case
 *
 * The cache's directory is "cache" in the current one.  Each case prints lines
 * of a name and a number.  The variables say which mirror it is:
 *
 *	dirs, files	so many directories of so many files
 *	large		one more directory, of so many files
 *	smallest, largest	bytes of a file
 *	lookups, watch	for the cases look_up and sweep
 */
#include <sys/param.h>

#include <inttypes.h>
#include <time.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/pack.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/test.h"

#define MS		1000000ULL	/* in nanoseconds */
#define S		(1000 * MS)
/* Lines of the log that the cache may write before they are read. */
#define HEAR_EVERY	100
/* A front sends nothing for so long now and then. */
#define PAUSE_MS	100
/* Of stored files, one of so many is asked for afterwards. */
#define SAMPLE		97

struct mirror {
	uint64_t	dirs;
	uint64_t	files;		/* of each directory */
	uint64_t	large;		/* of one more */
	uint64_t	smallest;	/* bytes of a file */
	uint64_t	largest;
};

static struct cache_under_test c;

static uint64_t
number(const atf_tc_t *tc, const char *name, long otherwise)
{
	return (uint64_t)atf_tc_get_config_var_as_long_wd(tc, name, otherwise);
}

static struct mirror
mirror_of(const atf_tc_t *tc)
{
	return (struct mirror){
		.dirs = number(tc, "dirs", 20),
		.files = number(tc, "files", 100),
		.large = number(tc, "large", 0),
		.smallest = number(tc, "smallest", 200),
		.largest = number(tc, "largest", 4000),
	};
}

static uint64_t
mirror_count(const struct mirror *m)
{
	return m->dirs * m->files + m->large;
}

/* A number that follows from another, as if by chance (splitmix64). */
static uint64_t
mix(uint64_t n)
{
	n += 0x9e3779b97f4a7c15ULL;
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9ULL;
	n = (n ^ n >> 27) * 0x94d049bb133111ebULL;
	return n ^ n >> 31;
}

/* Each power of two between the limits is as frequent as the next, so the
   median is their geometric mean. */
static uint64_t
mirror_size(const struct mirror *m, uint64_t chance)
{
	uint64_t from = m->smallest, powers = 1;

	if (m->largest < 32 * m->smallest)
		return m->smallest + chance % (m->largest - m->smallest);
	while (from << powers < m->largest)
		powers++;
	from <<= chance % powers;
	return MIN(from + (chance >> 8) % from, m->largest);
}

/* The path is valid until the next call.  Names have 39 bytes on average, like
   those of Debian's packages. */
static struct mirror_file
mirror_get(const struct mirror *m, uint64_t n)
{
	static const char word[] = "lib-documentation-extra-dev";
	static char path[256];
	struct mirror_file f = { .path = path };
	uint64_t chance = mix(n), dir = m->dirs;

	if (n < m->dirs * m->files)
		dir = n / m->files;
	snprintf(path, sizeof(path), "/debian/pool/main/%02x/%06u/%.*s%07u_"
	    "%u.%u-%u_amd64.deb", (unsigned)(dir % 64), (unsigned)dir,
	    (int)(2 + chance % 26), word, (unsigned)n,
	    (unsigned)(chance >> 8 & 7), (unsigned)(chance >> 12 & 63),
	    (unsigned)(chance >> 20 & 7));
	f.identity.ino = n + 1000;
	f.identity.size = mirror_size(m, chance >> 24);
	f.identity.mtime_ns = (int64_t)(1000 * S + n);
	f.identity.ctime_ns = (int64_t)(2000 * S + n);
	return f;
}

static uint64_t
nanoseconds(clockid_t clock)
{
	struct timespec ts;

	ATF_REQUIRE_EQ(0, clock_gettime(clock, &ts));
	return (uint64_t)ts.tv_sec * S + (uint64_t)ts.tv_nsec;
}

/* CPU time of the cache since its start, in nanoseconds. */
static uint64_t
cache_cpu(void)
{
	return proc_cpu_us(&c.proc) * 1000;
}

/* A field of its /proc/PID/status in KiB. */
static unsigned long
cache_memory(const char *field)
{
	FILE *f = fopen(fmt("/proc/%d/status", (int)c.proc.pid), "r");
	unsigned long kib = 0;
	char line[256];

	ATF_REQUIRE(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtoul(line + strlen(field) + 1, NULL, 10);
	fclose(f);
	ATF_REQUIRE(kib > 0);
	return kib;
}

static void
print(const char *name, double value)
{
	printf("%s %.6g\n", name, value);
	fflush(stdout);
}

static void
start(void)
{
	cache_start(&c, "cache-size 64G\n");
}

/* The log is for the reader of a failure. */
static void
forget_log(void)
{
	proc_hear(&c.proc);
	c.proc.log.len = 0;
}

/* Waits as long as it takes until a sweep has ended since so many had. */
static struct status
wait_for_another_sweep(unsigned long before)
{
	struct status st;

	for (;;) {
		forget_log();
		st = cache_status(&c);
		if (st.sweeps > before)
			return st;
		(void)poll(NULL, 0, 20);
	}
}

/* Asks for one file. */
static void
want_known(const struct mirror *m, uint64_t n)
{
	struct mirror_file f = mirror_get(m, n);

	ATF_REQUIRE_EQ_MSG(digests_of(&f, PIECE_LEN), get_pieces(&c, &f,
	    PIECE_LEN), "%s is not known", f.path);
	if (n % HEAR_EVERY == 0)
		forget_log();
}

/* All files are stored one after the other, as at the first warming. */
TEST(cache__store)
{
	struct mirror m = mirror_of(tc);
	struct mirror_file f;
	uint64_t n, cpu, wall;

	start();
	wait_for_another_sweep(0);
	cpu = cache_cpu();
	wall = nanoseconds(CLOCK_MONOTONIC);
	for (n = 0; n < mirror_count(&m); n++) {
		f = mirror_get(&m, n);
		put_pieces(&c, &f, PIECE_LEN, 16, NULL);
		if (n % HEAR_EVERY == 0)
			forget_log();
	}
	/* Messages of its parent overtake those of the front. */
	ATF_REQUIRE(get_pieces(&c, &f, PIECE_LEN) > 0);
	forget_log();
	print("store_cpu_us", (double)(cache_cpu() - cpu) / 1e3 / (double)n);
	print("store_wall_us", (double)(nanoseconds(CLOCK_MONOTONIC) - wall) /
	    1e3 / (double)n);
	(void)poll(NULL, 0, PAUSE_MS);
	cache_stop(&c);
	start();
	for (n = 0; n < mirror_count(&m); n += SAMPLE)
		want_known(&m, n);
}

static void
pack_write(const char *name, const struct buf *b)
{
	size_t at = 0;
	ssize_t n;
	int fd;

	fd = open(fmt("cache/%s", name), O_WRONLY | O_CREAT | O_EXCL, 0600);
	ATF_REQUIRE_MSG(fd != -1, "%s: %s", name, strerror(errno));
	for (; at < b->len; at += (size_t)n)
		ATF_REQUIRE((n = write(fd, b->data + at, b->len - at)) > 0);
	close(fd);
}

/* Files first to first + count are those of one directory. */
static void
pack_generate(const struct mirror *m, uint64_t first, uint64_t count)
{
	uint32_t day = pack_day((int64_t)nanoseconds(CLOCK_REALTIME));
	struct pack_id id = { .piece_len = PIECE_LEN };
	struct mirror_file f = mirror_get(m, first);
	char name[PACK_NAME_LEN];
	struct pack_list list;
	struct buf b = { 0 };
	uint8_t *digests;
	size_t dir_len;
	uint64_t n;

	ATF_REQUIRE_EQ(0, pack_split(f.path, strlen(f.path), &dir_len));
	seal_path("", f.path, dir_len, id.key);
	ATF_REQUIRE_EQ(0, pack_add_head(&b, &id, f.path, dir_len));
	for (n = first; n < first + count; n++) {
		f = mirror_get(m, n);
		digests = make_digests(&f, PIECE_LEN);
		list = (struct pack_list){
			.name = f.path + dir_len + 1,
			.name_len = strlen(f.path + dir_len + 1),
			.identity = f.identity, .digests = digests,
			.count = digests_of(&f, PIECE_LEN),
		};
		ATF_REQUIRE_EQ(0, pack_add(&b, &id, &list, day));
		free(digests);
	}
	pack_name(name, &id);
	pack_write(name, &b);
	buf_free(&b);
}

/* The packs of all files, written by the functions of the cache that make
   them, because to store so many files one by one takes too long. */
TEST(cache__generate)
{
	struct mirror m = mirror_of(tc);
	uint64_t dir;
	unsigned i;

	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	ATF_REQUIRE_EQ(0, mkdir("cache/pieces", 0700));
	for (i = 0; i < 256; i++)
		ATF_REQUIRE_EQ(0, mkdir(fmt("cache/pieces/%02x", i), 0700));
	for (dir = 0; dir < m.dirs; dir++)
		pack_generate(&m, dir * m.files, m.files);
	if (m.large > 0)
		pack_generate(&m, m.dirs * m.files, m.large);
	print("generated", (double)mirror_count(&m));
}

/* The start and its sweep, another one as after SIGHUP, and so many seconds
   without work. */
TEST(cache__sweep, "timeout", "0")
{
	uint64_t watch = number(tc, "watch", 10), wall, cpu;
	struct status st;

	start();
	print("ready_cpu_ms", (double)cache_cpu() / 1e6);
	st = wait_for_another_sweep(0);
	print("first_cpu_ms", (double)cache_cpu() / 1e6);
	print("entries", (double)st.entries);
	cpu = cache_cpu();
	send_conf(&c, "cache-size 65G\n");
	st = wait_for_another_sweep(st.sweeps);
	print("another_cpu_ms", (double)(cache_cpu() - cpu) / 1e6);
	cpu = cache_cpu();
	wall = nanoseconds(CLOCK_MONOTONIC);
	while (nanoseconds(CLOCK_MONOTONIC) - wall < watch * S) {
		(void)poll(NULL, 0, 1000);
		proc_hear(&c.proc);
	}
	print("idle_core_percent", 100.0 * (double)(cache_cpu() - cpu) /
	    (double)(nanoseconds(CLOCK_MONOTONIC) - wall));
	print("idle_sweeps", (double)(cache_status(&c).sweeps - st.sweeps));
}

static int
compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Asks for single files of a stretch, in a random order; each is there. */
static void
look_up(const char *what, const struct mirror *m, uint64_t first,
    uint64_t count, uint64_t lookups)
{
	uint64_t *times = calloc(lookups, sizeof(*times)), n, at;

	ATF_REQUIRE(times != NULL && lookups > 0);
	for (n = 0; n < lookups; n++) {
		at = nanoseconds(CLOCK_MONOTONIC);
		want_known(m, first + mix(n ^ first) % count);
		times[n] = nanoseconds(CLOCK_MONOTONIC) - at;
	}
	qsort(times, lookups, sizeof(*times), compare_times);
	print(fmt("%s_p50_us", what), (double)times[lookups / 2] / 1e3);
	print(fmt("%s_p99_us", what), (double)times[lookups * 99 / 100] / 1e3);
	print(fmt("%s_worst_us", what), (double)times[lookups - 1] / 1e3);
	free(times);
}

/* Another mirror than the one that was stored is of no use here. */
TEST(cache__look_up, "timeout", "0")
{
	struct mirror m = mirror_of(tc);
	uint64_t lookups = number(tc, "lookups", 1000), at, cpu;
	struct status st;

	at = nanoseconds(CLOCK_MONOTONIC);
	start();
	print("ready_ms", (double)(nanoseconds(CLOCK_MONOTONIC) - at) / 1e6);
	st = wait_for_another_sweep(0);
	print("first_sweep_s", (double)(nanoseconds(CLOCK_MONOTONIC) - at) /
	    1e9);
	print("first_cpu_s", (double)cache_cpu() / 1e9);
	print("entries", (double)st.entries);
	cpu = cache_cpu();
	look_up("lookup", &m, 0, mirror_count(&m), lookups);
	print("lookup_cpu_us", (double)(cache_cpu() - cpu) / 1e3 /
	    (double)lookups);
	if (m.large > 0)
		look_up("large", &m, m.dirs * m.files, m.large, lookups / 10 +
		    1);
	print("memory_kib", (double)cache_memory("VmHWM:"));
	print("anon_kib", (double)cache_memory("RssAnon:"));
}
