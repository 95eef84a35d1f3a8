/*
 * The configuration in full, as pkgtorrentd -nv shows it and as the children
 * are sent it.  What is not printed is empty by default too.
 */
#include <arpa/inet.h>
#include <string.h>

#include "common/conf/keyword.h"

/* In quotes only when it would not be read as one word otherwise. */
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

/* keyword, an argument unless it is NULL or "", an argument. */
static int
print_line(struct buf *out, const struct keyword *kw, const char *first,
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

int
conf_print_number(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	uint64_t n = kw->kind->width == 4 ?
	    *CONF_FIELD_CONST(uint32_t, conf, kw) :
	    *CONF_FIELD_CONST(uint64_t, conf, kw);
	char text[32];

	conf_format(text, sizeof(text), kw->kind->units, n / kw->kind->scale);
	return print_line(out, kw, NULL, text);
}

static int
print_index(const struct keyword *kw, int n, struct buf *out)
{
	size_t len;
	const char *word = conf_word_at(kw->words, (size_t)n, &len);

	return buf_addf(out, "%s %.*s\n", kw->name, (int)len, word);
}

int
conf_print_flag(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	return print_index(kw, *CONF_FIELD_CONST(bool, conf, kw), out);
}

int
conf_print_choice(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	return print_index(kw, *CONF_FIELD_CONST(int, conf, kw), out);
}

int
conf_print_string(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	const char *s = *CONF_FIELD_CONST(char *, conf, kw);

	return s != NULL ? print_line(out, kw, NULL, s) : 0;
}

int
conf_print_strings(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	const struct strings *list = CONF_FIELD_CONST(struct strings, conf,
	    kw);
	size_t i;

	for (i = 0; i < list->n; i++)
		if (print_line(out, kw, NULL, list->v[i]) == -1)
			return -1;
	return 0;
}

int
conf_print_user(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	enum role role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		if (print_line(out, kw, role_name(role),
		    conf->user[role]) == -1)
			return -1;
	return 0;
}

int
conf_print_access_log(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	if (conf->access_log == ACCESS_LOG_FILE)
		return print_line(out, kw, NULL, conf->access_log_file);
	return print_line(out, kw, NULL,
	    conf->access_log == ACCESS_LOG_YES ? "yes" : "no");
}

int
conf_print_root(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	size_t i;

	for (i = 0; i < conf->nroots; i++)
		if (print_line(out, kw, conf->roots[i].prefix,
		    conf->roots[i].dir) == -1)
			return -1;
	return 0;
}

int
conf_print_listen(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	size_t i;

	for (i = 0; i < conf->nlisten; i++)
		if (print_line(out, kw, NULL, conf->listen[i].text) == -1)
			return -1;
	return 0;
}

int
conf_print_proxy(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	const struct conf_proxy *p;
	char addr[INET6_ADDRSTRLEN];
	size_t i;

	if (conf->nproxies == 0)
		return print_line(out, kw, NULL, "none");
	if (buf_addf(out, "%s", kw->name) == -1)
		return -1;
	for (i = 0; i < conf->nproxies; i++) {
		p = &conf->proxies[i];
		inet_ntop(p->family, p->addr, addr, sizeof(addr));
		if (buf_addf(out, " %s", addr) == -1)
			return -1;
		if (p->bits < (p->family == AF_INET6 ? 128U : 32U) &&
		    buf_addf(out, "/%u", p->bits) == -1)
			return -1;
	}
	return buf_add(out, "\n", 1);
}

int
conf_print(const struct conf *conf, struct buf *out)
{
	const struct keyword *kw;
	size_t i;

	for (i = 0; (kw = conf_keyword(i)) != NULL; i++)
		if (kw->kind->print(conf, kw, out) == -1)
			return -1;
	return 0;
}
