/* SPDX-License-Identifier: ISC */
/*
 * Addresses, host names and URLs of pkgtorrentd.conf(5) and of the trackers
 * file.  Addresses are numeric, so that nothing here asks the resolver.  URLs
 * and names (RFC 3986, RFC 1123) are checked because they are copied into
 * torrents unchanged.
 */
#include <sys/un.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/keyword.h"

#define DIGITS	"0123456789"
#define LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2. */
static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* A port from 1 to 65535; 0: it is none. */
static unsigned
parse_port(const char *digits, size_t len)
{
	unsigned port = 0;
	size_t i;

	if (len == 0 || len > 5)
		return 0;
	for (i = 0; i < len; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return 0;
		port = 10 * port + (unsigned)(digits[i] - '0');
	}
	return port <= 65535 ? port : 0;
}

static const char *
listen_unix(const char *path, struct conf_listen *l)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&l->addr;
	size_t len = strlen(path);

	if (len >= sizeof(sun->sun_path))
		return "too long for a socket (107 bytes)";
	if (path[len - 1] == '/')
		return "a directory";
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, len + 1);
	l->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    len + 1);
	return NULL;
}

static const char *
listen_inet(const char *text, struct conf_listen *l)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&l->addr;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&l->addr;
	const char *colon = strrchr(text, ':');
	char addr[INET6_ADDRSTRLEN];
	size_t len, brackets = text[0] == '[';
	unsigned port;

	if (colon == NULL)
		return "without a port";
	if ((port = parse_port(colon + 1, strlen(colon + 1))) == 0)
		return "not a port from 1 to 65535";
	len = (size_t)(colon - text);
	if (brackets && (len < 2 || text[len - 1] != ']'))
		return "not a numeric address";
	len -= 2 * brackets;
	if (len >= sizeof(addr))
		return "not a numeric address";
	memcpy(addr, text + brackets, len);
	addr[len] = '\0';
	if (brackets && inet_pton(AF_INET6, addr, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons((uint16_t)port);
		l->addr_len = sizeof(*sin6);
		return NULL;
	}
	if (!brackets && inet_pton(AF_INET, addr, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons((uint16_t)port);
		l->addr_len = sizeof(*sin);
		return NULL;
	}
	return "not a numeric address";
}

static const char *
listen_read(const char *text, struct conf_listen *l)
{
	return text[0] == '/' ? listen_unix(text, l) : listen_inet(text, l);
}

static const char *
listen_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *text = args->words.v[0], *problem;
	struct conf_listen new = { 0 }, *v;
	size_t i;

	if ((problem = listen_read(text, &new)) != NULL)
		return problem;
	for (i = 0; i < conf->nlisten; i++)
		if (conf->listen[i].addr_len == new.addr_len &&
		    memcmp(&conf->listen[i].addr, &new.addr,
		    new.addr_len) == 0)
			return "given twice";
	if (conf->nlisten >= kw->max)
		return "too many of them";
	v = reallocarray(conf->listen, conf->nlisten + 1, sizeof(*v));
	if (v == NULL)
		return "out of memory";
	conf->listen = v;
	if ((new.text = strdup(text)) == NULL)
		return "out of memory";
	v[conf->nlisten++] = new;
	return NULL;
}

static int
listen_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	size_t i;

	for (i = 0; i < conf->nlisten; i++)
		if (conf_print_line(out, kw, NULL, conf->listen[i].text) == -1)
			return -1;
	return 0;
}

static void
listen_reset(struct conf *conf, const struct keyword *kw)
{
	size_t i;

	(void)kw;
	for (i = 0; i < conf->nlisten; i++)
		free(conf->listen[i].text);
	free(conf->listen);
	conf->listen = NULL;
	conf->nlisten = 0;
}

const struct conf_type conf_type_listen = {
	.parse = listen_parse, .print = listen_print, .reset = listen_reset,
	.args_max = 1, .repeats = true
};

static const char *
metrics_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *text = args->words.v[0], *problem;
	struct conf_listen new = { 0 };

	(void)kw;
	if (strcmp(text, "none") == 0)
		return NULL;
	if ((problem = listen_read(text, &new)) != NULL)
		return problem;
	if ((conf->metrics = malloc(sizeof(new))) == NULL)
		return "out of memory";
	*conf->metrics = new;
	conf->metrics->text = strdup(text);
	return conf->metrics->text != NULL ? NULL : "out of memory";
}

static int
metrics_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	return conf_print_line(out, kw, NULL, conf->metrics != NULL ?
	    conf->metrics->text : "none");
}

static void
metrics_reset(struct conf *conf, const struct keyword *kw)
{
	(void)kw;
	if (conf->metrics != NULL)
		free(conf->metrics->text);
	free(conf->metrics);
	conf->metrics = NULL;
}

const struct conf_type conf_type_metrics = {
	.parse = metrics_parse, .print = metrics_print,
	.reset = metrics_reset, .args_max = 1
};

static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 && (rest == 0 ||
	    ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0);
}

static const char *
read_proxy(const char *word, struct conf_proxy *p)
{
	const char *slash = strchr(word, '/');
	size_t len = slash != NULL ? (size_t)(slash - word) : strlen(word);
	size_t digits;
	char addr[INET6_ADDRSTRLEN];
	unsigned i, max;

	if (len >= sizeof(addr))
		return "not a numeric address";
	memcpy(addr, word, len);
	addr[len] = '\0';
	p->family = strchr(addr, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(p->family, addr, p->addr) != 1)
		return "not a numeric address";
	/* The front turns such client addresses into IPv4 ones. */
	if (p->family == AF_INET6 && memcmp(p->addr, mapped, 12) == 0)
		return "an IPv4 address in IPv6 notation";
	max = p->family == AF_INET6 ? 128 : 32;
	p->bits = max;
	if (slash != NULL) {
		digits = strspn(slash + 1, "0123456789");
		if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
			return "not a number of bits";
		p->bits = (unsigned)strtoul(slash + 1, NULL, 10);
		if (p->bits > max)
			return "too many bits";
	}
	for (i = p->bits; i < max; i++)
		if (p->addr[i / 8] & (0x80 >> i % 8))
			return "has address bits after the prefix";
	return NULL;
}

static const char *
proxy_parse(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *problem;
	size_t i;

	(void)kw;
	if (args->words.n == 1 && strcmp(args->bad, "none") == 0)
		return NULL;
	conf->proxies = calloc(args->words.n, sizeof(*conf->proxies));
	if (conf->proxies == NULL)
		return "out of memory";
	for (i = 0; i < args->words.n; i++) {
		args->bad = args->words.v[i];
		problem = read_proxy(args->bad, &conf->proxies[i]);
		if (problem != NULL)
			return problem;
	}
	conf->nproxies = args->words.n;
	return NULL;
}

static int
proxy_print(const struct conf *conf, const struct keyword *kw,
    struct buf *out)
{
	const struct conf_proxy *p;
	char addr[INET6_ADDRSTRLEN];
	size_t i;

	if (conf->nproxies == 0)
		return conf_print_line(out, kw, NULL, "none");
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

static void
proxy_reset(struct conf *conf, const struct keyword *kw)
{
	(void)kw;
	free(conf->proxies);
	conf->proxies = NULL;
	conf->nproxies = 0;
}

const struct conf_type conf_type_proxy = {
	.parse = proxy_parse, .print = proxy_print, .reset = proxy_reset,
	.args_max = CONF_LIST_MAX
};

int
conf_is_proxy(const struct conf *conf, int family, const void *addr)
{
	const uint8_t *bytes = addr;
	size_t i;

	for (i = 0; i < conf->nproxies; i++)
		if (conf->proxies[i].family == family &&
		    same_prefix(conf->proxies[i].addr, bytes,
		    conf->proxies[i].bits))
			return 1;
	return 0;
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* RFC 1123, and the underscore, which DNS and mirrors do have. */
static bool
is_host_name(const char *name, size_t len)
{
	size_t i, label = 0;

	if (len == 0 || len > 253)
		return false;
	for (i = 0; i < len; i++) {
		if (name[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (++label > 63 ||
		    !is_one_of(name[i], LETTERS DIGITS "-_"))
			return false;
	}
	return label > 0;
}

static bool
is_address6(const char *text, size_t len)
{
	char addr[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	return inet_pton(AF_INET6, addr, &in6) == 1;
}

/* A name, an address or [address6]; with a port if has_port is not NULL. */
static const char *
check_authority(const char *text, size_t len, bool *has_port)
{
	const char *end = text + len, *colon, *bracket;

	if (len > 0 && *text == '[') {
		bracket = memchr(text, ']', len);
		if (bracket == NULL ||
		    !is_address6(text + 1, (size_t)(bracket - text) - 1))
			return "not a host name or address";
		colon = bracket + 1;
	} else {
		if ((colon = memchr(text, ':', len)) == NULL)
			colon = end;
		if (!is_host_name(text, (size_t)(colon - text)))
			return "not a host name or address";
	}
	if (has_port == NULL)
		return colon == end ? NULL : "has more than a host";
	*has_port = colon < end;
	if (colon < end && (*colon != ':' ||
	    parse_port(colon + 1, (size_t)(end - colon) - 1) == 0))
		return "not a port from 1 to 65535";
	return NULL;
}

static bool
is_scheme(const char *const *schemes, const char *text, size_t len)
{
	for (; *schemes != NULL; schemes++)
		if (strlen(*schemes) == len && memcmp(*schemes, text, len) == 0)
			return true;
	return false;
}

/* A URL with one of the schemes of a list that ends with NULL. */
static const char *
check_url(const char *url, const char *const *schemes, bool query_allowed)
{
	const char *p = strstr(url, "://"), *problem;
	size_t len;
	bool has_port;

	if (strlen(url) > CONF_URL_MAX)
		return "too long";
	if (p == NULL || !is_scheme(schemes, url, (size_t)(p - url)))
		return "not a known scheme";
	p += 3;
	len = strcspn(p, "/?#");
	if (memchr(p, '@', len) != NULL)
		return "names a user";
	if ((problem = check_authority(p, len, &has_port)) != NULL)
		return problem;
	/* Of these schemes only udp has no default port. */
	if (!has_port && strncmp(url, "udp:", 4) == 0)
		return "without a port";
	for (p += len; *p != '\0'; p++) {
		if (*p == '%' && (!is_one_of(p[1], DIGITS "abcdefABCDEF") ||
		    !is_one_of(p[2], DIGITS "abcdefABCDEF")))
			return "has a malformed escape";
		if (*p == '?' && !query_allowed)
			return "has a query";
		if (*p == '#')
			return "has a fragment";
		if (!is_one_of(*p, LETTERS DIGITS "-._~!$&'()*+,;=:@/%?"))
			return "has a byte that must be written as an escape";
	}
	return NULL;
}

static const char *
check_web_url(char *url)
{
	static const char *const schemes[] = { "http", "https", NULL };
	const char *problem;
	size_t len = strlen(url);

	if ((problem = check_url(url, schemes, false)) != NULL)
		return problem;
	while (url[len - 1] == '/')
		url[--len] = '\0';
	return NULL;
}

static const char *
check_host(char *host)
{
	const char *problem;

	problem = check_authority(host, strlen(host), NULL);
	if (problem != NULL)
		return problem;
	for (; *host != '\0'; host++)
		if (*host >= 'A' && *host <= 'Z')
			*host += 'a' - 'A';
	return NULL;
}

static const char *
check_announce(char *url)
{
	static const char *const schemes[] = { "http", "https", "udp", "ws",
	    "wss", NULL };

	return check_url(url, schemes, true);
}

const struct conf_rule conf_rule_url = { check_web_url,
    "a URL such as http://mirror.example.org/pub" };
const struct conf_rule conf_rule_host = { check_host,
    "a host name or address, without a port" };
const struct conf_rule conf_rule_announce = { check_announce,
    "an announce URL (http, https, udp, ws, wss)" };
