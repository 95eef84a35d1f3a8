/*
 * Paths, patterns and roots of pkgtorrentd.conf(5).
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/keyword.h"

/* As in requests, so that no deny costs more than one of those. */
#define WILDCARDS_MAX	16

const char *
conf_check_path(char *path)
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

const char *
conf_check_component(char *name)
{
	if (name[0] == '\0' || strchr(name, '/') != NULL ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "not a single path component";
	return strlen(name) <= NAME_MAX ? NULL : "too long";
}

/* No component that a request may not have either. */
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

/* A deny that can never match would be believed to protect something. */
const char *
conf_check_pattern(char *pattern)
{
	size_t i, len, deep = 0, wildcards = 0;
	const char *problem;

	if ((problem = conf_check_path(pattern)) != NULL)
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

const char *
conf_parse_root(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	char *prefix = args->words.n == 2 ? args->words.v[0] : NULL;
	char *dir = args->words.v[args->words.n - 1];
	struct conf_root *roots, *root;
	const char *problem;
	size_t i;

	if (prefix != NULL) {
		if ((problem = conf_check_path(prefix)) != NULL)
			return problem;
		/* The root of all URLs is no prefix at all. */
		if (strcmp(prefix, "/") == 0)
			prefix = NULL;
		else if (!is_plain(prefix))
			return "has an empty, . or .. component";
	}
	args->bad = dir;
	if ((problem = conf_check_path(dir)) != NULL)
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

void
conf_reset_root(struct conf *conf, const struct keyword *kw)
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

/* Wildcards need no thought: bytes that differ from a prefix are not it. */
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
