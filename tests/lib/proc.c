/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>

#include <limits.h>
#include <time.h>

#include "tests/lib/conf_text.h"
#include "tests/lib/proc.h"
#include "tests/lib/test.h"

const uint8_t *
proc_key(enum seal_pair pair, uint32_t root)
{
	static uint8_t keys[SEAL_PAIRS][KEYS_MAX][SEAL_LEN];
	uint8_t *key = keys[pair][root];

	memcpy(key, "a key that no front has", 24);
	key[SEAL_LEN - 2] = (uint8_t)pair;
	key[SEAL_LEN - 1] = (uint8_t)root;
	return key;
}

void
proc_seal_file(enum seal_pair pair, const void *path, size_t len,
    const struct identity *id, uint8_t seal[SEAL_LEN])
{
	uint8_t sum[SEAL_LEN];

	seal_path("", path, len, sum);
	seal_file(proc_key(pair, 0), sum, id, seal);
}

void
proc_seal_listing(const struct buf *listing, uint8_t seal[SEAL_LEN])
{
	uint8_t sum[SEAL_LEN];

	sha256(listing->data, listing->len, sum);
	seal_listing(proc_key(SEAL_WALKER_CACHE, 0), sum, seal);
}

void
proc_seal_digests(const void *path, size_t len, const struct identity *id,
    uint32_t piece_len, uint32_t first, uint32_t count,
    const uint8_t *digests, uint8_t seal[SEAL_LEN])
{
	uint8_t sum[SEAL_LEN];

	seal_path("", path, len, sum);
	seal_digests(proc_key(SEAL_HASHER_CACHE, 0), sum, id, piece_len,
	    first, count, digests, seal);
}

void
proc_send(struct proc *p, enum msg_type type, const void *body,
    const void *tail, size_t len, int fd)
{
	ATF_REQUIRE_MSG(msg_send_wait(&p->parent, type, body, tail, len, &fd,
	    fd == -1 ? 0 : 1) == 0, "%s: %s; its last words: %s",
	    msg_name(type), strerror(errno), p->line);
}

static void
proc_take_line(struct proc *p, const struct msg *msg)
{
	p->lines++;
	snprintf(p->line, sizeof(p->line), "%.*s", (int)msg->tail_len,
	    (const char *)msg->tail);
	if (p->log.len > 0)
		p->log.len--;
	ATF_REQUIRE_EQ(0, buf_addf(&p->log, "%s\n", p->line));
	ATF_REQUIRE_EQ(0, buf_add(&p->log, "", 1));
}

enum msg_verdict
proc_recv(struct channel *ch, uint8_t *buf, struct msg *msg,
    struct msg_wrong *wrong)
{
	enum msg_verdict verdict;

	do
		verdict = msg_recv(ch, buf, msg, wrong);
	while (verdict == MSG_GOT && msg->type == MSG_COUNTS);
	return verdict;
}

static void
proc_take_totals(struct proc *p, const struct msg *msg)
{
	memcpy(&p->totals, msg->body, sizeof(p->totals));
	ATF_REQUIRE_EQ(sizeof(p->counts) + p->totals.path_len, msg->tail_len);
	memcpy(p->counts, msg->tail, sizeof(p->counts));
	snprintf(p->at_hand, sizeof(p->at_hand), "%.*s",
	    (int)p->totals.path_len,
	    (const char *)msg->tail + sizeof(p->counts));
}

void
proc_hear(struct proc *p)
{
	static uint8_t inbox[MSG_MAX] __attribute__((__aligned__(8)));
	struct msg_wrong wrong;
	enum msg_verdict verdict;
	struct msg msg;

	while ((verdict = msg_recv(&p->parent, inbox, &msg, &wrong)) ==
	    MSG_GOT) {
		switch (msg.type) {
		case MSG_READY:
			p->ready = true;
			break;
		case MSG_LOG:
			proc_take_line(p, &msg);
			break;
		case MSG_WRONG:
			p->reports++;
			memcpy(&p->wrong, msg.body, sizeof(p->wrong));
			break;
		case MSG_WARMED:
			memcpy(&p->warmed, msg.body, sizeof(p->warmed));
			memcpy(p->warmed_paths, msg.tail, msg.tail_len);
			break;
		case MSG_CONTROLLED:
			memcpy(&p->controlled, msg.body,
			    sizeof(p->controlled));
			memcpy(p->controlled_tail, msg.tail, msg.tail_len);
			p->controlled_tail[msg.tail_len] = '\0';
			if (p->controlled.state == CONTROL_RUNNING)
				break;
			p->ended = p->controlled;
			memcpy(p->ended_tail, p->controlled_tail,
			    sizeof(p->ended_tail));
			break;
		case MSG_TOTALS:
			proc_take_totals(p, &msg);
			break;
		case MSG_ACCESS:
		case MSG_ALIVE:
		case MSG_WHITELIST_LOST:
			break;
		default:
			atf_tc_fail("%s of the %s: %u", msg_name(msg.type),
			    role_name(p->role),
			    ((const struct msg_syscall *)msg.body)->nr);
		}
	}
	ATF_REQUIRE_MSG(verdict == MSG_AGAIN, "the %s has ended: %s",
	    role_name(p->role), p->line);
}

void
proc_wait(struct proc *p, int fd, short events)
{
	struct pollfd pfds[2] = {
		{ p->parent.fd, POLLIN, 0 }, { fd, events, 0 },
	};

	ATF_REQUIRE_MSG(poll(pfds, 2, WAIT_MS) > 0, "the %s is silent: %s",
	    role_name(p->role), p->line);
	if (pfds[0].revents != 0)
		proc_hear(p);
}

static void
proc_send_keys(struct proc *p, uint32_t index, size_t roots)
{
	uint8_t keys[KEYS_MAX][SEAL_LEN];
	struct msg_key body;
	uint32_t i, first;

	for (body.pair = 0; body.pair < SEAL_PAIRS; body.pair++) {
		if (!seal_concerns(p->role, body.pair))
			continue;
		first = p->role == ROLE_WALKER ? index : 0;
		body.count = p->role == ROLE_WALKER ? 1 : (uint32_t)roots;
		for (i = 0; i < body.count; i++)
			memcpy(keys[i], proc_key(body.pair, first + i),
			    SEAL_LEN);
		proc_send(p, MSG_KEY, &body, keys, body.count *
		    sizeof(keys[0]), -1);
	}
}

void
proc_configure(struct proc *p, uint32_t index, uint32_t flags,
    const char *text)
{
	struct msg_conf body = { .role = p->role, .flags = flags,
	    .index = index };
	struct conf *conf = good(text, NULL);
	struct buf whole = { 0 };

	ATF_REQUIRE_EQ(0, conf_print(conf, &whole));
	proc_send_keys(p, index, conf->nroots);
	proc_send(p, MSG_CONF, &body, whole.data, whole.len, -1);
	buf_free(&whole);
	conf_free(conf);
}

void
proc_start(struct proc *p, enum role role, uint32_t index, uint32_t flags,
    const char *conf)
{
	static void (*const mains[ROLE_COUNT])(void) = {
		[ROLE_FRONT] = front_main, [ROLE_WALKER] = walker_main,
		[ROLE_HASHER] = hasher_main, [ROLE_CACHE] = cache_main,
		[ROLE_TRACKER] = tracker_main,
	};
	int fds[2];

	memset(p, 0, sizeof(*p));
	p->role = role;
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	fflush(NULL);
	p->pid = fork();
	ATF_REQUIRE(p->pid != -1);
	if (p->pid == 0) {
		/* Also when the test fails while the process is stopped. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
		    dup2(fds[1], PARENT_FD) == -1)
			_exit(99);
		/* It has no other end of a channel than its own, and so ends
		   when the others are closed. */
		close_range(PARENT_FD + 1, UINT_MAX, 0);
		mains[role]();
	}
	close(fds[1]);
	p->parent = (struct channel){ .fd = fds[0], .self = ROLE_PARENT,
	    .peer = role };
	proc_configure(p, index, flags, conf);
	while (!p->ready)
		proc_wait(p, -1, 0);
}

void
proc_stop(struct proc *p)
{
	int status;

	test_not_at_end(p);
	ATF_REQUIRE_EQ_MSG(0, waitpid(p->pid, &status, WNOHANG), "the %s "
	    "ended by itself: %s", role_name(p->role), p->line);
	close(p->parent.fd);
	ATF_REQUIRE_EQ(p->pid, waitpid(p->pid, &status, 0));
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "the %s ended with %#x: %s", role_name(p->role), status, p->line);
	buf_free(&p->log);
}

static void
proc_end(void *p)
{
	proc_stop(p);
}

void
proc_stop_at_end(struct proc *p)
{
	test_at_end(proc_end, p);
}

void
proc_ask_status(struct proc *p)
{
	unsigned before = p->lines;

	proc_send(p, MSG_STATUS, NULL, NULL, 0, -1);
	while (p->lines == before)
		proc_wait(p, -1, 0);
}

struct channel
proc_connect(struct proc *p, enum role self, uint32_t index)
{
	struct msg_channel body = { .role = self, .index = index };
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	proc_send(p, MSG_CHANNEL, &body, NULL, 0, fds[1]);
	close(fds[1]);
	return (struct channel){ .fd = fds[0], .self = self, .peer = p->role,
	    .index = index };
}

void
proc_check_blame(struct proc *p, enum role role, uint32_t index,
    uint32_t type, enum msg_fault fault, const char *what)
{
	const struct msg_wrong *wrong = &p->wrong;

	ATF_REQUIRE_EQ_MSG(p->settled + 1, p->reports, "%s: %u reports",
	    what, p->reports - p->settled);
	ATF_CHECK_MSG(wrong->role == (uint32_t)role && wrong->index == index &&
	    wrong->type == type && wrong->fault == (uint32_t)fault,
	    "%s: reported as %s %u, %s, fault %u, not %s, fault %u", what,
	    role_name((enum role)wrong->role), wrong->index,
	    msg_name(wrong->type), wrong->fault, msg_name(type), fault);
	p->settled = p->reports;
}

void
proc_await_blame(struct proc *p, enum role role, uint32_t index,
    uint32_t type, enum msg_fault fault, const char *what)
{
	while (p->reports == p->settled)
		proc_wait(p, -1, 0);
	proc_check_blame(p, role, index, type, fault, what);
}

uint64_t
proc_cpu_us(const struct proc *p)
{
	struct timespec ts;
	clockid_t clock;

	ATF_REQUIRE_EQ(0, clock_getcpuclockid(p->pid, &clock));
	ATF_REQUIRE_EQ(0, clock_gettime(clock, &ts));
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
