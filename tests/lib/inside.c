/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <grp.h>
#include <pwd.h>
#include <seccomp.h>

#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "tests/lib/inside.h"
#include "tests/lib/test.h"

char	world[64];
char	secret[96];
int	listener = -1;
struct sockaddr_in goal;

static int	goal_fd = -1;

const struct passwd *
nobody(void)
{
	const struct passwd *pw = getpwnam("nobody");

	ATF_REQUIRE(pw != NULL);
	return pw;
}

static void
make_file(const char *name, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", world, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
	ATF_REQUIRE_MSG(fd != -1, "%s: %s", path, strerror(errno));
	ATF_REQUIRE_EQ(4, write(fd, "text", 4));
	close(fd);
}

static void
make_dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", world, name);
	ATF_REQUIRE_MSG(mkdir(path, 0755) == 0, "%s: %s", path,
	    strerror(errno));
}

static void
give_to_nobody(const char *name)
{
	if (geteuid() != 0)
		return;
	ATF_REQUIRE_EQ(0, lchown(fmt("%s/%s", world, name), nobody()->pw_uid,
	    nobody()->pw_gid));
}

static int
listen_on_loopback(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);

	*addr = (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)addr, len));
	ATF_REQUIRE_EQ(0, listen(fd, 5));
	ATF_REQUIRE_EQ(0, getsockname(fd, (struct sockaddr *)addr, &len));
	return fd;
}

void
world_check_sockets(void)
{
	socklen_t len = sizeof(int);
	int value = 0;

	ATF_REQUIRE_EQ(0, getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN,
	    &value, &len));
	ATF_CHECK_EQ_MSG(1, value, "the listener does not listen any more");
	ATF_CHECK_MSG(accept(goal_fd, NULL, NULL) == -1 && errno == EAGAIN,
	    "a process in the sandbox has connected");
}

void
world_make(bool own_mirror)
{
	static const char *const files[] = {
		"file", "victim", "a", "c",
	};
	static const char *const dirs[] = { "mirror", "cache" };
	char name[64];
	bool own;
	size_t d, f;

	umask(022);
	strcpy(world, "/tmp/sandbox_test.XXXXXX");
	ATF_REQUIRE(mkdtemp(world) != NULL);
	ATF_REQUIRE_EQ(0, chmod(world, 0755));
	snprintf(secret, sizeof(secret), "%s/secret", world);
	make_file("secret", 0666);
	listener = listen_on_loopback(&goal);
	goal_fd = listen_on_loopback(&goal);
	for (d = 0; d < 2; d++) {
		own = d == 1 || own_mirror;
		make_dir(dirs[d]);
		if (own)
			give_to_nobody(dirs[d]);
		snprintf(name, sizeof(name), "%s/sub", dirs[d]);
		make_dir(name);
		if (own)
			give_to_nobody(name);
		for (f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
			snprintf(name, sizeof(name), "%s/%s", dirs[d],
			    files[f]);
			make_file(name, 0644);
			if (own)
				give_to_nobody(name);
		}
		snprintf(name, sizeof(name), "%s/%s/link", world, dirs[d]);
		ATF_REQUIRE_EQ(0, symlink("../secret", name));
	}
}

void
world_remove(void)
{
	world_check_sockets();
	close(listener);
	close(goal_fd);
	ATF_CHECK_EQ(0, system(fmt("rm -rf %s", world)));
}

/* Makes the kernel look older than it is. */
static void
lack_call(const char *name, int error)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int nr = seccomp_syscall_resolve_name(name);

	if (ctx == NULL || nr == __NR_SCMP_ERROR ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(error), nr, 0) != 0 ||
	    seccomp_load(ctx) != 0)
		_exit(99);
	seccomp_release(ctx);
}

/* Becomes an ordinary user, if it is root that runs the test. */
static void
become_nobody(void)
{
	const struct passwd *pw = getpwnam("nobody");

	if (geteuid() == 0 && (pw == NULL || setgroups(0, NULL) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1))
		_exit(99);
	/* As if it had logged in so. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* In the new process: enter, and say so. */
static int
enter(const struct entry *e, struct channel *ch)
{
	struct sandbox sb = {
		.role = e->role, .privileged = e->root, .strict = e->strict,
		.user = e->user, .channel_fd = ch->fd, .max_data = 1U << 30,
	};
	struct msg_ready ready = { 0 };
	char layers[1025], dir[128];
	int dirfd;

	log_open_child(ch);
	/* Root's children have no more than the parent kept. */
	if (e->root)
		sandbox_enter_parent(layers, sizeof(layers));
	else
		become_nobody();
	if (e->without != NULL)
		lack_call(e->without, e->without_errno);
	if (e->role == ROLE_WALKER || e->role == ROLE_CACHE) {
		snprintf(dir, sizeof(dir), "%s/%s", world,
		    e->dir != NULL ? e->dir :
		    e->role == ROLE_WALKER ? "mirror" : "cache");
		sb.dir = dir;
	}
	sandbox_enter(&sb, &dirfd, layers, sizeof(layers));
	if (msg_send(ch, MSG_READY, &ready, layers, strlen(layers), NULL,
	    0) == -1)
		_exit(98);
	return dirfd;
}

void
inside_start(struct inside *in, const struct entry *e,
    int (*attempt)(const void *, int dirfd, int file_fd), const void *arg)
{
	struct channel ch = { .self = e->role, .peer = ROLE_PARENT };
	struct pollfd pfd;
	int fds[2], file_fd, dirfd;

	memset(in, 0, sizeof(*in));
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	file_fd = open(secret, O_RDWR | O_CLOEXEC);
	ATF_REQUIRE(file_fd != -1);
	in->channel = (struct channel){ .fd = fds[0], .self = ROLE_PARENT,
	    .peer = e->role };
	in->pid = fork();
	ATF_REQUIRE(in->pid != -1);
	if (in->pid == 0) {
		close(fds[0]);
		ch.fd = fds[1];
		dirfd = enter(e, &ch);
		if (attempt != NULL)
			_exit(attempt(arg, dirfd, file_fd));
		pfd = (struct pollfd){ .fd = ch.fd, .events = POLLIN };
		poll(&pfd, 1, -1);
		_exit(0);
	}
	close(fds[1]);
	close(file_fd);
}

bool
inside_take_message(struct inside *in)
{
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct pollfd pfd = { .fd = in->channel.fd, .events = POLLIN };
	struct msg msg;
	struct msg_wrong wrong;
	size_t len;

	ATF_REQUIRE_MSG(poll(&pfd, 1, 60 * 1000) == 1, "nothing happens");
	if (msg_recv(&in->channel, buf, &msg, &wrong) != MSG_GOT)
		return false;
	if (msg.type == MSG_READY)
		snprintf(in->layers, sizeof(in->layers), "%.*s",
		    (int)msg.tail_len, (const char *)msg.tail);
	if (msg.type == MSG_SYSCALL)
		memcpy(&in->stopped, msg.body, sizeof(in->stopped));
	len = strlen(in->log);
	if (msg.type == MSG_LOG)
		snprintf(in->log + len, sizeof(in->log) - len, "%.*s\n",
		    (int)msg.tail_len, (const char *)msg.tail);
	return true;
}

void
inside_finish(struct inside *in)
{
	/* Half closed: it sees the end and we still see its last words. */
	shutdown(in->channel.fd, SHUT_WR);
	while (inside_take_message(in))
		continue;
	ATF_REQUIRE_EQ(in->pid, waitpid(in->pid, &in->status, 0));
	close(in->channel.fd);
}

int
landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

