/* SPDX-License-Identifier: ISC */
/*
 * The meaning of a request target, as the table of URLs in pkgtorrentd(8) has
 * it.  Pure.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "common/msg.h"
#include "common/seal.h"
#include "common/spec.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/http/http.h"

enum request_kind {
	REQUEST_SINGLE,
	REQUEST_SIMPLE,
	REQUEST_META4,
	REQUEST_DIGEST,
	REQUEST_NULLFILE,
	REQUEST_ANNOUNCE,
	REQUEST_SCRAPE,
	REQUEST_PAGE,		/* for people */
	REQUEST_OTHER		/* a mirror file, if those are served */
};

struct request {
	enum request_kind	 kind;
	char			 path[HTTP_LINE_MAX]; /* SINGLE, SIMPLE, META4,
						   OTHER: decoded, one slash
						   each; PAGE: the component
						   above the service */
	size_t			 path_len;
	uint8_t			 digest[SHA1_LEN];
	uint64_t		 null_len;
	bool			 piece_auto;	/* ?piece=auto: the length
						   that fits */
	uint8_t			 token[SEAL_TOKEN_LEN];	/* ANNOUNCE, SCRAPE */
	struct str		 query;		/* undecoded; p NULL: none */
};

/*
 * Route a target.  The service is found below any one component; digest,
 * null_len and token are filled for their kinds, path is then empty.  A final
 * slash of an OTHER path stays; a PAGE needs none.  0, or a status with *why
 * one line for the client: 400, 403 for a nullfile longer than PIECE_LEN_MAX,
 * 404 for a URL that the service does not have (and for single without a path),
 * 405 with the methods in *allow, 414 for a single path longer than SPEC_MAX.
 * *allow is NULL but for 405 and for OPTIONS, for which only it and kind are
 * set.
 */
int	request_route(struct str target, enum http_method,
	    const char *service, struct request *, const char **why,
	    const char **allow);

/*
 * The p fields of a form (application/x-www-form-urlencoded) or query,
 * decoded and checked, in order; blank ones and other fields are left out,
 * those that cannot be decoded among them.  specs is empty (all zero) before.
 * 0, or 400, 413 (more than max), 500 without memory, with *why; specs is then
 * empty again.
 */
int	request_form(const char *form, size_t len, uint32_t max,
	    struct specs *, const char **why);

/*
 * The field path of a page's query, decoded; *len is 0 without one.  0, or 400
 * (it is there twice, or malformed), 414, with *why.
 */
int	request_typed(struct str query, char out[HTTP_LINE_MAX], size_t *len,
	    const char **why);

#endif
