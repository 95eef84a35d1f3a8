/* SPDX-License-Identifier: ISC */
#include "common/buf.h"
#include "tests/lib/malformed.h"
#include "tests/lib/test.h"

#define TEXTS_MAX	20
#define ROWS_MAX	1000
#define LINE_MAX_LEN	1024

static struct malformed	texts[TEXTS_MAX], rows[ROWS_MAX];
static size_t		ntexts, nrows;

static void	expand(struct buf *, const char *text, size_t len);

/* {NAME}, or {99 TEXT}. */
static void
expand_braces(struct buf *b, const char *text, size_t len)
{
	unsigned long times;
	char *rest;
	size_t i;

	times = strtoul(text, &rest, 10);
	if (rest != text) {
		ATF_REQUIRE(*rest++ == ' ');
		for (; times > 0; times--)
			expand(b, rest, len - (size_t)(rest - text));
		return;
	}
	for (i = 0; i < ntexts; i++)
		if (strlen(texts[i].name) == len &&
		    memcmp(texts[i].name, text, len) == 0)
			break;
	ATF_REQUIRE_MSG(i < ntexts, "no {%.*s}", (int)len, text);
	ATF_REQUIRE_EQ(0, buf_add(b, texts[i].bytes, texts[i].len));
}

/* Of the text behind a backslash; returns its length. */
static size_t
expand_escape(struct buf *b, const char *text)
{
	static const char names[] = "nrt\\", bytes[] = "\n\r\t\\";
	const char *name = strchr(names, *text);
	unsigned int byte;
	char c;

	if (*text == 'x') {
		ATF_REQUIRE_EQ(1, sscanf(text + 1, "%2x", &byte));
		c = (char)byte;
		ATF_REQUIRE_EQ(0, buf_add(b, &c, 1));
		return 3;
	}
	ATF_REQUIRE_MSG(name != NULL, "\\%c", *text);
	ATF_REQUIRE_EQ(0, buf_add(b, &bytes[name - names], 1));
	return 1;
}

static void
expand(struct buf *b, const char *text, size_t len)
{
	const char *end = text + len, *brace;

	while (text < end)
		switch (*text) {
		case '~':
			ATF_REQUIRE_EQ(0, buf_add(b, "\r\n", 2));
			text++;
			break;
		case '\\':
			text += 1 + expand_escape(b, text + 1);
			break;
		case '{':
			brace = memchr(text, '}', (size_t)(end - text));
			ATF_REQUIRE(brace != NULL);
			expand_braces(b, text + 1, (size_t)(brace - text) - 1);
			text = brace + 1;
			break;
		default:
			ATF_REQUIRE_EQ(0, buf_add(b, text++, 1));
		}
}

size_t
malformed_read(const char *path, const struct malformed **requests)
{
	char line[LINE_MAX_LEN], name[32];
	struct buf b = { 0 };
	struct malformed *m;
	int at, status;
	FILE *f;

	ATF_REQUIRE_MSG((f = fopen(path, "r")) != NULL, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		status = at = 0;
		if (sscanf(line, "%31[A-Z0-9] =%n", name, &at) == 1 && at > 0)
			m = &texts[ntexts++];
		else {
			ATF_REQUIRE_EQ_MSG(2, sscanf(line, "%d %31s%n",
			    &status, name, &at), "%s", line);
			m = &rows[nrows++];
		}
		ATF_REQUIRE(ntexts < TEXTS_MAX && nrows < ROWS_MAX);
		ATF_REQUIRE_MSG(line[at] == ' ', "%s", line);
		expand(&b, line + at + 1, strlen(line + at + 1));
		*m = (struct malformed){ .bytes = (char *)b.data,
		    .len = b.len, .status = status };
		memcpy(m->name, name, sizeof(name));
		b = (struct buf){ 0 };
	}
	fclose(f);
	*requests = rows;
	return nrows;
}
