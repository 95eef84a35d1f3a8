/* SPDX-License-Identifier: ISC */
#include "common/listing.h"
#include "common/mounts.h"
#include "tests/lib/hash_rig.h"
#include "tests/lib/test.h"

static void
rig_expect(struct rig *rig, enum msg_type type)
{
	struct msg_wrong	 wrong;
	enum msg_verdict	 verdict;

	while ((verdict = proc_recv(&rig->front, rig->buf, &rig->msg,
	    &wrong)) == MSG_AGAIN)
		proc_wait(&rig->proc, rig->front.fd, POLLIN);
	ATF_REQUIRE_MSG(verdict == MSG_GOT, "verdict %d instead of %s",
	    verdict, msg_name(type));
	ATF_REQUIRE_MSG(rig->msg.type == type, "%s instead of %s",
	    msg_name(rig->msg.type), msg_name(type));
}

void
rig_connect(struct rig *rig)
{
	rig->front = proc_connect(&rig->proc, ROLE_FRONT, HASH_INDEX);
}

void
rig_start(struct rig *rig, const char *digest)
{
	memset(rig, 0, sizeof(*rig));
	proc_start(&rig->proc, ROLE_HASHER, 0, 0,
	    fmt("root /\nsandbox best-effort\nhashers 1\ndigest %s\n",
	    digest));
	proc_stop_at_end(&rig->proc);
	rig_connect(rig);
}

void
rig_stop(struct rig *rig)
{
	close(rig->front.fd);
	proc_stop(&rig->proc);
}

struct msg_range
range_of(uint64_t offset, uint64_t len, uint64_t size)
{
	return (struct msg_range){ .offset = offset, .len = len,
	    .identity.size = size };
}

void
range_seal(struct msg_range *r, int fd)
{
	static struct mounts	 mounts;
	uint64_t		 size = r->identity.size;
	struct mount		*m;
	struct statx		 stx;

	if (mounts_stat(fd, "", AT_EMPTY_PATH, &stx) == 0) {
		mounts_changed(&mounts, 0);
		m = mounts_find(&mounts, &stx);
		if (m == NULL)
			m = mounts_learn(&mounts, &stx, fd);
		identity_of(&r->identity, &stx);
		r->identity.size = size;
		r->identity.mount = mounts_identity(&mounts,
		    m != NULL ? m->type : NULL, &stx);
	}
	seal_path("", HASH_PATH, strlen(HASH_PATH), r->path_sum);
	proc_seal_file(SEAL_WALKER_HASHER, HASH_PATH, strlen(HASH_PATH),
	    &r->identity, r->seal);
}

void
rig_send(struct rig *rig, uint32_t piece_len, const struct msg_range *ranges,
    uint32_t n, const int *fds, int nfds)
{
	struct msg_hash		body = { rig->next_id++, piece_len, n };
	struct msg_range	sealed[HASH_RANGES + 1];
	uint32_t		i;

	ATF_REQUIRE(n <= HASH_RANGES + 1);
	for (i = 0; i < n; i++) {
		sealed[i] = ranges[i];
		range_seal(&sealed[i], fds[(int)i < nfds ? i : 0]);
	}
	ATF_REQUIRE_EQ(0, msg_send(&rig->front, MSG_HASH, &body, sealed,
	    n * sizeof(*ranges), fds, nfds));
}

void
rig_expect_digests(struct rig *rig, uint64_t id, uint32_t count)
{
	const struct msg_digests	*body;

	rig_expect(rig, MSG_DIGESTS);
	body = rig->msg.body;
	ATF_REQUIRE_EQ(id, body->id);
	ATF_REQUIRE_EQ(count, body->count);
}

const uint8_t *
rig_next_item(struct rig *rig, struct msg_digests_item *item)
{
	const uint8_t	*digests;
	size_t		 len;

	ATF_REQUIRE(rig->msg.tail_len >= sizeof(*item));
	memcpy(item, rig->msg.tail, sizeof(*item));
	digests = rig->msg.tail + sizeof(*item);
	len = sizeof(*item) + (size_t)item->count * SHA1_LEN;
	ATF_REQUIRE(rig->msg.tail_len >= len);
	rig->msg.tail += len;
	rig->msg.tail_len -= len;
	return digests;
}

int
hash_file(const char *name, size_t len, uint8_t **data)
{
	uint8_t	*bytes = malloc(len + 1);
	size_t	 i, done;
	ssize_t	 n;
	int	 fd;

	ATF_REQUIRE(bytes != NULL);
	for (i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 2654435761U >> 13 ^ len);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ATF_REQUIRE(fd != -1);
	for (done = 0; done < len; done += (size_t)n) {
		n = write(fd, bytes + done, len - done);
		ATF_REQUIRE(n > 0);
	}
	close(fd);
	if (data != NULL)
		*data = bytes;
	else
		free(bytes);
	fd = open(name, O_RDONLY);
	ATF_REQUIRE(fd != -1);
	return fd;
}

/* The digests of a range, by OpenSSL; returns how many. */
static size_t
digests_of(const uint8_t *data, size_t len, uint32_t piece_len, uint8_t *out)
{
	uint8_t	*padded;
	size_t	 at, n = 0;

	for (at = 0; at + piece_len <= len; at += piece_len)
		sha1(data + at, piece_len, out + SHA1_LEN * n++);
	if (at == len)
		return n;
	sha1(data + at, len - at, out + SHA1_LEN * n++);
	padded = calloc(1, piece_len);
	ATF_REQUIRE(padded != NULL);
	memcpy(padded, data + at, len - at);
	sha1(padded, piece_len, out + SHA1_LEN * n++);
	free(padded);
	return n;
}

void
rig_check_item(struct rig *rig, struct msg_digests_item *item,
    const uint8_t *data, size_t len, uint32_t piece_len)
{
	uint8_t		*expected = malloc((len / piece_len + 2) * SHA1_LEN);
	const uint8_t	*digests;
	size_t		 n;

	ATF_REQUIRE(expected != NULL);
	n = digests_of(data, len, piece_len, expected);
	digests = rig_next_item(rig, item);
	ATF_REQUIRE_EQ(DIGESTS_OK, item->status);
	ATF_REQUIRE_EQ(n, item->count);
	ATF_REQUIRE(memcmp(expected, digests, n * SHA1_LEN) == 0);
	free(expected);
}

struct msg_range
whole(uint64_t size)
{
	return range_of(0, size, size);
}

void
check_file(struct rig *rig, const char *name, size_t len, uint32_t piece_len)
{
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	struct stat		 st;
	uint8_t			*data;
	int			 fd = hash_file(name, len, &data);

	rig_send(rig, piece_len, &range, 1, &fd, 1);
	rig_expect_digests(rig, rig->next_id - 1, 1);
	rig_check_item(rig, &item, data, len, piece_len);
	ATF_CHECK_EQ(0, rig->msg.tail_len);
	ATF_CHECK_EQ(0, item.first);
	ATF_REQUIRE_EQ(0, fstat(fd, &st));
	ATF_CHECK_EQ(st.st_ino, item.identity.ino);
	ATF_CHECK_EQ(len, item.identity.size);
	ATF_CHECK_EQ((int64_t)st.st_mtim.tv_sec * 1000000000 +
	    st.st_mtim.tv_nsec, item.identity.mtime_ns);
	ATF_CHECK_EQ((int64_t)st.st_ctim.tv_sec * 1000000000 +
	    st.st_ctim.tv_nsec, item.identity.ctime_ns);
	close(fd);
	free(data);
}
