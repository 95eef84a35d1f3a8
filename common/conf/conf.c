/* SPDX-License-Identifier: ISC */
/*
 * The parser of pkgtorrentd.conf(5): lines, words, keywords, repetitions and
 * complaints.  table.c has the keywords, and the types know their values.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf/keyword.h"
#include "common/log.h"

/* The file may be an image by mistake: do not complain of every line. */
#define COMPLAINTS_MAX	1000
#define QUOTE_LEN	160

struct reader {
	struct conf	*conf;
	struct buf	*errors;
	const char	*file;
	unsigned	 line;
	const char	*override;		/* an argument of -o; NULL: in
						   the file */
	unsigned	 complaints;
	unsigned	 seen_line[CONF_KEYWORDS_MAX];
	bool		 seen[CONF_KEYWORDS_MAX];
	bool		 overridden[CONF_KEYWORDS_MAX];
};

static void
complain(struct reader *r, const char *fmt, ...)
    __attribute__((__format__(printf, 2, 3)));

static void
complain(struct reader *r, const char *fmt, ...)
{
	char quote[QUOTE_LEN], text[4 * QUOTE_LEN];
	va_list ap;

	if (r->complaints++ >= COMPLAINTS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* If this fails the complaint still counts, so the configuration is
	   refused. */
	if (r->override != NULL)
		(void)buf_addf(r->errors, "-o \"%s\": %s\n", log_escape(quote,
		    sizeof(quote), r->override, strlen(r->override)), text);
	else if (r->line > 0)
		(void)buf_addf(r->errors, "%s:%u: %s\n", r->file, r->line,
		    text);
	else
		(void)buf_addf(r->errors, "%s: %s\n", r->file, text);
}

static void
expected(const struct keyword *kw, char *out, size_t outlen)
{
	if (kw->type->expect != NULL)
		kw->type->expect(kw, out, outlen);
	else
		strlcpy(out, kw->rule != NULL ? kw->rule->expected :
		    kw->expected, outlen);
}

static void
complain_value(struct reader *r, const struct keyword *kw,
    const struct args *args, const char *problem)
{
	char quote[QUOTE_LEN], wanted[QUOTE_LEN];
	size_t len = args->bad != NULL ? strlen(args->bad) : 0;

	log_escape(quote, sizeof(quote), args->bad, len);
	expected(kw, wanted, sizeof(wanted));
	complain(r, "%s \"%s\": %s; expected %s", kw->name, quote, problem,
	    wanted);
}

static void
complain_unknown(struct reader *r, const char *name)
{
	char quote[QUOTE_LEN];

	log_escape(quote, sizeof(quote), name, strlen(name));
	complain(r, "unknown keyword \"%s\"; expected %s", quote,
	    strchr(name, '=') == NULL ? "one of pkgtorrentd.conf(5)" :
	    "a blank, not =, between keyword and argument");
}

/*
 * Split a line into words as sshd_config(5) does: blanks separate words, # at
 * the beginning of a word ends the line, "" quote blanks, and within "" \" and
 * \\ stand for " and \.
 */
static const char *
line_split(const char *p, struct strings *words)
{
	char *word, *out;
	const char *problem = NULL;
	bool quoted;

	if ((word = malloc(strlen(p) + 1)) == NULL)
		return "out of memory";
	for (;;) {
		p += strspn(p, " \t");
		if (*p == '\0' || *p == '#')
			break;
		out = word;
		for (quoted = false; *p != '\0'; p++) {
			if (!quoted && (*p == ' ' || *p == '\t'))
				break;
			if (*p == '"') {
				quoted = !quoted;
				continue;
			}
			if (quoted && *p == '\\' &&
			    (p[1] == '"' || p[1] == '\\'))
				p++;
			*out++ = *p;
		}
		*out = '\0';
		if (quoted)
			problem = "no closing \"";
		else if (strings_add(words, word) == -1)
			problem = "out of memory";
		if (problem != NULL)
			break;
	}
	free(word);
	return problem;
}

/* Keywords may be in upper or lower case, as in sshd_config(5). */
static const struct keyword *
find_keyword(const char *name, size_t *index)
{
	const struct keyword *kw;

	for (kw = conf_keywords; kw->name != NULL; kw++)
		if (strcasecmp(name, kw->name) == 0) {
			*index = (size_t)(kw - conf_keywords);
			return kw;
		}
	return NULL;
}

/* Returns 0, or -1 for a keyword that must not repeat.  The first -o of a
   keyword clears the values from the file, because -o replaces them. */
static int
note_keyword(struct reader *r, const struct keyword *kw, size_t i)
{
	if (r->override != NULL && !r->overridden[i]) {
		r->overridden[i] = true;
		if (kw->type->reset != NULL)
			kw->type->reset(r->conf, kw);
		return 0;
	}
	if (r->override == NULL && !r->seen[i]) {
		r->seen[i] = true;
		r->seen_line[i] = r->line;
		return 0;
	}
	if (kw->type->repeats)
		return 0;
	if (r->override != NULL)
		complain(r, "%s: given by -o already; expected it once",
		    kw->name);
	else
		complain(r, "%s: given in line %u already; expected it once",
		    kw->name, r->seen_line[i]);
	return -1;
}

static void
read_words(struct reader *r, struct strings *words)
{
	const struct keyword *kw;
	struct args args = { .words = { words->v + 1, words->n - 1 } };
	const char *problem;
	char wanted[QUOTE_LEN];
	size_t i;

	if ((kw = find_keyword(words->v[0], &i)) == NULL) {
		complain_unknown(r, words->v[0]);
		return;
	}
	if (note_keyword(r, kw, i) == -1)
		return;
	expected(kw, wanted, sizeof(wanted));
	if (args.words.n == 0) {
		complain(r, "%s: no argument; expected %s", kw->name, wanted);
		return;
	}
	if (args.words.n > kw->type->args_max) {
		args.bad = args.words.v[kw->type->args_max];
		complain_value(r, kw, &args, "one argument too many");
		return;
	}
	args.bad = args.words.v[0];
	problem = kw->type->parse(r->conf, kw, &args);
	if (problem != NULL)
		complain_value(r, kw, &args, problem);
}

static void
read_line(struct reader *r, const char *text, size_t len)
{
	struct strings words = { 0 };
	const char *problem;
	char *line;
	size_t i;

	for (i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') ||
		    text[i] == 0x7f) {
			complain(r, "control byte 0x%02x; expected plain text "
			    "with Unix line ends", (unsigned char)text[i]);
			return;
		}
	if ((line = strndup(text, len)) == NULL) {
		complain(r, "out of memory");
		return;
	}
	if ((problem = line_split(line, &words)) != NULL)
		complain(r, "%s", problem);
	else if (words.n > 0)
		read_words(r, &words);
	else if (r->override != NULL)
		complain(r, "empty; expected keyword and argument");
	strings_free(&words);
	free(line);
}

static void
read_text(struct reader *r, const char *text, size_t len)
{
	const char *eol;
	size_t n;

	while (len > 0) {
		r->line++;
		eol = memchr(text, '\n', len);
		n = eol != NULL ? (size_t)(eol - text) : len;
		read_line(r, text, n);
		n += eol != NULL;
		text += n;
		len -= n;
	}
	r->line = 0;
}

/* Count the CPUs that this process may run on, as nproc(1) does; a cgroup or
   taskset(1) may exclude others. */
static uint32_t
count_cpus(uint32_t max)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) == -1)
		return max;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : (uint32_t)n < max ? (uint32_t)n : max;
}

/* user[ROLE_PARENT] has the user of "user NAME", for every role. */
static void
fill_users(struct reader *r)
{
	char **user = r->conf->user;
	enum role role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		if (user[role] != NULL)
			continue;
		user[role] = strdup(user[ROLE_PARENT] != NULL ?
		    user[ROLE_PARENT] : CONF_USER);
		if (user[role] == NULL)
			complain(r, "out of memory");
	}
	free(user[ROLE_PARENT]);
	user[ROLE_PARENT] = NULL;
}

static void
fill_defaults(struct reader *r)
{
	const struct keyword *kw;
	struct buf line = { 0 };
	const char *p;
	size_t i, len;

	for (i = 0; (kw = &conf_keywords[i])->name != NULL; i++) {
		if (r->seen[i] || r->overridden[i] || kw->fallback == NULL)
			continue;
		for (p = kw->fallback; *p != '\0'; p += len + (p[len] != 0)) {
			len = strcspn(p, "\n");
			line.len = 0;
			if (buf_addf(&line, "%s %.*s", kw->name, (int)len,
			    p) == -1)
				complain(r, "out of memory");
			else
				read_line(r, (char *)line.data, line.len);
		}
	}
	buf_free(&line);
	if (r->conf->hashers == 0)
		r->conf->hashers = count_cpus(64);
	fill_users(r);
}

/* The parent sends the text of conf_print() to its children. */
static void
check_printed(struct reader *r)
{
	struct buf text = { 0 };

	if (conf_print(r->conf, &text) == -1)
		complain(r, "out of memory");
	else if (text.len > CONF_TEXT_MAX)
		complain(r, "longer than 1M when written in full");
	buf_free(&text);
}

static void
read_all(struct reader *r, const char *text, size_t len,
    const struct strings *overrides)
{
	size_t i;

	if (len > CONF_TEXT_MAX) {
		complain(r, "%zu bytes long; expected at most 1M", len);
		return;
	}
	read_text(r, text, len);
	for (i = 0; overrides != NULL && i < overrides->n; i++) {
		r->override = overrides->v[i];
		read_line(r, r->override, strlen(r->override));
	}
	r->override = NULL;
	fill_defaults(r);
	if (find_keyword("root", &i) != NULL && !r->seen[i] &&
	    !r->overridden[i])
		complain(r, "root: not set; expected root DIRECTORY, the "
		    "mirror's document root");
	if (r->complaints == 0)
		check_printed(r);
	if (r->complaints > COMPLAINTS_MAX)
		(void)buf_addf(r->errors, "%s: and %u more\n", r->file,
		    r->complaints - COMPLAINTS_MAX);
}

struct conf *
conf_parse(const char *file, const char *text, size_t len,
    const struct strings *overrides, struct buf *errors)
{
	struct reader r = { .file = file, .errors = errors };

	if ((r.conf = calloc(1, sizeof(*r.conf))) == NULL)
		return NULL;
	read_all(&r, text, len, overrides);
	if (r.complaints > 0) {
		conf_free(r.conf);
		return NULL;
	}
	return r.conf;
}

void
conf_free(struct conf *conf)
{
	const struct keyword *kw;

	if (conf == NULL)
		return;
	for (kw = conf_keywords; kw->name != NULL; kw++)
		if (kw->type->reset != NULL)
			kw->type->reset(conf, kw);
	free(conf);
}

int
conf_print(const struct conf *conf, struct buf *out)
{
	const struct keyword *kw;

	for (kw = conf_keywords; kw->name != NULL; kw++)
		if (kw->type->print(conf, kw, out) == -1)
			return -1;
	return 0;
}

uint32_t
conf_piece_len(const struct conf *conf, enum piece_kind kind)
{
	switch (kind) {
	case PIECE_AUTO:
		return 0;
	case PIECE_SIMPLE:
		return conf->simple_piece_len;
	default:
		return conf->piece_len;
	}
}

/* One kind for one length, so that requests share torrents. */
enum piece_kind
conf_simple_kind(const struct conf *conf)
{
	if (conf->simple_piece_len == 0)
		return PIECE_AUTO;
	return conf->simple_piece_len == conf->piece_len ? PIECE_LENGTH :
	    PIECE_SIMPLE;
}

bool
conf_key_in_cache(const struct conf *conf)
{
	size_t len = strlen(conf->cache);
	const char *key = conf->tracker_key;

	if (conf->tracker == TRACKER_NO)
		return false;
	return key == NULL || (strncmp(key, conf->cache, len) == 0 &&
	    key[len] == '/' && strcmp(key + len + 1, CONF_KEY_NAME) == 0);
}

bool
conf_same_params(const struct conf *a, const struct conf *b)
{
	size_t i;

	if (a->piece_len != b->piece_len ||
	    a->simple_piece_len != b->simple_piece_len ||
	    a->padding_attr != b->padding_attr ||
	    strcmp(a->service, b->service) != 0 || a->deny.n != b->deny.n)
		return false;
	for (i = 0; i < a->deny.n; i++)
		if (strcmp(a->deny.v[i], b->deny.v[i]) != 0)
			return false;
	return true;
}
