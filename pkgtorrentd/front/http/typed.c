/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <strings.h>

#include "pkgtorrentd/front/http/request.h"
#include "pkgtorrentd/front/http/typed.h"

static int
refuse(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}

/* Cut the text up to the first of these bytes off its beginning. */
static struct str
cut(struct str *text, const char *until)
{
	struct str	 part = { text->p, 0 };

	while (part.len < text->len &&
	    memchr(until, text->p[part.len], strlen(until)) == NULL)
		part.len++;
	text->p += part.len;
	text->len -= part.len;
	return part;
}

/* The length of a scheme with "://" at the beginning; 0: there is none. */
static size_t
scheme_len(struct str text)
{
	struct str	 rest = text, scheme = cut(&rest, ":/");

	return scheme.len > 0 && rest.len >= 3 &&
	    memcmp(rest.p, "://", 3) == 0 ? scheme.len + 3 : 0;
}

static bool
is_http(struct str text)
{
	return (text.len > 7 && strncasecmp(text.p, "http://", 7) == 0) ||
	    (text.len > 8 && strncasecmp(text.p, "https://", 8) == 0);
}

static bool
is_same(struct str a, struct str b)
{
	return a.p != NULL && a.len == b.len &&
	    strncasecmp(a.p, b.p, a.len) == 0;
}

/* The host of a base URL; *path is the rest. */
static struct str
base_host(const char *base, struct str *path)
{
	struct str	 name, port, authority;

	*path = (struct str){ base, strlen(base) };
	path->p += scheme_len(*path);
	path->len -= (size_t)(path->p - base);
	authority = cut(path, "/");
	return http_is_host(authority, &name, &port) ? name :
	    (struct str){ NULL, 0 };
}

/* Is it one of the mirror's names? */
static bool
is_known(const struct typed_mirror *m, struct str host)
{
	struct str	 path;
	size_t		 i;

	if (is_same(m->host, host) || is_same(base_host(m->base, &path), host))
		return true;
	for (i = 0; i < m->hosts->n; i++)
		if (str_is(host, m->hosts->v[i]))
			return true;
	for (i = 0; i < m->seeds->n; i++)
		if (is_same(base_host(m->seeds->v[i], &path), host))
			return true;
	return false;
}

/* The length of the base's path if the URL path, of that host, is below it; any
   name of the mirror may stand for that of its own base. */
static size_t
base_len(const char *base, bool own, struct str host, struct str path)
{
	struct str	 below;

	if (!is_same(base_host(base, &below), host) && !own)
		return 0;
	if (below.len > path.len || memcmp(below.p, path.p, below.len) != 0 ||
	    (below.len < path.len && path.p[below.len] != '/'))
		return 0;
	return below.len;
}

/*
 * If the text is a URL, with or without its scheme, make it the part that is
 * below the document root, still encoded.  0: it is none, 1, or -1 with *why.
 */
static int
take_url(struct str *text, const struct typed_mirror *m, const char **why)
{
	struct str	 rest = *text, authority, host, port;
	size_t		 scheme = scheme_len(*text), most, len, i;

	if (scheme > 0 && !is_http(*text))
		return refuse(why, -1, "only paths, and http URLs of this "
		    "mirror, name its files");
	rest.p += scheme;
	rest.len -= scheme;
	authority = cut(&rest, "/?#");
	if (!http_is_host(authority, &host, &port) || !is_known(m, host))
		return scheme == 0 ? 0 : refuse(why, -1, "that is the URL of "
		    "another server; give a path, or a URL of this mirror");
	/* A name alone may be that of a file. */
	if (scheme == 0 && rest.len == 0)
		return 0;
	rest = cut(&rest, "?#");
	most = base_len(m->base, true, host, rest);
	for (i = 0; i < m->seeds->n; i++) {
		len = base_len(m->seeds->v[i], false, host, rest);
		if (len > most)
			most = len;
	}
	*text = (struct str){ rest.p + most, rest.len - most };
	return 1;
}

/* A directory: all that is below it.  A pattern may have only one "**". */
static int
take_directory(char *path, size_t *len, const char **why)
{
	const char	*below = "**";

	if (*len == 1)
		return refuse(why, 400, "that is the whole mirror; name a "
		    "file, a pattern or a directory");
	if (*len >= 4 && memcmp(path + *len - 4, "/**/", 4) == 0) {
		path[--*len] = '\0';
		return 0;
	}
	if (strstr(path, "/**/") != NULL)
		below = "*";
	if (*len + strlen(below) > SPEC_MAX)
		return refuse(why, 414, spec_why_long);
	strlcpy(path + *len, below, SPEC_MAX + 1 - *len);
	*len += strlen(below);
	return 0;
}

/* The path of a routed request is the one that was meant. */
static int
take_path(const struct request *r, char path[SPEC_MAX + 1], size_t *len,
    const char **why)
{
	int	status;

	switch (r->kind) {
	case REQUEST_SINGLE:
	case REQUEST_SIMPLE:
	case REQUEST_META4:
	case REQUEST_OTHER:
		break;
	default:
		return refuse(why, 400, "that is a URL of the service, and of "
		    "no file; give the path of a file");
	}
	if (r->path_len > SPEC_MAX)
		return refuse(why, 414, spec_why_long);
	memcpy(path, r->path, r->path_len + 1);
	*len = r->path_len;
	if (path[*len - 1] == '/') {
		status = take_directory(path, len, why);
		if (status != 0)
			return status;
	}
	return spec_check(path, *len, why);
}

int
typed_path(struct str text, const struct typed_mirror *m,
    char path[SPEC_MAX + 1], size_t *len, const char **why)
{
	struct buf	 target = { 0 };
	struct request	 r;
	const char	*allow;
	int		 url, status = 500;

	*why = NULL;
	*len = 0;
	text = str_trim(text);
	if (text.len == 0)
		return 0;
	url = take_url(&text, m, why);
	if (url == -1)
		return 400;
	/* From here on it is as if the URL had been asked for: slashes, escapes
	   and dots mean the same. */
	*why = "out of memory; try again later";
	if (buf_add(&target, "/", 1) == 0 && (url == 1 ?
	    buf_add(&target, text.p, text.len) :
	    torrent_encode_path(&target, text.p, text.len)) == 0)
		status = request_route((struct str){ (char *)target.data,
		    target.len }, HTTP_GET, m->service, &r, why, &allow);
	if (status == 0)
		status = take_path(&r, path, len, why);
	buf_free(&target);
	return status;
}
