/* SPDX-License-Identifier: ISC */
/*
 * pkgtorrentd.conf(5) as a table: one row per keyword serves parsing,
 * printing and freeing.  Private to common/conf.
 */
#ifndef CONF_KEYWORD_H
#define CONF_KEYWORD_H

#include "common/conf/conf.h"

#define CONF_TEXT_MAX	  (1U << 20)	/* bytes in a file */
#define CONF_KEYWORDS_MAX 64
#define CONF_LIST_MAX	  1000		/* deny, host, proxy */
#define CONF_FEW_MAX	  64		/* listen, root, web-seed */
#define CONF_PATH_MAX	  SPEC_MAX
#define CONF_URL_MAX	  2047
#define CONF_USER	  "_pkgtorrent"

struct keyword;

/* The arguments of one line.  A complaint quotes the argument bad. */
struct args {
	struct strings	 words;
	const char	*bad;
};

/* A unit that may follow a number. */
struct unit {
	char		 suffix;
	uint64_t	 factor;
};

/*
 * A type of value.  parse() stores the arguments in the field and returns
 * NULL, or the reason for a complaint, a fragment such as "not a number"; it
 * may change the words.  print() appends the keyword's lines: 0, or -1 with
 * ENOMEM.  reset() frees the value, so that -o can replace it; NULL if there
 * is nothing to free.  expect() describes the values that are allowed; NULL:
 * the row or its rule does.
 */
struct conf_type {
	const char	*(*parse)(struct conf *, const struct keyword *,
			    struct args *);
	int		 (*print)(const struct conf *, const struct keyword *,
			    struct buf *);
	void		 (*reset)(struct conf *, const struct keyword *);
	void		 (*expect)(const struct keyword *, char *out,
			    size_t outlen);
	size_t		 args_max;
	bool		 repeats;
	unsigned	 width;		/* bytes of the field: number, choice */
	/* Numbers only. */
	const char	*noun;		/* for "from ... to ..." */
	const struct unit *units;
	unsigned	 scale;		/* field units in the least unit */
};

/* A rule for a string.  check() may normalize it; NULL, or a fragment that
   says why it is refused. */
struct conf_rule {
	const char	*(*check)(char *);
	const char	*expected;
};

struct keyword {
	const char	 *name;
	const struct conf_type *type;
	size_t		  offset;	/* in struct conf */
	const char	 *fallback;	/* the default, a line for each value */
	const char	 *expected;	/* for complaints */
	const char	 *words;	/* a|b|c; the value is the index */
	uint64_t	  min;		/* as typed: bytes, seconds */
	uint64_t	  max;		/* ... or the length of a list */
	const struct conf_rule *rule;	/* of a string */
};

#define CONF_FIELD(type, conf, kw) \
	((type *)(void *)((char *)(conf) + (kw)->offset))
#define CONF_FIELD_CONST(type, conf, kw) \
	((const type *)(const void *)((const char *)(conf) + (kw)->offset))

/* In the order of printing; ends with a row without a name. */
extern const struct keyword conf_keywords[];

/* value.c */
extern const struct conf_type conf_type_count, conf_type_size,
			    conf_type_piece_len, conf_type_auto_piece_len,
			    conf_type_time_ms,
			    conf_type_time_s, conf_type_flag,
			    conf_type_choice, conf_type_string,
			    conf_type_strings, conf_type_user,
			    conf_type_access_log;
/* address.c */
extern const struct conf_type conf_type_listen, conf_type_metrics,
			    conf_type_proxy;
extern const struct conf_rule conf_rule_url, conf_rule_host,
			    conf_rule_announce;
/* path.c */
extern const struct conf_type conf_type_root;
extern const struct conf_rule conf_rule_path, conf_rule_component,
			    conf_rule_pattern, conf_rule_socket,
			    conf_rule_control;

/*
 * Append a line: the keyword, an argument unless first is NULL or "", and
 * another argument, both quoted as needed.  0, or -1 with ENOMEM.
 */
int	conf_print_line(struct buf *, const struct keyword *,
	    const char *first, const char *second);

#endif
