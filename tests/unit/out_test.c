/* SPDX-License-Identifier: ISC */
/* Answers on their way to pipes and sockets that have little room. */
#include <netinet/in.h>

#include "common/clock.h"
#include "pkgtorrentd/front/conn/out.h"
#include "tests/lib/test.h"

#define BLOB_LEN	300000
#define ZEROS		(1U << 20)
#define FILE_LEN	(3U << 20)

/* The answer, the ends that it is read from and written to, and the bytes read,
   of which those before at have been looked at. */
static struct out	o = OUT_EMPTY;
static int		fds[2];
static struct buf	got;
static size_t		at;

/* Bytes that differ from their neighbours, and from those of another seed. */
static uint8_t
byte_at(unsigned seed, size_t i)
{
	return (uint8_t)(i * 7 + i / 251 + seed);
}

static struct blob *
blob_of(unsigned seed, size_t len)
{
	struct buf	b = { 0 };
	struct blob	*blob;
	size_t		i;
	uint8_t		c;

	for (i = 0; i < len; i++) {
		c = byte_at(seed, i);
		ATF_REQUIRE_EQ(0, buf_add(&b, &c, 1));
	}
	ATF_REQUIRE((blob = blob_take(&b)) != NULL);
	return blob;
}

static int
file_of(unsigned seed, size_t len)
{
	struct blob	*blob = blob_of(seed, len);
	char		 name[] = "file.XXXXXX";
	int		 fd = mkstemp(name);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)len, write(fd, blob->data, len));
	ATF_REQUIRE_EQ(0, unlink(name));
	blob_unref(blob);
	return fd;
}

/* fds[0] is read from, fds[1] does not block. */
static void
make_pipe(void)
{
	ATF_REQUIRE_EQ(0, pipe2(fds, O_NONBLOCK));
}

static void
make_sockets(void)
{
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds));
}

/* Two ends of a TCP connection. */
static void
make_tcp(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		len = sizeof(sin);
	int			listener = socket(AF_INET, SOCK_STREAM, 0);

	ATF_REQUIRE_EQ(0, bind(listener, (void *)&sin, sizeof(sin)));
	ATF_REQUIRE_EQ(0, listen(listener, 1));
	ATF_REQUIRE_EQ(0, getsockname(listener, (void *)&sin, &len));
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	ATF_REQUIRE_EQ(0, connect(fds[0], (void *)&sin, sizeof(sin)));
	fds[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	ATF_REQUIRE(fds[1] != -1);
	ATF_REQUIRE_EQ(0, fcntl(fds[0], F_SETFL, O_NONBLOCK));
	close(listener);
}

/* Read all that has arrived. */
static void
take(void)
{
	uint8_t	bytes[65536];
	ssize_t	n;

	while ((n = read(fds[0], bytes, sizeof(bytes))) > 0)
		ATF_REQUIRE_EQ(0, buf_add(&got, bytes, (size_t)n));
	ATF_REQUIRE(n == 0 || errno == EAGAIN);
}

/* Write and read in turns until all is written; how many turns it took. */
static int
finish(void)
{
	int	r, turns = 0;

	do {
		r = out_write(&o, fds[1]);
		ATF_REQUIRE(r != -1);
		take();
		turns++;
	} while (r == 0);
	return turns;
}

/* The next bytes that were read are these. */
static void
expect_bytes(unsigned seed, size_t from, size_t len)
{
	size_t	i;

	ATF_REQUIRE(got.len - at >= len);
	for (i = 0; i < len; i++)
		ATF_REQUIRE_EQ_MSG(byte_at(seed, from + i), got.data[at + i],
		    "byte %zu", i);
	at += len;
}

static void
expect_zeros(size_t len)
{
	size_t	i;

	ATF_REQUIRE(got.len - at >= len);
	for (i = 0; i < len; i++)
		ATF_REQUIRE_EQ(0, got.data[at + i]);
	at += len;
}

TEST(out__at_once)
{
	struct blob	*blob = blob_of(1, 100);

	at = 3;
	make_pipe();
	out_add(&o, "abc", 3, NULL);
	out_add(&o, "", 0, NULL);
	out_add(&o, blob->data, blob->len, blob);
	ATF_CHECK_EQ(2, o.nparts);
	ATF_CHECK_EQ(1, out_write(&o, fds[1]));
	ATF_CHECK_EQ(103, o.written);
	/* No reference was taken, and none is given back. */
	ATF_CHECK_EQ(1, blob->refs);
	out_clear(&o);
	ATF_CHECK_EQ(1, blob->refs);
	take();
	ATF_CHECK_EQ(103, got.len);
	ATF_CHECK_EQ(0, memcmp(got.data, "abc", 3));
	expect_bytes(1, 0, 100);
	blob_unref(blob);
}

TEST(out__in_parts)
{
	struct blob	*blob = blob_of(1, BLOB_LEN);
	struct blob	*own = blob_of(2, BLOB_LEN);

	make_pipe();
	out_add(&o, blob->data, blob->len, blob);
	out_add(&o, own->data, own->len, NULL);
	out_add(&o, NULL, ZEROS, NULL);
	out_add(&o, blob->data + 10, 1000, blob);
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	/* The blob is held twice, and the caller's bytes are not needed. */
	ATF_CHECK_EQ(3, blob->refs);
	memset(own->data, 0xff, own->len);
	ATF_CHECK(finish() > 3);
	out_clear(&o);
	ATF_CHECK_EQ(1, blob->refs);
	ATF_CHECK(o.file_fd == -1 && o.nparts == 0);
	expect_bytes(1, 0, BLOB_LEN);
	expect_bytes(2, 0, BLOB_LEN);
	expect_zeros(ZEROS);
	expect_bytes(1, 10, 1000);
	ATF_CHECK_EQ(at, got.len);
	blob_unref(blob);
	blob_unref(own);
}

TEST(out__given_up)
{
	struct blob	*first = blob_of(1, 10), *blob = blob_of(2, BLOB_LEN);

	make_pipe();
	out_add(&o, first->data, first->len, first);
	out_add(&o, blob->data, blob->len, blob);
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	/* The first part is written: it is not held. */
	ATF_CHECK_EQ(1, first->refs);
	ATF_CHECK_EQ(2, blob->refs);
	out_clear(&o);
	ATF_CHECK_EQ(1, first->refs);
	ATF_CHECK_EQ(1, blob->refs);
	blob_unref(first);
	blob_unref(blob);
}

TEST(out__file)
{
	int		fd = file_of(3, FILE_LEN);

	at = 2;
	make_sockets();
	out_add(&o, "ab", 2, NULL);
	o.file_fd = fd;
	o.file_at = 5;
	o.file_left = FILE_LEN - 10;
	o.last = true;
	ATF_CHECK(finish() > 3);
	ATF_CHECK_EQ(FILE_LEN - 8, o.written);
	out_clear(&o);
	ATF_CHECK_EQ(-1, fcntl(fd, F_GETFD));
	ATF_REQUIRE_EQ(FILE_LEN - 8, got.len);
	ATF_CHECK_EQ(0, memcmp(got.data, "ab", 2));
	expect_bytes(3, 5, FILE_LEN - 10);
}

/* Others have their turn even if the socket has room for all of it. */
TEST(out__file_in_turns)
{
	int		fd = file_of(3, FILE_LEN), to = file_of(4, 1);

	o.file_fd = fd;
	o.file_left = FILE_LEN;
	ATF_CHECK_EQ(0, out_write(&o, to));
	ATF_CHECK_EQ(FILE_LEN / 3, o.written);
	ATF_CHECK_EQ(0, out_write(&o, to));
	ATF_CHECK_EQ(1, out_write(&o, to));
	out_clear(&o);
}

TEST(out__parts_in_turns)
{
	struct blob	*blob = blob_of(1, FILE_LEN);
	int		to = file_of(4, 1), r;
	unsigned	turns = 0;

	out_add(&o, blob->data, blob->len, blob);
	out_add(&o, NULL, FILE_LEN, NULL);
	do {
		r = out_write(&o, to);
		ATF_CHECK_EQ(++turns * (FILE_LEN / 3), o.written);
	} while (r == 0);
	ATF_CHECK_EQ(1, r);
	ATF_CHECK_EQ(6, turns);
	out_clear(&o);
	blob_unref(blob);
}

TEST(out__file_has_shrunk)
{
	int		fd = file_of(3, FILE_LEN), r;

	make_sockets();
	o.file_fd = fd;
	o.file_left = FILE_LEN;
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	ATF_REQUIRE_EQ(0, ftruncate(fd, 100));
	do
		take();
	while ((r = out_write(&o, fds[1])) == 0);
	ATF_CHECK_EQ(-1, r);
	out_clear(&o);
}

/* The bytes of a source, which are made from its number of calls. */
struct source {
	struct out_source	source;
	size_t			at;
	size_t			fails_at;
	bool			freed;
	uint8_t			bytes[50000];
};

static int
source_next(struct out_source *source, const uint8_t **p, size_t *len)
{
	struct source	*s = (struct source *)source;
	size_t		 i;

	if (s->at >= s->fails_at)
		return -1;
	for (i = 0; i < sizeof(s->bytes); i++)
		s->bytes[i] = byte_at(5, s->at++);
	*p = s->bytes;
	*len = sizeof(s->bytes);
	return 0;
}

static void
source_free(struct out_source *source)
{
	((struct source *)source)->freed = true;
}

#define SOURCE { .source = { source_next, source_free, 1000 }, \
    .fails_at = SIZE_MAX }
#define SOURCE_LEN	3000000

TEST(out__source)
{
	struct source	s = SOURCE;

	make_sockets();
	at = 2;
	out_add(&o, "ab", 2, NULL);
	out_set_source(&o, &s.source, SOURCE_LEN);
	ATF_CHECK_EQ(SOURCE_LEN + 2, o.len);
	ATF_CHECK_EQ(1000, out_share(&o));
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	/* It makes no more than is read. */
	ATF_CHECK(s.at < SOURCE_LEN / 2);
	ATF_CHECK(finish() > 3);
	ATF_CHECK_EQ(SOURCE_LEN + 2, o.written);
	ATF_CHECK(!s.freed);
	out_clear(&o);
	ATF_CHECK(s.freed);
	ATF_CHECK_EQ(0, out_share(&o));
	expect_bytes(5, 0, SOURCE_LEN);
	ATF_CHECK_EQ(at, got.len);
}

TEST(out__source_in_turns)
{
	struct source	s = SOURCE;
	int		to = file_of(4, 1), r;
	unsigned	turns = 0;

	out_set_source(&o, &s.source, SOURCE_LEN);
	do {
		r = out_write(&o, to);
		ATF_CHECK(o.written <= ++turns * 1100000);
	} while (r == 0);
	ATF_CHECK_EQ(1, r);
	ATF_CHECK_EQ(3, turns);
	out_clear(&o);
}

/* One that fails, or makes more than was announced, ends the answer. */
TEST(out__source_fails)
{
	struct source	s = SOURCE;
	int		to = file_of(4, 1);

	s.fails_at = 100000;
	out_set_source(&o, &s.source, SOURCE_LEN);
	ATF_CHECK_EQ(-1, out_write(&o, to));
	ATF_CHECK_EQ(100000, o.written);
	out_clear(&o);
	s.fails_at = SIZE_MAX;
	out_set_source(&o, &s.source, 49999);
	ATF_CHECK_EQ(-1, out_write(&o, to));
	ATF_CHECK_EQ(0, o.written);
	out_clear(&o);
}

TEST(out__reader_has_gone)
{
	struct blob	*blob = blob_of(1, BLOB_LEN);

	signal(SIGPIPE, SIG_IGN);
	make_sockets();
	out_add(&o, blob->data, blob->len, blob);
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	close(fds[0]);
	ATF_CHECK_EQ(-1, out_write(&o, fds[1]));
	out_clear(&o);
	ATF_CHECK_EQ(1, blob->refs);
	blob_unref(blob);
}

static void
ignore(struct held *h)
{
	h->size = 0;
}

/* The torrent is held as long as its bytes are to be written. */
TEST(out__holds_the_torrent)
{
	struct held	h = { .refs = 1, .size = BLOB_LEN, .free = ignore };
	struct blob	*blob = blob_of(1, BLOB_LEN);
	struct addr	a = { .refs = 2, .written = 5 };

	make_pipe();
	o.held = &h;
	o.addr = &a;
	out_add(&o, blob->data, 10, blob);
	ATF_REQUIRE_EQ(1, out_write(&o, fds[1]));
	ATF_CHECK_EQ(1, h.refs);
	out_clear(&o);
	ATF_CHECK_EQ(1, h.refs);
	ATF_CHECK_EQ(1, a.refs);
	ATF_CHECK_EQ(0, a.written);
	o.held = &h;
	out_add(&o, blob->data, blob->len, blob);
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	ATF_CHECK_EQ(2, h.refs);
	ATF_CHECK_EQ(BLOB_LEN / 2, held_share(&h));
	h.hot = 1;
	ATF_CHECK_EQ(0, held_share(&h));
	h.hot = 0;
	held_unref(&h);
	ATF_CHECK_EQ(BLOB_LEN, held_share(&h));
	out_clear(&o);
	ATF_CHECK_EQ(0, h.size);
	blob_unref(blob);
}

/* An hour is too short for a torrent like that, however fast it is read;
   unless hot memory holds it. */
TEST(out__large_ones_need_a_rate)
{
	struct held	h = { .refs = 1, .hot = 1, .free = ignore };

	make_tcp();
	o.held = &h;
	out_add(&o, NULL, 1ULL << 50, NULL);
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	do {
		take();
		got.len = 0;
		ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
		ATF_CHECK_EQ(OUT_UNRATED, o.rate);
	} while (clock_coarse_ms() - o.rate_ms < 1000);
	ATF_CHECK(out_is_taken(&o, fds[1], 500));
	h.hot = 0;
	while (out_is_taken(&o, fds[1], 500)) {
		take();
		got.len = 0;
		ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	}
	out_clear(&o);
}

/* Room in the kernel's buffers is not progress; acknowledged bytes are. */
TEST(out__progress)
{
	make_tcp();
	out_add(&o, NULL, 64U << 20, NULL);
	ATF_REQUIRE_EQ(0, out_write(&o, fds[1]));
	ATF_CHECK(out_is_taken(&o, fds[1], 60000));
	/* Nobody reads, so it comes to a standstill. */
	while (out_is_taken(&o, fds[1], 50))
		poll(NULL, 0, 5);
	ATF_CHECK(out_is_taken(&o, fds[1], 60000));
	do {
		take();
		got.len = 0;
		ATF_REQUIRE(out_write(&o, fds[1]) == 0);
	} while (!out_is_taken(&o, fds[1], 50));
	out_clear(&o);
}
