/* SPDX-License-Identifier: ISC */
#include <dirent.h>

#include "common/conf/conf.h"
#include "tests/lib/fuzz.h"

const uint8_t	*in;
size_t		 in_len;
static char	 dir[128];

uint8_t
next(void)
{
	if (in_len == 0)
		return 0;
	in_len--;
	return *in++;
}

uint32_t
next_number(void)
{
	uint32_t n = next();

	n |= (uint32_t)next() << 8;
	return n | (uint32_t)next() << 16;
}

void
next_bytes(struct buf *b, size_t n)
{
	uint8_t byte;

	for (; n > 0; n--) {
		byte = next();
		require(buf_add(b, &byte, 1) == 0);
	}
}

void *
copy_of(const void *bytes, size_t len)
{
	void *copy = malloc(len > 0 ? len : 1);

	require(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

struct conf *
fuzz_conf(const char *text)
{
	struct buf errors = { 0 };
	struct conf *conf = conf_parse("fuzz", text, strlen(text), NULL,
	    &errors);

	require(conf != NULL);
	return conf;
}

void
require_at(int truth, const char *file, int line)
{
	if (truth)
		return;
	fprintf(stderr, "%s:%d: not so\n", file, line);
	abort();
}

void
clear(int dirfd, const char *name)
{
	struct dirent *e;
	DIR *d;
	int fd;

	if (unlinkat(dirfd, name, 0) == 0)
		return;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (d = fdopendir(fd)) == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			clear(fd, e->d_name);
	closedir(d);
	(void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

static void
remove_dir(void)
{
	clear(AT_FDCWD, dir);
}

const char *
fuzz_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(dir, sizeof(dir), "%s/pkgtorrentd-fuzz.XXXXXX", tmp);
	require(mkdtemp(dir) != NULL);
	(void)atexit(remove_dir);
	return dir;
}

int
count_descriptors(int below)
{
	int fd, n = 0;

	for (fd = 0; fd < below; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}
