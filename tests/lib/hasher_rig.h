/*
 * For tests of the hasher: hasher_main() in a process of its own, behind its
 * sandbox; the test plays parent and front.
 */
#ifndef HASHER_RIG_H
#define HASHER_RIG_H

#include <sys/stat.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/listing.h"
#include "common/child.h"
#include "common/seal.h"

#define WAIT_MS		30000
#define PIECE		(64U << 10)
#define MIB		(1U << 20)
#define HASH_INDEX	7		/* of the front, as we tell it */

static const uint8_t	rig_key[SEAL_LEN] = "key of the hasher's test";

struct rig {
	pid_t		pid;
	struct channel	parent;		/* our ends */
	struct channel	front;
	uint8_t		buf[MSG_MAX];
	struct msg	msg;
	char		log[2049];	/* last line of the hasher's */
	uint64_t	next_id;
};

static void
rig_conf(struct rig *rig, const char *digest)
{
	struct msg_conf	conf = { .role = ROLE_HASHER };
	char		text[128];
	int		n;

	n = snprintf(text, sizeof(text),
	    "root /\nsandbox best-effort\nhashers 1\ndigest %s\n", digest);
	ATF_REQUIRE_EQ(0, msg_send(&rig->parent, MSG_CONF, &conf, text,
	    (size_t)n, NULL, 0));
}

/* Wait for a message; log lines on the way are kept. */
static void
rig_expect(struct rig *rig, struct channel *channel, enum msg_type type)
{
	struct pollfd		 pfd = { channel->fd, POLLIN, 0 };
	struct msg_wrong	 wrong;
	enum msg_verdict	 verdict;

	for (;;) {
		ATF_REQUIRE_MSG(poll(&pfd, 1, WAIT_MS) == 1, "no %s within "
		    "%d ms", msg_name(type), WAIT_MS);
		verdict = msg_recv(channel, rig->buf, &rig->msg, &wrong);
		ATF_REQUIRE_MSG(verdict == MSG_GOT, "verdict %d instead of %s",
		    verdict, msg_name(type));
		if (rig->msg.type == MSG_LOG) {
			memcpy(rig->log, rig->msg.tail, rig->msg.tail_len);
			rig->log[rig->msg.tail_len] = '\0';
		}
		if (rig->msg.type == type)
			return;
		ATF_REQUIRE_MSG(rig->msg.type == MSG_LOG, "%s instead of %s",
		    msg_name(rig->msg.type), msg_name(type));
	}
}

static void
rig_connect(struct rig *rig)
{
	struct msg_channel	body = { ROLE_FRONT, HASH_INDEX };
	int			pair[2];

	ATF_REQUIRE_EQ(0, msg_pair(pair));
	ATF_REQUIRE_EQ(0, msg_send(&rig->parent, MSG_CHANNEL, &body, NULL, 0,
	    &pair[1], 1));
	close(pair[1]);
	memset(&rig->front, 0, sizeof(rig->front));
	rig->front.fd = pair[0];
	rig->front.self = ROLE_FRONT;
	rig->front.peer = ROLE_HASHER;
}

static void
rig_start(struct rig *rig, const char *digest)
{
	struct msg_key	key;
	int		pair[2];

	memset(rig, 0, sizeof(*rig));
	ATF_REQUIRE_EQ(0, msg_pair(pair));
	rig->pid = fork();
	ATF_REQUIRE(rig->pid != -1);
	if (rig->pid == 0) {
		if (dup2(pair[1], PARENT_FD) == -1)
			_exit(99);
		closefrom(PARENT_FD + 1);
		hasher_main();
	}
	close(pair[1]);
	rig->parent.fd = pair[0];
	rig->parent.self = ROLE_PARENT;
	rig->parent.peer = ROLE_HASHER;
	memcpy(key.key, rig_key, sizeof(key.key));
	ATF_REQUIRE_EQ(0, msg_send(&rig->parent, MSG_KEY, &key, NULL, 0,
	    NULL, 0));
	rig_conf(rig, digest);
	rig_expect(rig, &rig->parent, MSG_READY);
	rig_connect(rig);
}

/* A hasher ends with its parent, and has not ended before. */
static void
rig_stop(struct rig *rig)
{
	int	status;

	ATF_REQUIRE_EQ(0, waitpid(rig->pid, &status, WNOHANG));
	close(rig->parent.fd);
	close(rig->front.fd);
	ATF_REQUIRE_EQ(rig->pid, waitpid(rig->pid, &status, 0));
	ATF_REQUIRE_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "status %x", status);
}

static void
rig_send(struct rig *rig, uint32_t piece_len, const struct msg_range *ranges,
    uint32_t n, const int *fds, int nfds)
{
	struct msg_hash	body = { rig->next_id++, piece_len, n };

	ATF_REQUIRE_EQ(0, msg_send(&rig->front, MSG_HASH, &body, ranges,
	    n * sizeof(*ranges), fds, nfds));
}

/* The answer to a batch; items point into rig->msg. */
static void
rig_expect_digests(struct rig *rig, uint64_t id, uint32_t count)
{
	const struct msg_digests	*body;

	rig_expect(rig, &rig->front, MSG_DIGESTS);
	body = rig->msg.body;
	ATF_REQUIRE_EQ(id, body->id);
	ATF_REQUIRE_EQ(count, body->count);
}

/* Takes the next item off the answer; returns its digests. */
static const uint8_t *
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

/* A new file of len bytes; its contents are in *data, if that is wanted. */
static int
make_file(const char *name, size_t len, uint8_t **data)
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

/* What a hasher must say of a range, by OpenSSL; returns how many. */
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

/* The next item of the answer has these digests. */
static void
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

/* A whole file in one batch of one range, opened and closed. */
static struct msg_range
whole(uint64_t size)
{
	return (struct msg_range){
		.flags = RANGE_NEW | RANGE_CLOSE, .len = size, .size = size,
	};
}

static void
check_file(struct rig *rig, const char *name, size_t len, uint32_t piece_len)
{
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	struct stat		 st;
	uint8_t			*data;
	int			 fd = make_file(name, len, &data);

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

#endif
