/*
 * Addresses of pkgtorrentd.conf(5): listen and proxy.  Numeric ones only, so
 * that nothing here asks the resolver.
 */
#include <sys/un.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/keyword.h"

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2. */
static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

unsigned
conf_port(const char *digits, size_t len)
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
	if ((port = conf_port(colon + 1, strlen(colon + 1))) == 0)
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

const char *
conf_parse_listen(struct conf *conf, const struct keyword *kw,
    struct args *args)
{
	const char *text = args->words.v[0], *problem;
	struct conf_listen new = { 0 }, *v;
	size_t i;

	problem = text[0] == '/' ? listen_unix(text, &new) :
	    listen_inet(text, &new);
	if (problem != NULL)
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

void
conf_reset_listen(struct conf *conf, const struct keyword *kw)
{
	size_t i;

	(void)kw;
	for (i = 0; i < conf->nlisten; i++)
		free(conf->listen[i].text);
	free(conf->listen);
	conf->listen = NULL;
	conf->nlisten = 0;
}

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
	/* Clients of such addresses are taken for IPv4. */
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

const char *
conf_parse_proxy(struct conf *conf, const struct keyword *kw,
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

void
conf_reset_proxy(struct conf *conf, const struct keyword *kw)
{
	(void)kw;
	free(conf->proxies);
	conf->proxies = NULL;
	conf->nproxies = 0;
}

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
