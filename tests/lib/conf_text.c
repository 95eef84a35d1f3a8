/* SPDX-License-Identifier: ISC */
#include <atf-c.h>
#include <stdarg.h>
#include <string.h>

#include "tests/lib/conf_text.h"
#include "tests/lib/text.h"

/* overrides: any number of arguments of -o, then NULL. */
static struct conf *
parse_with(const char *text, struct buf *errors, va_list ap)
{
	struct strings overrides = { 0 };
	struct conf *conf;
	const char *o;

	while ((o = va_arg(ap, const char *)) != NULL)
		ATF_REQUIRE_EQ(0, strings_add(&overrides, o));
	conf = conf_parse("x.conf", text, strlen(text), &overrides, errors);
	strings_free(&overrides);
	return conf;
}

struct conf *
good(const char *text, ...)
{
	struct buf errors = { 0 };
	struct conf *conf;
	va_list ap;

	va_start(ap, text);
	conf = parse_with(text, &errors, ap);
	va_end(ap);
	ATF_REQUIRE_MSG(conf != NULL && errors.len == 0, "%s: %.*s", text,
	    (int)errors.len, errors.data);
	return conf;
}

char *
bad(const char *text, ...)
{
	struct buf errors = { 0 };
	struct conf *conf;
	va_list ap;

	va_start(ap, text);
	conf = parse_with(text, &errors, ap);
	va_end(ap);
	ATF_REQUIRE_MSG(conf == NULL, "accepted: %s", text);
	return as_string(&errors);
}

char *
printed(const struct conf *conf)
{
	struct buf text = { 0 };

	ATF_REQUIRE_EQ(0, conf_print(conf, &text));
	return as_string(&text);
}
