/*
 * Values of pkgtorrentd.conf(5) that are numbers, words and strings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/keyword.h"

void
conf_format(char *out, size_t outlen, const struct unit *units, uint64_t n)
{
	const struct unit *u, *best = NULL;

	for (u = units; u->suffix != 0; u++)
		if (n >= u->factor && n % u->factor == 0)
			best = u;
	if (best != NULL)
		snprintf(out, outlen, "%llu%c",
		    (unsigned long long)(n / best->factor), best->suffix);
	else
		snprintf(out, outlen, "%llu", (unsigned long long)n);
}

const char *
conf_word_at(const char *words, size_t n, size_t *len)
{
	for (; n > 0; n--) {
		words += strcspn(words, "|");
		if (*words++ == '\0')
			return NULL;
	}
	*len = strcspn(words, "|");
	return words;
}

int
conf_word_find(const char *words, const char *word, size_t len)
{
	const char *w;
	size_t n, wlen;

	for (n = 0; (w = conf_word_at(words, n, &wlen)) != NULL; n++)
		if (wlen > 0 && wlen == len && memcmp(w, word, len) == 0)
			return (int)n;
	return -1;
}

/* "a, b or c"; what an empty place in words numbers has no name. */
static void
expected_words(const char *words, char *out, size_t outlen)
{
	const char *w, *sep = "";
	size_t n, len, used = 0;

	for (n = 0; (w = conf_word_at(words, n, &len)) != NULL; n++) {
		if (len == 0 || used >= outlen)
			continue;
		used += (size_t)snprintf(out + used, outlen - used, "%s%.*s",
		    sep, (int)len, w);
		sep = strchr(w + len + (w[len] != '\0'), '|') != NULL ?
		    ", " : " or ";
	}
}

void
conf_expected(const struct keyword *kw, char *out, size_t outlen)
{
	char min[32], max[32];

	if (kw->words != NULL)
		expected_words(kw->words, out, outlen);
	else if (kw->what != NULL)
		snprintf(out, outlen, "%s", kw->what);
	else {
		conf_format(min, sizeof(min), kw->kind->units, kw->min);
		conf_format(max, sizeof(max), kw->kind->units, kw->max);
		snprintf(out, outlen, "%s from %s to %s", kw->kind->noun,
		    min, max);
	}
}

/* A number, and at most one letter of a unit in either case. */
static const char *
read_number(const char *word, const struct keyword *kw, uint64_t *out)
{
	const struct unit *u;
	size_t digits = strspn(word, "0123456789");
	uint64_t factor = 0;

	if (digits == 0)
		return "not a number";
	if (word[digits] == '\0')
		factor = 1;
	else if (word[digits + 1] == '\0')
		for (u = kw->kind->units; u->suffix != 0; u++)
			if ((word[digits] | 0x20) == (u->suffix | 0x20))
				factor = u->factor;
	if (factor == 0)
		return kw->kind->units->suffix == 0 ? "not a whole number" :
		    "not a whole number with one unit";
	/* 18 digits cannot overflow strtoull(3). */
	if (digits > 18)
		return "too large";
	*out = strtoull(word, NULL, 10);
	if (*out > kw->max / factor)
		return "too large";
	*out *= factor;
	return *out < kw->min ? "too small" : NULL;
}

const char *
conf_parse_number(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *problem;
	uint64_t n;

	if ((problem = read_number(args->words.v[0], kw, &n)) != NULL)
		return problem;
	if (kw->kind->width == 4)
		*CONF_FIELD(uint32_t, conf, kw) =
		    (uint32_t)(n * kw->kind->scale);
	else
		*CONF_FIELD(uint64_t, conf, kw) = n * kw->kind->scale;
	return NULL;
}

const char *
conf_parse_piece_len(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *problem;

	problem = conf_parse_number(conf, kw, args);
	if (problem == NULL && (conf->piece_len & (conf->piece_len - 1)) != 0)
		problem = "not a power of two";
	return problem;
}

const char *
conf_parse_flag(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *word = args->words.v[0];
	int n = conf_word_find(kw->words, word, strlen(word));

	if (n == -1)
		return "not known";
	*CONF_FIELD(bool, conf, kw) = n;
	return NULL;
}

const char *
conf_parse_choice(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *word = args->words.v[0];
	int n = conf_word_find(kw->words, word, strlen(word));

	if (n == -1)
		return "not known";
	*CONF_FIELD(int, conf, kw) = n;
	return NULL;
}

const char *
conf_parse_string(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	char **field = CONF_FIELD(char *, conf, kw);
	const char *problem;

	if ((problem = kw->check(args->words.v[0])) != NULL)
		return problem;
	*field = strdup(args->words.v[0]);
	return *field != NULL ? NULL : "out of memory";
}

void
conf_reset_string(struct conf *conf, const struct keyword *kw)
{
	char **field = CONF_FIELD(char *, conf, kw);

	free(*field);
	*field = NULL;
}

const char *
conf_parse_strings(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	struct strings *list = CONF_FIELD(struct strings, conf, kw);
	char *word = args->words.v[0];
	const char *problem;
	size_t i;

	if ((problem = kw->check(word)) != NULL)
		return problem;
	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i], word) == 0)
			return "given twice";
	if (list->n >= kw->max)
		return "too many of them";
	return strings_add(list, word) == 0 ? NULL : "out of memory";
}

void
conf_reset_strings(struct conf *conf, const struct keyword *kw)
{
	strings_free(CONF_FIELD(struct strings, conf, kw));
}

/* "user NAME" is kept in the parent's place until fill_users(). */
const char *
conf_parse_user(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *name = args->words.v[args->words.n - 1];
	enum role role = ROLE_PARENT;

	(void)kw;
	if (args->words.n == 2) {
		for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
			if (strcmp(args->words.v[0], role_name(role)) == 0)
				break;
		if (role == ROLE_COUNT)
			return "not a role";
	}
	args->bad = name;
	if (name[0] == '\0' || strlen(name) > 255 ||
	    strpbrk(name, " \t:/") != NULL)
		return "not a user name";
	if (conf->user[role] != NULL)
		return "given twice for this role";
	conf->user[role] = strdup(name);
	return conf->user[role] != NULL ? NULL : "out of memory";
}

void
conf_reset_user(struct conf *conf, const struct keyword *kw)
{
	enum role role;

	(void)kw;
	for (role = ROLE_PARENT; role < ROLE_COUNT; role++) {
		free(conf->user[role]);
		conf->user[role] = NULL;
	}
}

const char *
conf_parse_access_log(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	char *word = args->words.v[0];
	const char *problem;
	int n = conf_word_find("no|yes", word, strlen(word));

	(void)kw;
	if (n != -1) {
		conf->access_log = n ? ACCESS_LOG_YES : ACCESS_LOG_NO;
		return NULL;
	}
	if ((problem = conf_check_path(word)) != NULL)
		return problem;
	conf->access_log = ACCESS_LOG_FILE;
	conf->access_log_file = strdup(word);
	return conf->access_log_file != NULL ? NULL : "out of memory";
}

void
conf_reset_access_log(struct conf *conf, const struct keyword *kw)
{
	(void)kw;
	free(conf->access_log_file);
	conf->access_log_file = NULL;
}
