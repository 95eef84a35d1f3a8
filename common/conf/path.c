/* SPDX-License-Identifier: ISC */
/*
 * Paths, patterns and document roots of pkgtorrentd.conf(5).
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/keyword.h"
#include "common/spec.h"

/* The limit of a request, so that matching a deny pattern costs no more. */
#define WILDCARDS_MAX	16

static const char *
check_path(char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/')
		return "not an absolute path";
	if (len > CONF_PATH_MAX)
		return "too long";
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	return NULL;
}

static const char *
check_socket(char *path)
{
	struct sockaddr_un sun;

	if (path[0] != '/')
		return "not an absolute path";
	if (path[strlen(path) - 1] == '/')
		return "a directory";
	return strlen(path) < sizeof(sun.sun_path) ? NULL :
	    "too long for a socket (107 bytes)";
}

static const char *
check_control(char *path)
{
	return strcmp(path, "auto") == 0 || strcmp(path, "none") == 0 ? NULL :
	    check_socket(path);
}

static const char *
check_component(char *name)
{
	if (name[0] == '\0' || strchr(name, '/') != NULL ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "not a single path component";
	return strlen(name) <= NAME_MAX ? NULL : "too long";
}

/* Only components that a request may have too. */
static bool
is_plain(const char *path)
{
	size_t len;

	if (*path != '/')
		return false;
	while (*path == '/') {
		path++;
		len = strcspn(path, "/");
		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len;
	}
	return true;
}

/* Refuse a pattern that can never match: the administrator would believe that
   it protects something. */
static const char *
check_pattern(char *pattern)
{
	size_t i, len, deep = 0, wildcards = 0;
	const char *problem;

	if ((problem = check_path(pattern)) != NULL)
		return problem;
	if (!is_plain(pattern))
		return "has an empty, . or .. component";
	for (; *pattern == '/'; pattern += len) {
		pattern++;
		len = strcspn(pattern, "/");
		if (len == 2 && memcmp(pattern, "**", 2) == 0) {
			deep++;
			wildcards++;
			continue;
		}
		for (i = 0; i < len; i++)
			wildcards += strchr("*?[", pattern[i]) != NULL;
	}
	if (deep > 1)
		return "more than one **";
	return wildcards <= WILDCARDS_MAX ? NULL : "more than 16 wildcards";
}

const struct conf_rule conf_rule_path = { check_path, "an absolute path" };
const struct conf_rule conf_rule_socket = { check_socket,
    "the absolute path of a Unix socket" };
const struct conf_rule conf_rule_control = { check_control,
    "auto, none or the absolute path of a Unix socket" };
const struct conf_rule conf_rule_component = { check_component,
    "a name without slashes" };
const struct conf_rule conf_rule_pattern = { check_pattern,
    "a pattern such as /private/*.iso" };

static const char *
root_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	char *prefix = args->words.n == 2 ? args->words.v[0] : NULL;
	char *dir = args->words.v[args->words.n - 1];
	struct conf_root *roots, *root;
	const char *problem;
	size_t i;

	if (prefix != NULL) {
		if ((problem = check_path(prefix)) != NULL)
			return problem;
		/* "/" is the same as no prefix. */
		if (strcmp(prefix, "/") == 0)
			prefix = NULL;
		else if (!is_plain(prefix))
			return "has an empty, . or .. component";
	}
	args->bad = dir;
	if ((problem = check_path(dir)) != NULL)
		return problem;
	args->bad = prefix != NULL ? prefix : dir;
	for (i = 0; i < conf->nroots; i++)
		if (strcmp(conf->roots[i].prefix,
		    prefix != NULL ? prefix : "") == 0)
			return prefix != NULL ? "prefix given twice" :
			    "a second document root";
	if (conf->nroots >= kw->max)
		return "too many of them";
	roots = reallocarray(conf->roots, conf->nroots + 1, sizeof(*roots));
	if (roots == NULL)
		return "out of memory";
	conf->roots = roots;
	root = &roots[conf->nroots++];
	root->prefix = strdup(prefix != NULL ? prefix : "");
	root->dir = strdup(dir);
	return root->prefix != NULL && root->dir != NULL ? NULL :
	    "out of memory";
}

static int
root_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	size_t i;

	for (i = 0; i < conf->nroots; i++)
		if (conf_print_line(out, kw, conf->roots[i].prefix,
		    conf->roots[i].dir) == -1)
			return -1;
	return 0;
}

static void
root_reset(struct conf *conf, const struct keyword *kw)
{
	size_t i;

	(void)kw;
	for (i = 0; i < conf->nroots; i++) {
		free(conf->roots[i].prefix);
		free(conf->roots[i].dir);
	}
	free(conf->roots);
	conf->roots = NULL;
	conf->nroots = 0;
}

const struct conf_type conf_type_root = {
	.parse = root_parse, .print = root_print, .reset = root_reset,
	.args_max = 2, .repeats = true
};

/* A pattern needs no special care: a wildcard in place of a prefix's byte
   differs from it. */
int
conf_root_of(const struct conf *conf, const char *path, size_t len)
{
	const struct conf_root *root;
	size_t i, n, longest = 0;
	int found = -1;

	for (i = 0; i < conf->nroots; i++) {
		root = &conf->roots[i];
		n = strlen(root->prefix);
		if (n > len || memcmp(root->prefix, path, n) != 0 ||
		    (n < len && path[n] != '/'))
			continue;
		if (found == -1 || n > longest) {
			found = (int)i;
			longest = n;
		}
	}
	return found;
}

int
conf_root_of_spec(const struct conf *conf, const void *spec, size_t len)
{
	char plain[SPEC_MAX];

	return len > sizeof(plain) ? -1 : conf_root_of(conf, plain,
	    spec_plain(spec, len, plain));
}

int
conf_find_root(const struct conf *conf, const struct conf_root *root)
{
	size_t i;

	for (i = 0; i < conf->nroots; i++)
		if (strcmp(conf->roots[i].prefix, root->prefix) == 0 &&
		    strcmp(conf->roots[i].dir, root->dir) == 0)
			return (int)i;
	return -1;
}

bool
conf_same_roots(const struct conf *a, const struct conf *b)
{
	size_t i;

	if (a->nroots != b->nroots)
		return false;
	for (i = 0; i < a->nroots; i++)
		if (conf_find_root(b, &a->roots[i]) != (int)i)
			return false;
	return true;
}
