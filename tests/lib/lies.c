/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>

#include "tests/lib/lies.h"
#include "tests/lib/test.h"

/* The same on every run and machine; failures name the number of the burst. */
static uint64_t rogue_seed = 20240229;

uint32_t
any(uint32_t below)
{
	rogue_seed ^= rogue_seed << 13;
	rogue_seed ^= rogue_seed >> 7;
	rogue_seed ^= rogue_seed << 17;
	return (uint32_t)(rogue_seed >> 33) % below;
}

int	rogue_fds[ROGUE_KINDS];

void
rogue_open_fds(void)
{
	int pair[2], fd, n = 0;
	size_t i;

	ATF_REQUIRE(mkfifo("a fifo", 0666) == 0 || errno == EEXIST);
	fd = open("a file", O_WRONLY | O_CREAT, 0644);
	ATF_REQUIRE_EQ(0, ftruncate(fd, 3 * 16384 + 100));
	close(fd);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	rogue_fds[n++] = open(".", O_RDONLY | O_DIRECTORY);
	rogue_fds[n++] = open("/", O_PATH);
	rogue_fds[n++] = open("a fifo", O_RDONLY | O_NONBLOCK);
	rogue_fds[n++] = open("a fifo", O_RDWR);
	rogue_fds[n++] = open("a file", O_WRONLY);
	rogue_fds[n++] = open("a file", O_RDWR);
	rogue_fds[n++] = open("a file", O_PATH);
	rogue_fds[n++] = open("/dev/zero", O_RDONLY);
	rogue_fds[n++] = open("/dev/full", O_RDWR);
	rogue_fds[n++] = memfd_create("memory", 0);
	rogue_fds[n++] = pair[0];
	rogue_fds[n++] = pair[1];
	rogue_fds[n++] = open("a file", O_RDONLY);
	for (i = 0; i < ROGUE_KINDS; i++)
		ATF_REQUIRE(rogue_fds[i] != -1);
}

/* The look of random ones: the words of a message that are the number of its
   items and the piece length, and the parts of an item. */
struct look {
	enum msg_type	type;
	int		count;		/* word of the body; -1: none */
	int		piece_len;	/* the same */
	unsigned	words;		/* in the fixed part of an item */
	int		path;		/* word: length of the path after it */
	int		digests;	/* word: number of those after it */
};

static const struct look looks[] = {
	{ MSG_RESOLVE, -1, -1, 2, 1, -1 },
	{ MSG_OPEN, 2, -1, 1, 0, -1 },
	{ MSG_LISTING, -1, -1, 10, 8, -1 },
	{ MSG_WALKED, 3, -1, sizeof(struct msg_file) / 4, 1, -1 },
	{ MSG_OPENED, 2, -1, sizeof(struct msg_opened_item) / 4, -1, -1 },
	{ MSG_HASH, 3, 2, sizeof(struct msg_range) / 4, -1, -1 },
	{ MSG_DIGESTS, 2, -1, 20, -1, 3 },
	{ MSG_INFO, -1, -1, 4, 2, -1 },
	{ MSG_GET_PIECES, 3, 2, 10, 1, -1 },
	{ MSG_PIECES, 2, -1, 4, -1, 3 },
	{ MSG_PUT_PIECES, 3, 1, 20, -1, 3 },
	{ MSG_PUT_INFO, -1, -1, 4, 2, -1 },
	{ MSG_ANNOUNCE, 2, -1, sizeof(struct msg_announce_item) / 4, -1, -1 },
	{ MSG_PEERS, 2, -1, sizeof(struct msg_peers_item) / 4, -1, -1 },
};

static const char *const rogue_paths[] = {
	"/y/a", "/y/b", "/y/*", "/**", "/y/**/a", "/y/[ab]", "/y/out",
	"/y/../../secret", "/../secret", "/y/./a", "/..", "/y/fifo", "/y",
	"/", "//", "/y//a", "y/a", "/y/a\nb", "/y/\x01", "/y/a/", "/none/x",
	"/y/updir/secret", "/etc/passwd", "/proc/self/mem", "../secret",
};

uint32_t
any_word(void)
{
	static const uint32_t words[] = {
		0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 20, 31,
		32, 33, 100, 4095, 4096, 16384, 32768, 65535, 65536, 1 << 20,
		16 << 20, 1 << 24, 1 << 30, INT32_MAX, 1U << 31, UINT32_MAX,
	};

	return any(8) == 0 ? any(UINT32_MAX) : ONE_OF(words);
}

void
lie_add(struct lie *lie, const void *bytes, size_t len)
{
	if (len > MSG_MAX - lie->len)
		len = MSG_MAX - lie->len;
	memcpy(lie->bytes + lie->len, bytes, len);
	lie->len += len;
}

void
lie_add_words(struct lie *lie, size_t n)
{
	uint32_t word;

	for (; n > 0; n--) {
		word = any_word();
		lie_add(lie, &word, sizeof(word));
	}
}

void
lie_set_word(struct lie *lie, size_t at, uint32_t word)
{
	if (at + sizeof(word) <= lie->len)
		memcpy(lie->bytes + at, &word, sizeof(word));
}

static void
lie_add_item(struct lie *lie, const struct look *look)
{
	const char *path = ONE_OF(rogue_paths);
	uint32_t n = any(4);
	size_t at = lie->len;

	lie_add_words(lie, look->words);
	if (look->path != -1) {
		lie_set_word(lie, at + 4 * (size_t)look->path,
		    (uint32_t)strlen(path));
		lie_add(lie, path, strlen(path));
	}
	if (look->digests != -1) {
		lie_set_word(lie, at + 4 * (size_t)look->digests, n);
		lie_add_words(lie, 5 * n);
	}
}

/* With MSG_HASH go descriptors of the file, one per range. */
static void
lie_add_files(struct lie *lie, uint32_t type, uint32_t n)
{
	if (type == MSG_HASH && n <= ROGUE_FDS_MAX)
		while ((uint32_t)lie->nfds < n)
			lie->fds[lie->nfds++] = rogue_fds[ROGUE_KINDS - 1];
}

/* Mostly true about itself: else nothing would come past the table. */
static void
lie_make(struct lie *lie, const struct look *look, uint32_t type)
{
	size_t body = sizeof(struct msg_header);
	uint32_t i, n = any(12) == 0 ? any(3000) : any(5);

	lie->len = body;
	lie_add_words(lie, type < MSG_COUNT ? msg_body_len(type) / 4 :
	    any(30));
	/* Numbers of 64 bits that could be somebody's. */
	if (any(4) != 0)
		lie_set_word(lie, body + 4, 0);
	if (look == NULL)
		lie_add_words(lie, any(3) == 0 ? any(300) : 0);
	for (i = 0; look != NULL && i < n; i++)
		lie_add_item(lie, look);
	if (look != NULL && look->count != -1 && any(6) != 0)
		lie_set_word(lie, body + 4 * (size_t)look->count, n);
	if (look != NULL && look->piece_len != -1 && any(4) != 0)
		lie_set_word(lie, body + 4 * (size_t)look->piece_len, 16384);
	lie_set_word(lie, 0, type);
	lie_set_word(lie, 4, (uint32_t)(lie->len - body));
	lie_add_files(lie, type, n);
}

static void
lie_spoil(struct lie *lie)
{
	size_t n;

	switch (any(10)) {
	case 0:
		lie->bytes[any((uint32_t)lie->len)] ^= (uint8_t)(1 << any(8));
		break;
	case 1:
		lie->len = 1 + any((uint32_t)lie->len);
		break;
	case 2:
		n = 1 + any(any(4) == 0 ? MSG_MAX : 40);
		lie_add_words(lie, n / 4);
		lie->len += n % 4;
		break;
	case 3:
		lie_set_word(lie, 4, any_word());
		break;
	default:
		return;
	}
	/* Half of these tell the truth about their length. */
	if (any(2) == 0 && lie->len >= sizeof(struct msg_header))
		lie_set_word(lie, 4,
		    (uint32_t)(lie->len - sizeof(struct msg_header)));
}

void
lie_choose(struct lie *lie, const struct rogue *r)
{
	static const int counts[] = { 1, 1, 1, 2, 2, 16, 17, 32, 33, 100 };
	const struct look *look = NULL;
	uint32_t type, tries = 0;
	size_t i;

	lie->nfds = 0;
	if (r->honestly != NULL && any(2) == 0) {
		lie->len = r->honestly(lie->bytes);
		memcpy(&type, lie->bytes, sizeof(type));
		lie_add_files(lie, type, 1);
		for (i = any(3); i > 0; i--)
			lie->bytes[any((uint32_t)lie->len)] ^= 1 << any(8);
		return;
	}
	do
		type = 1 + any(MSG_COUNT - 1);
	while (tries++ < 200 && any(8) != 0 && msg_check(type, r->ch.self,
	    r->ch.peer, msg_body_len(type), 0) == FAULT_TYPE);
	if (any(50) == 0)
		type = any_word();
	for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (looks[i].type == type)
			look = &looks[i];
	lie_make(lie, look, type);
	lie_spoil(lie);
	if (any(4) != 0)
		return;
	lie->nfds = 0;
	for (i = (size_t)ONE_OF(counts); i > 0; i--)
		lie->fds[lie->nfds++] = ONE_OF(rogue_fds);
}

enum msg_fault
lie_fault(const struct lie *lie, const struct rogue *r, uint32_t *type)
{
	struct msg_header head = { 0, 0 };

	if (lie->len >= sizeof(head))
		memcpy(&head, lie->bytes, sizeof(head));
	*type = head.type;
	if (lie->len < sizeof(head) || lie->len > MSG_MAX ||
	    head.len != lie->len - sizeof(head))
		return FAULT_LENGTH;
	if (lie->nfds > MSG_FDS_MAX)
		return FAULT_FDS;
	return msg_check(head.type, r->ch.self, r->ch.peer, head.len,
	    lie->nfds);
}

/* A report fits one of the lies that were told, up to the first that the
   table forbids. */
static bool
report_fits(const struct msg_wrong *wrong, const struct lie *lies,
    uint32_t n, const struct rogue *r)
{
	enum msg_fault fault;
	uint32_t i, type;

	for (i = 0; i < n; i++) {
		fault = lie_fault(&lies[i], r, &type);
		if (wrong->type == type && (fault != 0 ?
		    wrong->fault == (uint32_t)fault :
		    wrong->fault >= FAULT_FDS && wrong->fault <= FAULT_SEAL))
			return true;
		if (fault != 0)
			return false;
	}
	return false;
}

/* One burst of lies.  The number of messages. */
static uint32_t
rogue_burst(struct rogue *r, uint32_t at)
{
	static struct lie lies[BURST_MAX];
	struct proc *v = r->victim;
	uint32_t i, n = 1 + any(BURST_MAX), type;
	bool forbidden = false, alive;

	for (i = 0; i < n; i++) {
		lie_choose(&lies[i], r);
		forbidden = forbidden || lie_fault(&lies[i], r, &type) != 0;
		rogue_send(r, lies[i].bytes, lies[i].len, lies[i].fds,
		    lies[i].nfds);
	}
	alive = r->honest(r);
	proc_hear(v);
	ATF_REQUIRE_MSG(!alive || !forbidden,
	    "message %u: what the table forbids was taken", at);
	ATF_REQUIRE_EQ_MSG(v->settled + !alive, v->reports,
	    "message %u: %u reports", at, v->reports - v->settled);
	v->settled = v->reports;
	if (alive)
		return n;
	ATF_REQUIRE_EQ((uint32_t)r->ch.self, v->wrong.role);
	ATF_REQUIRE_EQ(r->ch.index, v->wrong.index);
	ATF_REQUIRE_MSG(report_fits(&v->wrong, lies, n, r) || !forbidden,
	    "message %u: reported as %s, fault %u", at,
	    msg_name(v->wrong.type), v->wrong.fault);
	rogue_connect(r, v, r->ch.self, r->ch.index);
	ATF_REQUIRE_MSG(r->honest(r), "message %u: no answer on a new channel",
	    at);
	return n;
}

void
rogue_random(struct rogue *r, uint32_t n)
{
	uint32_t i = 0;
	unsigned reports = r->victim->reports;

	while (i < n)
		i += rogue_burst(r, i);
	reports = r->victim->reports - reports;
	printf("%u messages, %u reports\n", i, reports);
	/* Some were taken and some were not. */
	ATF_CHECK(reports > n / 50 && reports < n / 2);
}

/* A message of zeros that the table forbids. */
static void
rogue_forbidden(struct rogue *r, uint32_t type, size_t len, uint32_t claimed,
    int nfds, enum msg_fault fault)
{
	static struct lie lie;
	char what[128];
	int i;

	for (i = 0; i < nfds; i++)
		lie.fds[i] = rogue_fds[i % ROGUE_KINDS];
	memset(lie.bytes, 0, sizeof(lie.bytes));
	lie.len = sizeof(struct msg_header) + len;
	lie_set_word(&lie, 0, type);
	lie_set_word(&lie, 4, claimed);
	rogue_send(r, lie.bytes, lie.len, lie.fds, nfds);
	snprintf(what, sizeof(what), "%s of %zu bytes that says %u, %d "
	    "descriptors", msg_name(type), len, claimed, nfds);
	if (r->refused != NULL)
		r->refused(r, type, fault, what);
	else
		rogue_refused(r, type, fault, what);
}

unsigned
rogue_try_table(struct rogue *r)
{
	static const struct {
		enum msg_type	type;
		size_t		tail;
		int		fd_min;
		int		fd_max;
	} rows[] = {
#define X(name, from, to, body, tail, fdmin, fdmax, bound)		\
		{ MSG_##name, tail, fdmin, fdmax },
		MSG_TABLE(X)
#undef X
	};
	static const uint32_t none[] = { 0, MSG_COUNT, 1 << 30, UINT32_MAX };
	static const uint32_t claims[] = { 1, UINT32_MAX, 1 << 30, 8 };
	uint32_t len;
	unsigned i, k, n = 0;

	for (i = 0; i < 4; i++, n++)
		rogue_forbidden(r, none[i], 8, 8, 0, FAULT_TYPE);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = (uint32_t)msg_body_len(rows[i].type);
		if (msg_check(rows[i].type, r->ch.self, r->ch.peer, len,
		    rows[i].fd_min) == FAULT_TYPE) {
			rogue_forbidden(r, rows[i].type, len, len,
			    rows[i].fd_min, FAULT_TYPE);
			n++;
			continue;
		}
		rogue_forbidden(r, rows[i].type, 0, 0, 0, FAULT_LENGTH);
		rogue_forbidden(r, rows[i].type, len - 1, len - 1, 0,
		    FAULT_LENGTH);
		rogue_forbidden(r, rows[i].type,
		    len + rows[i].tail + 1, len + (uint32_t)rows[i].tail + 1,
		    0, FAULT_LENGTH);
		for (k = 0; k < 4; k++)
			rogue_forbidden(r, rows[i].type, len,
			    len + claims[k], 0, FAULT_LENGTH);
		rogue_forbidden(r, rows[i].type, len, len,
		    rows[i].fd_max + 1, FAULT_FDS);
		rogue_forbidden(r, rows[i].type, len, len,
		    ROGUE_FDS_MAX, FAULT_FDS);
		n += 9;
	}
	return n;
}
