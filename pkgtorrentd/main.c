/* SPDX-License-Identifier: ISC */
/*
 * The command: options, the check of the configuration, and going into the
 * background.  The parent starts the same program under another name as the
 * front, the cache or the tracker.
 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/parent/files.h"
#include "pkgtorrentd/parent/parent.h"

#define CONF_FILE	"/etc/pkgtorrentd.conf"

static void __attribute__((__noreturn__))
usage(void)
{
	fprintf(stderr, "usage: pkgtorrentd [-dnvV] [-f file] "
	    "[-o 'keyword argument'] ...\n");
	exit(2);
}

/*
 * Join the arguments for setproctitle(3).  libbsd ends its title with a mark at
 * the end of the first argument, and the kernel shows only the title if it
 * finds the mark at the end of the last one.
 */
static void
give_up_arguments(int argc, char *argv[], char *envp[])
{
	int	 i;

	for (i = 1; i < argc; i++)
		argv[i][-1] = ' ';
	setproctitle_init(argc, argv, envp);
}

/* A reload must find the same file although the daemon has changed to "/". */
static char *
absolute_path(const char *file)
{
	char	*cwd = NULL, *path;

	if (file[0] == '/') {
		path = strdup(file);
	} else {
		cwd = getcwd(NULL, 0);
		if (cwd == NULL || asprintf(&path, "%s/%s", cwd, file) == -1)
			path = NULL;
	}
	free(cwd);
	if (path == NULL)
		fatal("%s: %s", file, strerror(errno));
	return path;
}

/* No file that is opened later may get their numbers. */
static void
hold_standard_fds(void)
{
	int	 fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

#ifndef HASHER_PATH
#define HASHER_PATH	find_hasher()

/*
 * The other program, by its way from the directory of this one: as in the tree,
 * or as "make install" has put them.  So both can be moved.
 */
static char *
find_hasher(void)
{
	static const char	*dirs[] = { "../hasher", HASHER_DIR };
	char			 own[PATH_MAX], *path = NULL;
	char			 cause[SELFTEST_CAUSE_LEN];
	ssize_t			 n;
	size_t			 i;

	n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	if (n == -1 && errno != ENOENT)
		fatal("readlink: %s: %s", strerror(errno),
		    selftest_explain(cause, "readlink", errno));
	if (n == -1)
		fatal("/proc/self/exe: %s; mount /proc", strerror(errno));
	own[n] = '\0';
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		free(path);
		if (asprintf(&path, "%.*s/%s/pkgtorrent-hasher",
		    (int)(strrchr(own, '/') - own), own, dirs[i]) == -1)
			fatal("out of memory");
		if (access(path, F_OK) == 0)
			break;
	}
	return path;
}
#endif

static int
print_conf(const struct buf *text)
{
	if (fwrite(text->data, 1, text->len, stdout) == text->len &&
	    fflush(stdout) != EOF)
		return 0;
	perror("pkgtorrentd: standard output");
	return 1;
}

/* Wait in the foreground for the report of the service: a NUL, or an error. */
static int
wait_for_ready(int fd)
{
	char	 text[4096], line[4200];
	size_t	 len = 0;
	ssize_t	 n;
	int	 line_len;

	while (len < sizeof(text) &&
	    (n = read(fd, text + len, sizeof(text) - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			break;
		if (len > 0 && text[0] == '\0')
			return 0;
	}
	if (len > 0)
		line_len = snprintf(line, sizeof(line), "pkgtorrentd: %.*s",
		    (int)len, text);
	else
		line_len = snprintf(line, sizeof(line), "pkgtorrentd: not "
		    "started, see the log\n");
	log_print(line, (size_t)line_len);
	return 1;
}

/* Fork; the service alone returns, with a descriptor for its report. */
static int
go_background(void)
{
	int	 pipes[2], status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t	 pid;

	if (null == -1 || pipe2(pipes, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		fatal("going into the background: %s", strerror(errno));
	if (pid != 0) {
		close(pipes[1]);
		status = wait_for_ready(pipes[0]);
		log_drain();
		_exit(status);
	}
	close(pipes[0]);
	(void)setsid();
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)dup2(null, STDERR_FILENO);
	close(null);
	log_open_parent(_PATH_LOG, false);
	return pipes[1];
}

static int
serve(const struct options *opt, struct conf *conf)
{
	struct buf	 errors = { 0 };
	struct parent	*parent;
	int		 ready_fd = -1;

	parent = parent_new(opt, conf, &errors);
	if (parent == NULL) {
		log_print(errors.data, errors.len);
		buf_free(&errors);
		return 1;
	}
	if (chdir("/") == -1)
		fatal("/: %s", strerror(errno));
	if (!opt->foreground)
		ready_fd = go_background();
	setproctitle("-pkgtorrentd: parent");
	return parent_run(parent, ready_fd);
}

static int
check(const struct options *opt, struct conf *conf)
{
	struct buf	 errors = { 0 }, text = { 0 };
	struct parent	*parent;
	int		 status = 0;

	if (conf_print(conf, &text) == -1)
		fatal("out of memory");
	/* The report has only errors. */
	log_set_level(LOG_ERR);
	parent = parent_new(opt, conf, &errors);
	if (parent == NULL || parent_check(parent, &errors) == -1) {
		log_print(errors.data, errors.len);
		status = 1;
	} else if (opt->verbose)
		status = print_conf(&text);
	buf_free(&errors);
	buf_free(&text);
	return status;
}

static int
run(const struct options *opt)
{
	struct buf	 errors = { 0 };
	struct conf	*conf;

	conf = files_read_conf(opt->file, &opt->overrides, true, &errors);
	if (conf == NULL) {
		log_print(errors.data, errors.len);
		buf_free(&errors);
		return 1;
	}
	if (opt->check)
		return check(opt, conf);
	log_set_level(opt->verbose ? LOG_DEBUG : conf->log_level);
	return serve(opt, conf);
}

/* A child knows its role by its name. */
static void
run_role(const char *title)
{
	void	(*role_main)(void) __attribute__((__noreturn__)) = NULL;

	if (strcmp(title, "pkgtorrentd: front") == 0)
		role_main = front_main;
	else if (strcmp(title, "pkgtorrentd: cache") == 0)
		role_main = cache_main;
	else if (strcmp(title, "pkgtorrentd: tracker") == 0)
		role_main = tracker_main;
	if (role_main == NULL)
		return;
	/* A program that is executed by descriptor has its number as name. */
	(void)prctl(PR_SET_NAME, "pkgtorrentd", 0, 0, 0);
	role_main();
}

int
main(int argc, char *argv[], char *envp[])
{
	struct options	 opt;
	const char	*file = CONF_FILE;
	int		 ch, status;

	if (argc < 1)
		usage();
	run_role(argv[0]);
	hold_standard_fds();
	memset(&opt, 0, sizeof(opt));
	while ((ch = getopt(argc, argv, "df:no:vV")) != -1) {
		switch (ch) {
		case 'd':
			opt.foreground = true;
			break;
		case 'f':
			file = optarg;
			break;
		case 'n':
			opt.check = true;
			break;
		case 'o':
			if (strings_add(&opt.overrides, optarg) == -1)
				fatal("out of memory");
			break;
		case 'v':
			opt.verbose = true;
			break;
		case 'V':
			printf("pkgtorrentd %s\n", VERSION);
			return 0;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();

	/* With -n the caller waits for the result, so a write may block. */
	log_open_parent(NULL, opt.check);
	(void)umask(022);
	opt.file = absolute_path(file);
	opt.hasher = HASHER_PATH;
	give_up_arguments(argc, argv, envp);
	status = run(&opt);
	free(opt.file);
	strings_free(&opt.overrides);
	return status;
}
