/*
 * URLs and host names (RFC 3986, RFC 1123) as far as a configuration needs
 * them: what is let through here is put into torrents as it is.
 */
#include <arpa/inet.h>
#include <string.h>

#include "common/conf/keyword.h"

#define DIGITS	"0123456789"
#define LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* The underscore is no host name's, but DNS and mirrors have it. */
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

const char *
conf_check_authority(const char *text, size_t len, bool *has_port)
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
	    conf_port(colon + 1, (size_t)(end - colon) - 1) == 0))
		return "not a port from 1 to 65535";
	return NULL;
}

const char *
conf_check_any_url(const char *url, const char *schemes, bool query_allowed)
{
	const char *p = strstr(url, "://"), *problem;
	size_t len;
	bool has_port;

	if (strlen(url) > CONF_URL_MAX)
		return "too long";
	if (p == NULL || conf_word_find(schemes, url, (size_t)(p - url)) == -1)
		return "not a known scheme";
	p += 3;
	len = strcspn(p, "/?#");
	if (memchr(p, '@', len) != NULL)
		return "names a user";
	if ((problem = conf_check_authority(p, len, &has_port)) != NULL)
		return problem;
	/* Only the web has a port that goes without saying. */
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

const char *
conf_check_url(char *url)
{
	const char *problem;
	size_t len = strlen(url);

	if ((problem = conf_check_any_url(url, "http|https", false)) != NULL)
		return problem;
	while (url[len - 1] == '/')
		url[--len] = '\0';
	return NULL;
}

const char *
conf_check_host(char *host)
{
	const char *problem;

	problem = conf_check_authority(host, strlen(host), NULL);
	if (problem != NULL)
		return problem;
	for (; *host != '\0'; host++)
		if (*host >= 'A' && *host <= 'Z')
			*host += 'a' - 'A';
	return NULL;
}
