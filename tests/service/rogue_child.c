/* SPDX-License-Identifier: ISC */
/*
 * The service, with a child that has been broken into: everything is as
 * in pkgtorrentd, which it is but for this file, until a child finds a file
 * with its title and ".rogue" beside this program.  That tells it to
 * do one thing as soon as it is ready, once:
 *
 *	parent		send its parent a forbidden message
 *	peer		send its peer a forbidden message
 *	call		make a system call that its filter stops
 *	calls		the same whenever it is started
 *	early		the same before it is ready
 *	flood MESSAGE	do its work, while a thread outside its sandbox sends
 *			this message all the time to the process that gets it
 *	seals		do its work, but seal by other keys than its own
 *	shutdown	shut down the listening sockets
 *	connect PORT	the same, and connect them to this port
 *	open shutdown, open connect PORT
 *			the same without a sandbox, and say so
 *	keys		log the digest of its keys, and that whenever it is
 *			started
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <netinet/in.h>

#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Its channels are seen here when they are opened. */
#define channel_open	channel_open_really
#include "common/channel.c"
#undef channel_open
void	channel_open(struct channel *, int, enum role, enum role, uint32_t);

/* The daemon's other program is this one, too. */
#define HASHER_PATH	"/proc/self/exe"

int	daemon_main(int, char *[], char *[]);
int	hasher_program_main(int, char *[]);

#define main		daemon_main
#include "pkgtorrentd/main.c"
#undef main
#define main		hasher_program_main
#include "hasher/main.c"
#undef main

#include "common/sandbox/sandbox.h"

#define PLAN_LEN	64

/* This child's task; false: nothing but its work. */
static bool
read_plan(enum role role, char plan[PLAN_LEN])
{
	char exe[PATH_MAX] = "", path[2 * PATH_MAX];
	ssize_t n;
	int fd;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) == -1)
		return false;
	snprintf(path, sizeof(path), "%s/%s.rogue", dirname(exe),
	    role_name(role));
	fd = open(path, O_RDONLY);
	if (fd == -1)
		return false;
	n = read(fd, plan, PLAN_LEN - 1);
	close(fd);
	if (n <= 0)
		return false;
	plan[n] = '\0';
	plan[strcspn(plan, "\n")] = '\0';
	if (strcmp(plan, "calls") != 0 && strcmp(plan, "keys") != 0)
		(void)unlink(path);
	return true;
}

/* Past every check of msg_send(). */
static void
send_key(int fd)
{
	struct msg_header head = { MSG_KEY, sizeof(struct msg_key) };
	struct msg_key key = { 0 };
	struct iovec iov[2] = {
		{ &head, sizeof(head) }, { &key, sizeof(key) },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	(void)sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A message to be sent again and again. */
static struct {
	struct channel	 ch;		/* of ours, while there is one */
	enum msg_type	 type;
	enum role	 to;
	atomic_int	 fd;		/* -1: no channel yet */
	uint64_t	 n;
	uint8_t		 body[256] __attribute__((__aligned__(8)));
	uint8_t		 tail[MSG_TAIL_MAX];
	size_t		 tail_len;
	int		 file;		/* -1: without a descriptor */
} flood = { .fd = -1, .file = -1 };

static const struct {
	const char	*name;
	enum msg_type	 type;
	unsigned	 to;
	size_t		 tail_max;
} flood_rows[] = {
#define X(name, from, to, body, tail, fdmin, fdmax, bound)		\
	{ #name, MSG_##name, to, tail },
	MSG_TABLE(X)
#undef X
};

static void
flood_add(const void *bytes, size_t len)
{
	memcpy(flood.tail + flood.tail_len, bytes, len);
	flood.tail_len += len;
}

/* Items of a fixed part that has the length of the path after it. */
static void
flood_add_paths(uint32_t n, const void *item, size_t len)
{
	static const char path[] = "/yum/a.rpm";

	for (; n > 0; n--) {
		flood_add(item, len);
		flood_add(path, sizeof(path) - 1);
	}
}

/* Lines that an honest front could have sent. */
static void
flood_add_lines(void)
{
	static const char line[] = "127.0.0.1 - - [a line of a flood]\n";

	while (flood.tail_len + sizeof(line) <= sizeof(flood.tail))
		flood_add(line, sizeof(line) - 1);
}

/* Peers that are not there; flood_number() tells one from another. */
static void
flood_add_announces(void)
{
	struct msg_announce *body = (void *)flood.body;
	struct msg_announce_item item = { .port = 1, .numwant = NUMWANT_MAX,
	    .event = ANNOUNCE_STARTED };

	body->count = ANNOUNCES_MAX;
	while (flood.tail_len < ANNOUNCES_MAX * sizeof(item)) {
		item.addr[0] = (uint8_t)(0x20 + flood.tail_len / sizeof(item));
		flood_add(&item, sizeof(item));
	}
}

/* False numbers, as many as are right: any are. */
static void
flood_add_counts(enum role role)
{
	size_t n;

	(void)counts_of(role, &n);
	if (flood.type == MSG_TOTALS)
		n = COUNT_ROWS;
	flood.tail_len = n * sizeof(uint64_t);
	memset(flood.tail, 0xff, flood.tail_len);
}

/* A content that is right, or that makes the receiver work. */
static void
flood_fill(enum role role)
{
	const uint32_t path_len = 10;
	struct msg_file item = { .len = path_len };
	struct msg_wrong *wrong = (void *)flood.body;
	struct msg_log *line = (void *)flood.body;
	struct msg_spec spec = { 0, path_len };
	struct msg_open *open_body = (void *)flood.body;
	struct msg_hash *hash = (void *)flood.body;
	struct msg_get_pieces *pieces = (void *)flood.body;
	struct msg_range range = { .len = 16384,
	    .identity.size = 1 << 20 };
	size_t i;

	switch (flood.type) {
	case MSG_LOG:
		line->priority = LOG_EMERG;
		break;
	case MSG_ACCESS:
		flood_add_lines();
		return;
	case MSG_WRONG:
		wrong->role = role == ROLE_FRONT ? ROLE_HASHER : ROLE_FRONT;
		wrong->type = MSG_HASH;
		wrong->fault = FAULT_CONTENT;
		break;
	case MSG_RESOLVE:
		flood_add_paths(1, &spec, sizeof(spec));
		return;
	case MSG_OPEN:
		open_body->count = MSG_FDS_MAX;
		flood_add_paths(MSG_FDS_MAX, &path_len, sizeof(path_len));
		return;
	case MSG_HASH:
		hash->piece_len = 16384;
		hash->count = 1;
		flood_add(&range, sizeof(range));
		flood.file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		return;
	case MSG_GET_PIECES:
		pieces->piece_len = 1 << 20;
		pieces->count = 1000;
		flood_add_paths(1000, &item, sizeof(item));
		return;
	case MSG_ANNOUNCE:
		flood_add_announces();
		return;
	case MSG_COUNTS:
	case MSG_TOTALS:
		flood_add_counts(role);
		return;
	case MSG_TOUCH:
	case MSG_WALK:
		return;
	case MSG_PUT_INFO:
		((struct msg_put_info *)(void *)flood.body)->flags = PART_MORE;
		break;
	default:
		break;
	}
	for (i = 0; i < sizeof(flood_rows) / sizeof(flood_rows[0]); i++)
		if (flood_rows[i].type == flood.type)
			flood.tail_len = flood_rows[i].tail_max;
}

/* Another number in each message, of which no question has been asked. */
static void
flood_number(void)
{
	uint64_t id = 1ULL << 62 | ++flood.n;
	size_t i;

	if (flood.type != MSG_PUT_PIECES && flood.type != MSG_PUT_INFO &&
	    flood.to != ROLE_PARENT)
		memcpy(flood.body, &id, sizeof(id));
	for (i = 0; flood.type == MSG_ANNOUNCE && i < flood.tail_len;
	    i += sizeof(struct msg_announce_item))
		memcpy(flood.tail + i + offsetof(struct msg_announce_item,
		    info_hash), &id, sizeof(id));
	if (flood.type == MSG_GET_INFO)
		memcpy(((struct msg_get_info *)(void *)flood.body)->digest,
		    &id, sizeof(id));
}

static void *
flood_run(void *arg)
{
	static const char text[] = "flooding";
	int fd;
	struct channel *ch = &flood.ch;

	(void)arg;
	while ((fd = flood.fd) == -1)
		(void)poll(NULL, 0, 10);
	*ch = (struct channel){ .fd = PARENT_FD, .self = ch->self,
	    .peer = ROLE_PARENT };
	(void)msg_send_wait(ch, MSG_LOG, &(struct msg_log){ LOG_INFO }, text,
	    sizeof(text) - 1, NULL, 0);
	ch->fd = fd;
	ch->peer = flood.to;
	for (;;) {
		flood_number();
		if (msg_send_wait(ch, flood.type, flood.body, flood.tail,
		    flood.tail_len, &flood.file, flood.file != -1) == -1)
			return NULL;
	}
}

static bool seals_wrongly;

/* Of those by which it seals. */
static void
spoil_keys(struct child *child)
{
	const bool walker = child->parent.self == ROLE_WALKER;
	uint32_t i;

	child->keys.v[SEAL_WALKER_CACHE][0][0] ^= walker;
	child->keys.v[SEAL_WALKER_HASHER][0][0] ^= walker;
	for (i = 0; i < child->keys.n[SEAL_HASHER_CACHE]; i++)
		child->keys.v[SEAL_HASHER_CACHE][i][0] ^= 1;
}

/* The flood begins with the channel that it is for; the one to the parent has
   it once the child is ready and at work. */
void
channel_open(struct channel *ch, int fd, enum role self, enum role peer,
    uint32_t index)
{
	channel_open_really(ch, fd, self, peer, index);
	if (seals_wrongly && peer == ROLE_FRONT)
		spoil_keys((struct child *)(void *)((uint8_t *)ch -
		    offsetof(struct child, front)));
	if (peer != ROLE_PARENT && flood.type != MSG_NONE &&
	    (flood.to == ROLE_PARENT || flood.to == peer) && flood.fd == -1)
		flood.fd = flood.to == ROLE_PARENT ? PARENT_FD : fd;
}

static void
flood_start(enum role role, const char *name)
{
	pthread_t thread;
	size_t i;

	for (i = 0; i < sizeof(flood_rows) / sizeof(flood_rows[0]); i++) {
		if (strcmp(flood_rows[i].name, name) != 0)
			continue;
		flood.type = flood_rows[i].type;
		for (flood.to = 0; !(flood_rows[i].to & 1U << flood.to);)
			flood.to++;
	}
	flood.ch.self = role;
	flood_fill(role);
	if (flood.type == MSG_NONE ||
	    pthread_create(&thread, NULL, flood_run, NULL) != 0)
		_exit(99);
}

/* By the message that opens a connection: connect(2) would be stopped. */
static void
connect_to(int fd, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons((in_port_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct iovec iov = { &to, 1 };
	struct msghdr mh = { .msg_name = &to, .msg_namelen = sizeof(to),
	    .msg_iov = &iov, .msg_iovlen = 1 };

	(void)sendmsg(fd, &mh, MSG_FASTOPEN | MSG_NOSIGNAL);
}

/* The parent has the same sockets. */
static void
ruin_listener(const char *plan, const struct msg *msg)
{
	const struct msg_listener *body = msg->body;
	const char *port = strstr(plan, "connect ");
	bool last = body->index + 1 == body->count;

	(void)shutdown(msg->fds[0], SHUT_RDWR);
	if (port != NULL)
		connect_to(msg->fds[0], (unsigned)atoi(port + 8));
	if (last)
		log_info("the listening sockets are ruined");
}

/* Locked down like its honest fellows, as root or not. */
static void
go_in(struct child *child, enum role role, const char *plan)
{
	struct sandbox sb = {
		.role = role, .privileged = child->flags & CONF_PRIVILEGED,
		.strict = child->conf->strict,
		.user = child->conf->user[role],
		.dir = role == ROLE_WALKER ? child->conf->roots[0].dir :
		    role == ROLE_CACHE ? child->conf->cache : NULL,
		.channel_fd = child->parent.fd,
	};
	char layers[256];
	int dirfd;

	if (strncmp(plan, "open ", 5) == 0)
		strlcpy(layers, "none", sizeof(layers));
	else
		sandbox_enter(&sb, &dirfd, layers, sizeof(layers));
	if (strcmp(plan, "early") == 0)
		(void)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	child_ready(child, layers);
}

static void
log_keys(const struct child *child)
{
	uint8_t sum[SEAL_LEN];
	char hex[2 * SEAL_LEN + 1];
	size_t i;

	sha256(&child->new_keys, sizeof(child->new_keys), sum);
	for (i = 0; i < SEAL_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	log_info("keys %s", hex);
}

static void __attribute__((__noreturn__))
misbehave(enum role role, const char *plan)
{
	static struct child child;
	struct pollfd pfd = { .fd = PARENT_FD, .events = POLLIN };
	struct msg_wrong wrong;
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct msg msg = { .type = MSG_NONE };

	child_start(&child, role, NULL, NULL);
	go_in(&child, role, plan);
	if (strncmp(plan, "call", 4) == 0)
		(void)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (strcmp(plan, "parent") == 0)
		send_key(PARENT_FD);
	if (strcmp(plan, "keys") == 0)
		log_keys(&child);
	/* It waits, for a peer to begin with. */
	for (;;) {
		if (msg_recv(&child.parent, buf, &msg, &wrong) !=
		    MSG_GOT) {
			if (poll(&pfd, 1, -1) == -1 || pfd.revents & POLLHUP)
				_exit(0);
		} else if (msg.type == MSG_CHANNEL &&
		    strcmp(plan, "peer") == 0)
			send_key(msg.fds[0]);
		else if (msg.type == MSG_LISTENER && msg.nfds > 0 &&
		    (strstr(plan, "shutdown") != NULL ||
		    strstr(plan, "connect") != NULL))
			ruin_listener(plan, &msg);
	}
}

int
main(int argc, char *argv[], char *envp[])
{
	static const struct {
		const char	*title;
		enum role	 role;
	} roles[] = {
		{ "pkgtorrentd: front", ROLE_FRONT },
		{ "pkgtorrentd: walker", ROLE_WALKER },
		{ "pkgtorrentd: hasher 1", ROLE_HASHER },
		{ "pkgtorrentd: cache", ROLE_CACHE },
		{ "pkgtorrentd: tracker", ROLE_TRACKER },
	};
	static char plan[PLAN_LEN];
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(argv[0], roles[i].title) != 0)
			continue;
		if (read_plan(roles[i].role, plan)) {
			seals_wrongly = strcmp(plan, "seals") == 0;
			if (strncmp(plan, "flood ", 6) == 0)
				flood_start(roles[i].role, plan + 6);
			else if (!seals_wrongly)
				misbehave(roles[i].role, plan);
		}
		if (roles[i].role == ROLE_WALKER ||
		    roles[i].role == ROLE_HASHER)
			return hasher_program_main(argc, argv);
	}
	return daemon_main(argc, argv, envp);
}
