/* SPDX-License-Identifier: ISC */
/*
 * The trackers file: announce URLs, one per line.  A bad line is skipped,
 * because a mirror works without that tracker.
 */
#include <stdio.h>
#include <string.h>

#include "common/conf/keyword.h"
#include "common/log.h"

/* A limit, because every client announces to every tracker. */
#define TRACKERS_MAX	1000
#define COMPLAINTS_MAX	100
#define QUOTE_LEN	160

struct trackers {
	const char	*file;
	struct buf	*out;
	struct buf	*errors;
	unsigned	 line;
	unsigned	 n;
	unsigned	 complaints;
};

/* Compare whole lines: a URL may be the prefix of another. */
static bool
is_known(const struct trackers *t, const char *url, size_t len)
{
	const uint8_t *p = t->out->data, *eol;
	size_t left = t->out->len;

	while (left > 0) {
		eol = memchr(p, '\n', left);
		if ((size_t)(eol - p) == len && memcmp(p, url, len) == 0)
			return true;
		left -= (size_t)(eol - p) + 1;
		p = eol + 1;
	}
	return false;
}

static const char *
check_line(const struct trackers *t, const char *text, size_t len)
{
	char url[CONF_URL_MAX + 1];
	const char *problem;

	if (len > CONF_URL_MAX)
		return "too long";
	if (memchr(text, '\0', len) != NULL)
		return "has a NUL byte";
	memcpy(url, text, len);
	url[len] = '\0';
	problem = conf_rule_announce.check(url);
	if (problem != NULL)
		return problem;
	if (is_known(t, text, len))
		return "given twice";
	return t->n < TRACKERS_MAX ? NULL : "more than 1000 trackers";
}

static int
read_line(struct trackers *t, const char *text, size_t len)
{
	char quote[QUOTE_LEN];
	const char *problem;

	while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL &&
	    text[len - 1] != '\0')
		len--;
	while (len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	if (len == 0 || *text == '#')
		return 0;
	if ((problem = check_line(t, text, len)) != NULL) {
		if (t->complaints++ >= COMPLAINTS_MAX)
			return 0;
		return buf_addf(t->errors, "%s:%u: \"%s\": %s; expected %s; "
		    "skipped\n", t->file, t->line, log_escape(quote,
		    sizeof(quote), text, len), problem,
		    conf_rule_announce.expected);
	}
	if (buf_add(t->out, text, len) == -1 ||
	    buf_add(t->out, "\n", 1) == -1)
		return -1;
	t->n++;
	return 0;
}

int
trackers_parse(const char *file, const char *text, size_t len,
    struct buf *out, struct buf *errors)
{
	struct trackers t = { .file = file, .out = out, .errors = errors };
	const char *eol;
	size_t n;

	if (len > CONF_TEXT_MAX)
		return buf_addf(errors, "%s: %zu bytes long; expected at most "
		    "1M; skipped\n", file, len);
	while (len > 0) {
		t.line++;
		eol = memchr(text, '\n', len);
		n = eol != NULL ? (size_t)(eol - text) : len;
		if (read_line(&t, text, n) == -1)
			return -1;
		n += eol != NULL;
		text += n;
		len -= n;
	}
	if (t.complaints > COMPLAINTS_MAX)
		return buf_addf(errors, "%s: and %u more bad lines\n", file,
		    t.complaints - COMPLAINTS_MAX);
	return 0;
}
