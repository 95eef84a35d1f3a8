/* SPDX-License-Identifier: ISC */
/*
 * Any text: a configuration or complaints, never both, and a printed one
 * is read again as the same.  The first line goes to -o when it begins with
 * an exclamation mark.
 */
#include "common/conf/conf.h"
#include "tests/lib/fuzz.h"

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
		line = strndup(text + 1, (size_t)(eol - text) - 1);
		require(line != NULL && strings_add(&overrides, line) == 0);
		free(line);
		len -= (size_t)(eol + 1 - text);
		text = eol + 1;
	}
	conf = conf_parse("fuzz", text, len, &overrides, &errors);
	require((conf == NULL) == (errors.len > 0));
	if (conf != NULL) {
		require(len == 0 || conf_root_of(conf, text, len) <
		    (int)conf->nroots);
		require(conf_print(conf, &one) == 0);
		again = conf_parse("again", (char *)one.data, one.len, NULL,
		    &errors);
		require(again != NULL && conf_print(again, &two) == 0);
		require(one.len == two.len &&
		    memcmp(one.data, two.data, one.len) == 0);
		conf_free(again);
	}
	conf_free(conf);
	strings_free(&overrides);
	buf_free(&errors);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
