/* SPDX-License-Identifier: ISC */
/*
 * The sandbox's own report, and its conduct where a layer cannot be had; the
 * attempts that it stops are in probe_test.c.
 */
#include <sys/prctl.h>
#include <sys/un.h>

#include <linux/capability.h>

#include <inttypes.h>
#include <seccomp.h>

#include "common/sandbox/sandbox.h"
#include "tests/lib/inside.h"
#include "tests/lib/test.h"

static const enum role roles[] = {
	ROLE_FRONT, ROLE_WALKER, ROLE_HASHER, ROLE_CACHE, ROLE_TRACKER,
};

#define NROLES	(sizeof(roles) / sizeof(roles[0]))

static void
read_file(pid_t pid, const char *name, char *text, size_t size)
{
	const char *path = fmt("/proc/%d/%s", (int)pid, name);
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY);
	ATF_REQUIRE_MSG(fd != -1, "%s: %s", path, strerror(errno));
	n = read(fd, text, size - 1);
	ATF_REQUIRE(n > 0);
	text[n] = '\0';
	close(fd);
}

/* A line of /proc/PID/status or limits, its blanks made one; "" if none. */
static const char *
proc_line(pid_t pid, const char *name, const char *key)
{
	static char line[256];
	char text[8192], *at;
	size_t i, n = 0;

	read_file(pid, name, text, sizeof(text));
	at = strstr(text, key);
	line[0] = '\0';
	if (at == NULL)
		return line;
	at += strlen(key);
	at += strspn(at, " \t");
	for (i = 0; at[i] != '\0' && at[i] != '\n' &&
	    n < sizeof(line) - 1; i++) {
		if (at[i] == '\t' || (at[i] == ' ' &&
		    (at[i + 1] == ' ' || at[i + 1] == '\n')))
			at[i] = ' ';
		if (at[i] != ' ' || at[i + 1] != ' ')
			line[n++] = at[i];
	}
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
	return line;
}

static void
check_line(const struct inside *in, const char *name, const char *key,
    const char *expected)
{
	const char *line = proc_line(in->pid, name, key);

	ATF_CHECK_MSG(strcmp(line, expected) == 0,
	    "%s: %s is \"%s\", not \"%s\"", role_name(in->channel.peer), key,
	    line, expected);
}

/* Goes in and waits until it has, or has ended. */
static void
go_in(struct inside *in, const struct entry *e)
{
	inside_start(in, e, NULL, NULL);
	while (in->layers[0] == '\0' && inside_take_message(in))
		continue;
}

static void
check_layers(const struct inside *in, const char *first)
{
	ATF_CHECK_STREQ(fmt("%scaps,nnp,landlock=%d,seccomp,limits", first,
	    landlock_abi()), in->layers);
}

/* Started by root or not. */
static void
check_common(const struct inside *in)
{
	enum role role = in->channel.peer;
	bool writes = role == ROLE_FRONT || role == ROLE_CACHE;
	struct stat st;

	check_line(in, "status", "CapInh:", "0000000000000000");
	check_line(in, "status", "CapPrm:", "0000000000000000");
	check_line(in, "status", "CapEff:", "0000000000000000");
	check_line(in, "status", "CapAmb:", "0000000000000000");
	check_line(in, "status", "NoNewPrivs:", "1");
	check_line(in, "status", "Seccomp:", "2");
	check_line(in, "limits", "Max processes", "0 0 processes");
	check_line(in, "limits", "Max core file size", "0 0 bytes");
#ifndef SANDBOX_SANITIZED
	check_line(in, "limits", "Max data size",
	    "1073741824 1073741824 bytes");
#endif
	if (!writes)
		check_line(in, "limits", "Max file size", "0 0 bytes");
	/* A process that can be traced belongs to its user. */
	ATF_REQUIRE_EQ(0, stat(fmt("/proc/%d/status", (int)in->pid), &st));
	ATF_CHECK_EQ_MSG(0, st.st_uid, "%s is dumpable", role_name(role));
}

static struct inside in;

TEST(sandbox__nothing_left_to_user)
{
	struct entry e = { .strict = true };
	size_t i;

	if (landlock_abi() < 1)
		atf_tc_skip("no Landlock");
	world_make(false);
	for (i = 0; i < NROLES; i++) {
		e.role = roles[i];
		go_in(&in, &e);
		ATF_REQUIRE_MSG(in.layers[0] != '\0', "%s", in.log);
		check_common(&in);
		check_layers(&in, "");
		inside_finish(&in);
		ATF_CHECK_EQ_MSG(0, in.status, "%s", in.log);
	}
	world_remove();
}

TEST(sandbox__nothing_left_to_root, "require.user", "root")
{
	struct entry e = { .root = true, .strict = true, .user = "nobody" };
	char link[128];
	ssize_t n;
	size_t i;

	world_make(false);
	for (i = 0; i < NROLES; i++) {
		e.role = roles[i];
		go_in(&in, &e);
		ATF_REQUIRE_MSG(in.layers[0] != '\0', "%s", in.log);
		check_common(&in);
		if (landlock_abi() > 0)
			check_layers(&in, "chroot,user=nobody,");
		check_line(&in, "status", "CapBnd:", "0000000000000000");
		check_line(&in, "status", "Uid:", fmt("%d %d %d %d",
		    (int)nobody()->pw_uid, (int)nobody()->pw_uid,
		    (int)nobody()->pw_uid, (int)nobody()->pw_uid));
		check_line(&in, "status", "Gid:", fmt("%d %d %d %d",
		    (int)nobody()->pw_gid, (int)nobody()->pw_gid,
		    (int)nobody()->pw_gid, (int)nobody()->pw_gid));
		check_line(&in, "status", "Groups:", fmt("%d",
		    (int)nobody()->pw_gid));
		n = readlink(fmt("/proc/%d/root", (int)in.pid), link,
		    sizeof(link) - 1);
		ATF_REQUIRE(n > 0);
		link[n] = '\0';
		if (e.role == ROLE_WALKER || e.role == ROLE_CACHE)
			ATF_CHECK_MSG(strncmp(link, world, strlen(world)) ==
			    0, "root is %s", link);
		else
			ATF_CHECK_MSG(strstr(link, " (deleted)") != NULL,
			    "root is %s", link);
		inside_finish(&in);
		ATF_CHECK_EQ_MSG(0, in.status, "%s", in.log);
	}
	world_remove();
}

/* Refused at once, and the log says why. */
static void
expect_refusal(const struct entry *e, const char *why)
{
	go_in(&in, e);
	inside_finish(&in);
	ATF_CHECK_MSG(in.layers[0] == '\0', "%s went on: %s",
	    role_name(e->role), in.layers);
	ATF_CHECK_MSG(WIFEXITED(in.status) && WEXITSTATUS(in.status) == 1,
	    "%s: status %#x", role_name(e->role), in.status);
	ATF_CHECK_MSG(strstr(in.log, why) != NULL,
	    "\"%s\" is not in \"%s\"", why, in.log);
}

/* Goes on, without that layer, and the log says so. */
static void
expect_warning(const struct entry *e, const char *why, const char *layer)
{
	go_in(&in, e);
	inside_finish(&in);
	ATF_CHECK_MSG(in.layers[0] != '\0' && in.status == 0,
	    "%s ended: %s", role_name(e->role), in.log);
	ATF_CHECK_MSG(strstr(in.layers, layer) == NULL, "layers: %s",
	    in.layers);
	ATF_CHECK_MSG(strstr(in.log, why) != NULL,
	    "\"%s\" is not in \"%s\"", why, in.log);
}

TEST(sandbox__kernel_without_layers)
{
	struct entry e = { .role = ROLE_HASHER };

	world_make(false);
	e.without = "seccomp";
	e.without_errno = EINVAL;
	e.strict = true;
	if (landlock_abi() > 0)
		expect_refusal(&e, "no seccomp (Invalid argument): use a "
		    "kernel with CONFIG_SECCOMP_FILTER");
	e.strict = false;
	expect_warning(&e, "without seccomp", "seccomp");

	/* Here it is a filter that does it, on a kernel of any age. */
	e.without_errno = EPERM;
	expect_warning(&e, "without seccomp (Operation not permitted): "
	    "seccomp: a filter stops it", "seccomp");

	e.without = "landlock_create_ruleset";
	e.without_errno = ENOSYS;
	e.strict = true;
	expect_refusal(&e, "no Landlock (Function not implemented): "
	    "landlock_create_ruleset: ");
	e.without = "landlock_restrict_self";
	e.without_errno = EPERM;
	expect_refusal(&e, "no Landlock (Operation not permitted): "
	    "landlock_restrict_self: a filter stops it");
	e.without = "landlock_create_ruleset";
	e.without_errno = EINVAL;
	expect_refusal(&e, "no Landlock (Invalid argument): start as root");
	e.without_errno = EOPNOTSUPP;
	e.strict = false;
	expect_warning(&e, "without Landlock", "landlock");
	world_remove();
}

TEST(sandbox__root_without_layers, "require.user", "root")
{
	struct entry e = { .role = ROLE_WALKER, .root = true,
	    .strict = true, .user = "nobody" };

	world_make(false);
	/* Every file is held in by the chroot. */
	e.without = "landlock_create_ruleset";
	e.without_errno = ENOSYS;
	expect_warning(&e, "no Landlock", "landlock");

	e.without_errno = EPERM;
	e.without = "chroot";
	e.strict = true;
	expect_refusal(&e, "no chroot (Operation not permitted): chroot: a "
	    "filter stops it");
	e.without_errno = EINVAL;
	expect_refusal(&e, "no chroot (Invalid argument): give the parent "
	    "CAP_SYS_CHROOT");
	e.without_errno = EPERM;
	e.strict = false;
	expect_warning(&e, "without chroot", "chroot");

	/* On 32-bit machines the call of that name has 16-bit users. */
	e.without = seccomp_syscall_resolve_name("setresuid32") >= 0 ?
	    "setresuid32" : "setresuid";
	e.strict = true;
	expect_refusal(&e, "no change of user");
	e.strict = false;
	expect_warning(&e, "without change of user", "user=");

	e.without = NULL;
	e.strict = true;
	e.user = "root";
	expect_refusal(&e, "user root is root");
	e.user = "no-such-user";
	expect_refusal(&e, "no user no-such-user");
	world_remove();
}

TEST(sandbox__bad_directory)
{
	struct entry e = { .role = ROLE_CACHE, .dir = "nowhere" };

	world_make(false);
	expect_refusal(&e, "nowhere: No such file or directory");
	e.dir = "secret";
	expect_refusal(&e, "secret: Not a directory");
	world_remove();
}

/* The last thing between an old kernel's walker and open(O_TRUNC). */
TEST(sandbox__mirror_that_can_be_written, "require.user", "root")
{
	struct entry e = { .role = ROLE_WALKER, .root = true,
	    .strict = true, .user = "nobody" };
	char path[128];

	world_make(false);
	e.dir = "cache";
	expect_refusal(&e, "user nobody owns");
	e.strict = false;
	expect_warning(&e, "may write to", "nothing");
	snprintf(path, sizeof(path), "%s/mirror", world);
	ATF_REQUIRE_EQ(0, chmod(path, 0777));
	e.dir = "mirror";
	e.strict = true;
	expect_refusal(&e, "user nobody may write to");
	/* A mirror for a group that the user is not in. */
	ATF_REQUIRE_EQ(0, chmod(path, 0750));
	expect_refusal(&e, "make it readable and accessible to the user "
	    "nobody");
	/* For one that it is in: root itself could not enter without its
	   capabilities, were it not root's. */
	ATF_REQUIRE_EQ(0, chown(path, 1, nobody()->pw_gid));
	e.strict = true;
	expect_warning(&e, "", "nothing");
	world_remove();
}

/* Landlock holds by itself, if the filter should have a hole. */
static int
try_landlock(enum role role, const char *dir)
{
	int fd, dirfd = -1;

	if (dir != NULL)
		dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	if (landlock_enter(role, dirfd) <= 0)
		return 1;
	if (open(secret, O_RDONLY) != -1 || open("/", O_RDONLY) != -1 ||
	    unlink(secret) != -1 || truncate(secret, 0) != -1)
		return 2;
	if (dir == NULL)
		return 0;
	if (openat(dirfd, "../secret", O_RDONLY) != -1)
		return 3;
	fd = openat(dirfd, "file", O_RDONLY);
	if (fd == -1)
		return 4;
	if (role == ROLE_CACHE)
		return openat(dirfd, "new", O_CREAT | O_RDWR, 0600) == -1 ?
		    5 : 0;
	return openat(dirfd, "file", O_RDONLY | O_TRUNC) != -1 ||
	    openat(dirfd, "new", O_CREAT | O_RDWR, 0600) != -1 ||
	    unlinkat(dirfd, "file", 0) != -1 ? 6 : 0;
}

/* The rights of ABI 4, and the scopes of ABI 6, for every role. */
static int
try_landlock_network(enum role role)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct sockaddr_un hidden = { .sun_family = AF_UNIX,
	    .sun_path = "\0sandbox_test" };
	int abi = landlock_enter(role, -1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) != -1 ||
	    errno != EACCES)
		return 11;
	if (connect(fd, (struct sockaddr *)&goal, sizeof(goal)) != -1 ||
	    errno != EACCES)
		return 12;
	if (abi < 6)
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&hidden, sizeof(hidden)) != -1 ||
	    errno != EPERM)
		return 13;
	return kill(getppid(), 0) != -1 || errno != EPERM ? 14 : 0;
}

TEST(landlock__network)
{
	struct sockaddr_un hidden = { .sun_family = AF_UNIX,
	    .sun_path = "\0sandbox_test" };
	int fd, status;
	size_t i;
	pid_t pid;

	if (landlock_abi() < 4)
		atf_tc_skip("no Landlock, or one without network rights");
	world_make(false);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)&hidden,
	    sizeof(hidden)));
	ATF_REQUIRE_EQ(0, listen(fd, 5));
	for (i = 0; i < NROLES; i++) {
		pid = fork();
		ATF_REQUIRE(pid != -1);
		if (pid == 0) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
				_exit(90);
			_exit(try_landlock_network(roles[i]));
		}
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "%s: step %d", role_name(roles[i]), WEXITSTATUS(status));
	}
	close(fd);
	world_remove();
}

TEST(landlock__alone)
{
	char dir[128];
	int status;
	size_t i;
	pid_t pid;

	if (landlock_abi() < 3)
		atf_tc_skip("no Landlock, or one before truncate(2)");
	world_make(false);
	for (i = 0; i < NROLES; i++) {
		snprintf(dir, sizeof(dir), "%s/%s", world,
		    roles[i] == ROLE_CACHE ? "cache" : "mirror");
		pid = fork();
		ATF_REQUIRE(pid != -1);
		if (pid == 0) {
			/* As root without capabilities, Landlock's refusal
			   is seen. */
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
				_exit(90);
			_exit(try_landlock(roles[i],
			    roles[i] == ROLE_WALKER ||
			    roles[i] == ROLE_CACHE ? dir : NULL));
		}
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "%s: step %d", role_name(roles[i]), WEXITSTATUS(status));
	}
	world_remove();
}

TEST(sandbox__parent_keeps_little, "require.user", "root")
{
	uint64_t keep = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID |
	    1ULL << CAP_SYS_CHROOT | 1ULL << CAP_KILL |
	    1ULL << CAP_NET_BIND_SERVICE | 1ULL << CAP_SETPCAP;
	static const char *const sets[] = {
		"CapPrm:", "CapEff:", "CapBnd:",
	};
	char layers[64], expected[32], text[4096], line[64];
	int fds[2], status;
	size_t i;
	ssize_t n;
	pid_t pid;

	ATF_REQUIRE_EQ(0, pipe(fds));
	pid = fork();
	ATF_REQUIRE(pid != -1);
	if (pid == 0) {
		sandbox_enter_parent(layers, sizeof(layers));
		/* Executed programs get the same. */
		dup2(fds[1], STDOUT_FILENO);
		execlp("cat", "cat", "/proc/self/status", (char *)NULL);
		_exit(1);
	}
	close(fds[1]);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	n = read(fds[0], text, sizeof(text) - 1);
	ATF_REQUIRE(n > 0);
	text[n] = '\0';
	snprintf(expected, sizeof(expected), "%016" PRIx64, keep);
	for (i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "%s\t%s\n", sets[i], expected);
		ATF_CHECK_MSG(strstr(text, line) != NULL, "not %s in\n%s",
		    line, text);
	}
	ATF_CHECK(strstr(text, "NoNewPrivs:\t1\n") != NULL);
}
