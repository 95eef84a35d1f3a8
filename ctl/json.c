/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/json.h"

static void
put_string(const char *p, size_t len)
{
	(void)putchar('"');
	for (; len > 0; p++, len--) {
		if (*p == '"' || *p == '\\')
			(void)putchar('\\');
		if (*p >= 0x20 && *p < 0x7f)
			(void)putchar(*p);
		else
			(void)printf("\\u%04x", (unsigned char)*p);
	}
	(void)putchar('"');
}

static void
begin_value(struct json *j, const char *name)
{
	unsigned	 i;

	if (j->more)
		(void)putchar(',');
	if (j->depth > 0)
		(void)putchar('\n');
	for (i = 0; i < j->depth; i++)
		(void)putchar(' ');
	if (name != NULL) {
		put_string(name, strlen(name));
		(void)printf(": ");
	}
	j->more = true;
}

void
json_open(struct json *j, const char *name, char open)
{
	begin_value(j, name);
	(void)putchar(open);
	j->depth++;
	j->more = false;
}

void
json_close(struct json *j, char close)
{
	(void)putchar(close);
	if (--j->depth == 0)
		(void)putchar('\n');
	j->more = true;
}

void
json_text(struct json *j, const char *name, const char *text, size_t len)
{
	begin_value(j, name);
	put_string(text, len);
}

void
json_raw(struct json *j, const char *name, const char *text, size_t len)
{
	begin_value(j, name);
	(void)fwrite(text, 1, len, stdout);
}

void
json_number(struct json *j, const char *name, uint64_t n)
{
	begin_value(j, name);
	(void)printf("%" PRIu64, n);
}

void
json_null(struct json *j, const char *name)
{
	begin_value(j, name);
	(void)printf("null");
}
