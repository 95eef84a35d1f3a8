/*
 * pkgtorrentd.conf(5) as a table: one row per keyword serves reading,
 * printing, freeing and the list of what is known.  Private to
 * common/conf*.c and common/conf/trackers.c.
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

/* The arguments of one line; bad is the one that a complaint is about. */
struct args {
	struct strings	 words;
	const char	*bad;
};

struct unit {
	char		 suffix;
	uint64_t	 factor;
};

/*
 * A kind of value.  parse returns NULL or what is wrong, a fragment such as
 * "not a number"; it may change the words.  reset frees what was read, so
 * that the lines of -o replace it.
 */
struct kind {
	const char	*(*parse)(struct conf *, const struct keyword *,
			    struct args *);
	int		 (*print)(const struct conf *, const struct keyword *,
			    struct buf *);
	void		 (*reset)(struct conf *, const struct keyword *);
	size_t		 args_max;
	bool		 repeats;
	const char	*noun;		/* of a number, for "from … to …" */
	const struct unit *units;
	unsigned	 width;		/* of its field, bytes */
	unsigned	 scale;		/* field units in the least unit */
};

struct keyword {
	const char	 *name;
	const struct kind *kind;
	size_t		  offset;	/* in struct conf */
	const char	 *fallback;	/* arguments, a line each */
	const char	 *what;		/* expected, unless a range or words */
	const char	 *words;	/* a|b|c, the value is the index */
	uint64_t	  min;		/* as typed: bytes, seconds; of a … */
	uint64_t	  max;		/* … list: how many */
	const char	 *(*check)(char *); /* of a string; may normalize */
};

#define CONF_FIELD(type, conf, kw) \
	((type *)(void *)((char *)(conf) + (kw)->offset))
#define CONF_FIELD_CONST(type, conf, kw) \
	((const type *)(const void *)((const char *)(conf) + (kw)->offset))

/* The n-th row, NULL after the last. */
const struct keyword *conf_keyword(size_t n);

/* "a size from 1M to 1P", for complaints. */
void	conf_expected(const struct keyword *, char *out, size_t outlen);

/* 512M, 30d, 17: with the largest unit that leaves no rest. */
void	conf_format(char *out, size_t outlen, const struct unit *, uint64_t);

/* The n-th of "a|b|c", with its length; NULL after the last.  Index or -1. */
const char *conf_word_at(const char *words, size_t n, size_t *len);
int	conf_word_find(const char *words, const char *word, size_t len);

/* NULL, or what is wrong with it. */
const char *conf_check_path(char *);	/* cuts final slashes */
const char *conf_check_component(char *);
const char *conf_check_pattern(char *);	/* cuts final slashes */
const char *conf_check_url(char *);	/* cuts final slashes */
const char *conf_check_host(char *);	/* makes it lower case */
/* A URL whose scheme is one of "a|b|c". */
const char *conf_check_any_url(const char *, const char *schemes,
	    bool query_allowed);
/* name, address or [address6], and the port when has_port is not NULL. */
const char *conf_check_authority(const char *, size_t, bool *has_port);
/* 1 to 65535, or 0 when it is none. */
unsigned conf_port(const char *, size_t);

#define CONF_PARSER(kind) const char *conf_parse_##kind(struct conf *, \
	    const struct keyword *, struct args *)
#define CONF_PRINTER(kind) int conf_print_##kind(const struct conf *, \
	    const struct keyword *, struct buf *)
#define CONF_RESETTER(kind) void conf_reset_##kind(struct conf *, \
	    const struct keyword *)

CONF_PARSER(number);
CONF_PARSER(piece_len);
CONF_PARSER(flag);
CONF_PARSER(choice);
CONF_PARSER(string);
CONF_PARSER(strings);
CONF_PARSER(user);
CONF_PARSER(access_log);
CONF_PARSER(root);
CONF_PARSER(listen);
CONF_PARSER(proxy);

CONF_PRINTER(number);
CONF_PRINTER(flag);
CONF_PRINTER(choice);
CONF_PRINTER(string);
CONF_PRINTER(strings);
CONF_PRINTER(user);
CONF_PRINTER(access_log);
CONF_PRINTER(root);
CONF_PRINTER(listen);
CONF_PRINTER(proxy);

CONF_RESETTER(string);
CONF_RESETTER(strings);
CONF_RESETTER(user);
CONF_RESETTER(access_log);
CONF_RESETTER(root);
CONF_RESETTER(listen);
CONF_RESETTER(proxy);

#endif
