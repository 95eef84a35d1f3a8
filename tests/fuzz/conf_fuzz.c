/* SPDX-License-Identifier: ISC */
/*
 * Any text: a configuration or complaints, never both, and a printed one
 * is read again as the same.  The first line goes to -o when it begins with
 * an exclamation mark.
 */
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf errors = { 0 }, one = { 0 }, two = { 0 };
	struct strings overrides = { 0 };
	const char *text = (const char *)data, *eol;
	struct conf *conf, *again;
	char *line;

	if (len > 0 && *text == '!' &&
	    (eol = memchr(text, '\n', len)) != NULL) {
		if ((line = strndup(text + 1, (size_t)(eol - text) - 1)) ==
		    NULL || strings_add(&overrides, line) == -1)
			abort();
		free(line);
		len -= (size_t)(eol + 1 - text);
		text = eol + 1;
	}
	conf = conf_parse("fuzz", text, len, &overrides, &errors);
	if ((conf == NULL) != (errors.len > 0))
		abort();
	if (conf != NULL) {
		if (len > 0 && conf_root_of(conf, text, len) >=
		    (int)conf->nroots)
			abort();
		if (conf_print(conf, &one) == -1)
			abort();
		again = conf_parse("again", (char *)one.data, one.len, NULL,
		    &errors);
		if (again == NULL || conf_print(again, &two) == -1)
			abort();
		if (one.len != two.len ||
		    memcmp(one.data, two.data, one.len) != 0)
			abort();
		conf_free(again);
	}
	conf_free(conf);
	strings_free(&overrides);
	buf_free(&errors);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
