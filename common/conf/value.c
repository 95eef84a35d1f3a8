/* SPDX-License-Identifier: ISC */
/*
 * Types of pkgtorrentd.conf(5) that are numbers, words and strings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/keyword.h"

static const struct unit no_units[] = { { 0, 0 } };
static const struct unit size_units[] = {
	{ 'K', 1ULL << 10 }, { 'M', 1ULL << 20 }, { 'G', 1ULL << 30 },
	{ 'T', 1ULL << 40 }, { 0, 0 }
};
static const struct unit time_units[] = {
	{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 0, 0 }
};

/* Quote a word only if it would not be parsed as one word otherwise. */
static int
print_word(struct buf *out, const char *word)
{
	const char *p;

	if (word[0] != '\0' && word[0] != '#' &&
	    strpbrk(word, " \t\"") == NULL)
		return buf_addf(out, " %s", word);
	if (buf_addf(out, " \"") == -1)
		return -1;
	for (p = word; *p != '\0'; p++) {
		if ((*p == '"' || *p == '\\') && buf_add(out, "\\", 1) == -1)
			return -1;
		if (buf_add(out, p, 1) == -1)
			return -1;
	}
	return buf_add(out, "\"", 1);
}

int
conf_print_line(struct buf *out, const struct keyword *kw, const char *first,
    const char *second)
{
	if (buf_addf(out, "%s", kw->name) == -1)
		return -1;
	if (first != NULL && *first != '\0' && print_word(out, first) == -1)
		return -1;
	if (print_word(out, second) == -1)
		return -1;
	return buf_add(out, "\n", 1);
}

/* 512M, 30d, 17: with the largest unit that divides the number. */
static void
format_number(char *out, size_t outlen, const struct unit *units, uint64_t n)
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

/* A whole number, then at most one unit, in upper or lower case. */
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
		for (u = kw->type->units; u->suffix != 0; u++)
			if ((word[digits] | 0x20) == (u->suffix | 0x20))
				factor = u->factor;
	if (factor == 0)
		return kw->type->units->suffix == 0 ? "not a whole number" :
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

static const char *
number_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *problem;
	uint64_t n;

	if ((problem = read_number(args->words.v[0], kw, &n)) != NULL)
		return problem;
	if (kw->type->width == 4)
		*CONF_FIELD(uint32_t, conf, kw) =
		    (uint32_t)(n * kw->type->scale);
	else
		*CONF_FIELD(uint64_t, conf, kw) = n * kw->type->scale;
	return NULL;
}

static const char *
piece_len_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const uint32_t *field = CONF_FIELD_CONST(uint32_t, conf, kw);
	const char *problem;

	problem = number_parse(conf, kw, args);
	if (problem == NULL && (*field & (*field - 1)) != 0)
		problem = "not a power of two";
	return problem;
}

static const char *
auto_piece_len_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	if (strcmp(args->words.v[0], "auto") != 0)
		return piece_len_parse(conf, kw, args);
	*CONF_FIELD(uint32_t, conf, kw) = 0;
	return NULL;
}

/* "a size from 1M to 1P" */
static void
number_expect(const struct keyword *kw, char *out, size_t outlen)
{
	char min[32], max[32];

	format_number(min, sizeof(min), kw->type->units, kw->min);
	format_number(max, sizeof(max), kw->type->units, kw->max);
	snprintf(out, outlen, "%s from %s to %s", kw->type->noun, min, max);
}

static int
number_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	uint64_t n = kw->type->width == 4 ?
	    *CONF_FIELD_CONST(uint32_t, conf, kw) :
	    *CONF_FIELD_CONST(uint64_t, conf, kw);
	char text[32];

	format_number(text, sizeof(text), kw->type->units, n / kw->type->scale);
	return conf_print_line(out, kw, NULL, text);
}

static int
auto_piece_len_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	return *CONF_FIELD_CONST(uint32_t, conf, kw) != 0 ?
	    number_print(conf, kw, out) :
	    conf_print_line(out, kw, NULL, "auto");
}

#define NUMBER(parser, singular, unit, bytes, times) {			\
	.parse = parser, .print = number_print, .expect = number_expect, \
	.args_max = 1, .noun = singular, .units = unit, .width = bytes,	\
	.scale = times }

const struct conf_type conf_type_count = NUMBER(number_parse, "a number",
    no_units, 4, 1);
const struct conf_type conf_type_size = NUMBER(number_parse, "a size",
    size_units, 8, 1);
const struct conf_type conf_type_piece_len = NUMBER(piece_len_parse,
    "a power of two", size_units, 4, 1);
const struct conf_type conf_type_auto_piece_len = {
	.parse = auto_piece_len_parse, .print = auto_piece_len_print,
	.args_max = 1, .units = size_units, .width = 4, .scale = 1 };
const struct conf_type conf_type_time_ms = NUMBER(number_parse, "a time",
    time_units, 4, 1000);
const struct conf_type conf_type_time_s = NUMBER(number_parse, "a time",
    time_units, 8, 1);

/* The n-th word of "a|b|c" and its length; NULL after the last. */
static const char *
word_at(const char *words, size_t n, size_t *len)
{
	for (; n > 0; n--) {
		words += strcspn(words, "|");
		if (*words++ == '\0')
			return NULL;
	}
	*len = strcspn(words, "|");
	return words;
}

/* The index of a word in "a|b|c", or -1. */
static int
word_find(const char *words, const char *word, size_t len)
{
	const char *w;
	size_t n, wlen;

	for (n = 0; (w = word_at(words, n, &wlen)) != NULL; n++)
		if (wlen > 0 && wlen == len && memcmp(w, word, len) == 0)
			return (int)n;
	return -1;
}

/* "a, b or c".  An index without a word (an empty one) is not listed. */
static void
words_expect(const struct keyword *kw, char *out, size_t outlen)
{
	const char *w, *sep = "";
	size_t n, len, used = 0;

	for (n = 0; (w = word_at(kw->words, n, &len)) != NULL; n++) {
		if (len == 0 || used >= outlen)
			continue;
		used += (size_t)snprintf(out + used, outlen - used, "%s%.*s",
		    sep, (int)len, w);
		sep = strchr(w + len + (w[len] != '\0'), '|') != NULL ?
		    ", " : " or ";
	}
}

static const char *
choice_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *word = args->words.v[0];
	int n = word_find(kw->words, word, strlen(word));

	if (n == -1)
		return "not known";
	if (kw->type->width == sizeof(bool))
		*CONF_FIELD(bool, conf, kw) = n;
	else
		*CONF_FIELD(int, conf, kw) = n;
	return NULL;
}

static int
choice_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	int n = kw->type->width == sizeof(bool) ?
	    *CONF_FIELD_CONST(bool, conf, kw) :
	    *CONF_FIELD_CONST(int, conf, kw);
	size_t len = 0;
	const char *word = word_at(kw->words, (size_t)n, &len);

	return buf_addf(out, "%s %.*s\n", kw->name, (int)len, word);
}

#define CHOICE(type) {							\
	.parse = choice_parse, .print = choice_print,			\
	.expect = words_expect, .args_max = 1, .width = sizeof(type) }

const struct conf_type conf_type_flag = CHOICE(bool);
const struct conf_type conf_type_choice = CHOICE(int);

static const char *
string_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	char **field = CONF_FIELD(char *, conf, kw);
	const char *problem;

	if ((problem = kw->rule->check(args->words.v[0])) != NULL)
		return problem;
	*field = strdup(args->words.v[0]);
	return *field != NULL ? NULL : "out of memory";
}

static void
string_reset(struct conf *conf, const struct keyword *kw)
{
	char **field = CONF_FIELD(char *, conf, kw);

	free(*field);
	*field = NULL;
}

static int
string_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	const char *s = *CONF_FIELD_CONST(char *, conf, kw);

	return s != NULL ? conf_print_line(out, kw, NULL, s) : 0;
}

const struct conf_type conf_type_string = {
	.parse = string_parse, .print = string_print, .reset = string_reset,
	.args_max = 1
};

static const char *
strings_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	struct strings *list = CONF_FIELD(struct strings, conf, kw);
	char *word = args->words.v[0];
	const char *problem;
	size_t i;

	if ((problem = kw->rule->check(word)) != NULL)
		return problem;
	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i], word) == 0)
			return "given twice";
	if (list->n >= kw->max)
		return "too many of them";
	return strings_add(list, word) == 0 ? NULL : "out of memory";
}

static void
strings_reset(struct conf *conf, const struct keyword *kw)
{
	strings_free(CONF_FIELD(struct strings, conf, kw));
}

static int
strings_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	const struct strings *list = CONF_FIELD_CONST(struct strings, conf,
	    kw);
	size_t i;

	for (i = 0; i < list->n; i++)
		if (conf_print_line(out, kw, NULL, list->v[i]) == -1)
			return -1;
	return 0;
}

const struct conf_type conf_type_strings = {
	.parse = strings_parse, .print = strings_print, .reset = strings_reset,
	.args_max = 1, .repeats = true
};

/* "user NAME" is stored as the parent's user until fill_users() copies it to
   the roles that have none of their own. */
static const char *
user_parse(struct conf *conf, const struct keyword *kw,
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

static void
user_reset(struct conf *conf, const struct keyword *kw)
{
	enum role role;

	(void)kw;
	for (role = ROLE_PARENT; role < ROLE_COUNT; role++) {
		free(conf->user[role]);
		conf->user[role] = NULL;
	}
}

static int
user_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	enum role role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		if (conf_print_line(out, kw, role_name(role),
		    conf->user[role]) == -1)
			return -1;
	return 0;
}

const struct conf_type conf_type_user = {
	.parse = user_parse, .print = user_print, .reset = user_reset,
	.args_max = 2, .repeats = true
};

static const char *
access_log_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	char *word = args->words.v[0];
	const char *problem;
	int n = word_find("no|yes", word, strlen(word));

	(void)kw;
	if (n != -1) {
		conf->access_log = n ? ACCESS_LOG_YES : ACCESS_LOG_NO;
		return NULL;
	}
	if ((problem = conf_rule_path.check(word)) != NULL)
		return problem;
	conf->access_log = ACCESS_LOG_FILE;
	conf->access_log_file = strdup(word);
	return conf->access_log_file != NULL ? NULL : "out of memory";
}

static void
access_log_reset(struct conf *conf, const struct keyword *kw)
{
	(void)kw;
	free(conf->access_log_file);
	conf->access_log_file = NULL;
}

static int
access_log_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	if (conf->access_log == ACCESS_LOG_FILE)
		return conf_print_line(out, kw, NULL, conf->access_log_file);
	return conf_print_line(out, kw, NULL,
	    conf->access_log == ACCESS_LOG_YES ? "yes" : "no");
}

const struct conf_type conf_type_access_log = {
	.parse = access_log_parse, .print = access_log_print,
	.reset = access_log_reset, .args_max = 1
};
