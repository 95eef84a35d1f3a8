/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/msg.h"
#include "common/spec.h"

const char spec_why_control[] =
    "the path has a control byte; such names are not served, rename the file";
const char spec_why_dots[] =
    "the path has a component \"..\"; write it without";
const char spec_why_long[] =
    "the path is longer than 4095 bytes; ask for a shorter path or pattern";

static int
spec_refuse(const char **why, const char *text)
{
	*why = text;
	return 400;
}

size_t
spec_plain(const char *spec, size_t len, char *out)
{
	const char *p = spec, *end = spec + len, *next;
	char *to = out;

	while (p < end) {
		/* A component includes the slash before it. */
		next = memchr(p + 1, '/', (size_t)(end - p - 1));
		if (next == NULL)
			next = end;
		if (next - p != 2 || memcmp(p, "/.", 2) != 0)
			to = mempcpy(to, p, (size_t)(next - p));
		p = next;
	}
	return (size_t)(to - out);
}

int
spec_check(const char *path, size_t len, const char **why)
{
	const char	*end = path + len, *slash, *next, *p;

	if (len == 0 || path[0] != '/')
		return spec_refuse(why, "a path does not begin with a slash; "
		    "give it relative to the document root, as /dir/file");
	if (len > SPEC_MAX)
		return spec_refuse(why, spec_why_long);
	for (p = path; p < end; p++)
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			return spec_refuse(why, spec_why_control);
	for (slash = path; slash < end; slash = next) {
		next = memchr(slash + 1, '/', (size_t)(end - slash - 1));
		if (next == NULL)
			next = end;
		/* A final "." is a final slash. */
		if (next == slash + 1 || (next == end &&
		    next == slash + 2 && slash[1] == '.'))
			return spec_refuse(why, "a path has an empty "
			    "component, or ends in a slash; name a file or a "
			    "pattern, with one slash between components");
		if (next == slash + 3 && slash[1] == '.' && slash[2] == '.')
			return spec_refuse(why, spec_why_dots);
	}
	return 0;
}

int
specs_add(struct specs *specs, const char *spec, size_t len)
{
	uint8_t	*to = buf_reserve(&specs->text, len + 1);

	if (to == NULL)
		return -1;
	if (specs->n > 0)
		*to++ = '\n';
	memcpy(to, spec, len);
	specs->text.len += len + (specs->n > 0);
	specs->n++;
	return 0;
}

int
specs_copy(struct specs *specs, const struct specs *from)
{
	if (buf_add(&specs->text, from->text.data, from->text.len) == -1)
		return -1;
	specs->n = from->n;
	return 0;
}

void
specs_free(struct specs *specs)
{
	buf_free(&specs->text);
	specs->n = 0;
	specs->named = false;
}
