/* SPDX-License-Identifier: ISC */
/*
 * The configuration: pkgtorrentd.conf(5) as a struct.  Pure, except for
 * conf_check_system().
 */
#ifndef CONF_H
#define CONF_H

#include <sys/socket.h>
#include <netinet/in.h>

#include <stdbool.h>

#include "common/buf.h"
#include "common/msg.h"
#include "common/strings.h"

struct conf_listen {
	char			*text;		/* the text in the file */
	struct sockaddr_storage	 addr;		/* AF_INET, AF_INET6, AF_UNIX */
	socklen_t		 addr_len;
};

struct conf_root {
	char	*prefix;			/* "" or "/a/b" */
	char	*dir;
};

struct conf_proxy {
	int		family;			/* AF_INET or AF_INET6 */
	uint8_t		addr[16];
	unsigned	bits;
};

enum conf_access_log { ACCESS_LOG_NO, ACCESS_LOG_YES, ACCESS_LOG_FILE };
enum conf_tracker { TRACKER_AUTO, TRACKER_YES, TRACKER_NO };
enum sha1_impl { SHA1_AUTO, SHA1_AVX512, SHA1_AVX2, SHA1_OPENSSL };

struct conf {
	struct conf_listen	*listen;
	size_t			 nlisten;
	struct conf_listen	*metrics;	/* NULL: none */
	struct conf_root	*roots;
	size_t			 nroots;
	struct strings		 deny;		/* patterns */
	char			*cache;
	char			*trackers;
	enum conf_tracker	 tracker;
	char			*tracker_key;	/* NULL: in the cache */
	char			*whitelist_socket; /* NULL: none */
	char			*control;	/* a path, "auto" or "none" */
	char			*service;
	char			*base_url;	/* NULL: from the request; no
						   final slash */
	struct strings		 web_seeds;	/* no final slash */
	struct strings		 hosts;		/* lower case; none: any */
	struct conf_proxy	*proxies;
	size_t			 nproxies;
	bool			 serve_files;
	bool			 cors;
	uint32_t		 hashers;
	uint32_t		 piece_len;	/* bytes */
	uint32_t		 simple_piece_len; /* bytes; 0: auto */
	bool			 padding_attr;
	uint32_t		 hash_wait_ms;
	uint32_t		 revalidate_ms;
	uint64_t		 cache_size;	/* bytes */
	uint64_t		 cache_age_s;
	uint64_t		 tracker_peers;	/* at most 64M */
	char			*user[ROLE_COUNT]; /* [ROLE_PARENT] unused */
	bool			 strict;
	int			 log_level;	/* a priority of syslog(3) */
	enum conf_access_log	 access_log;
	char			*access_log_file;
	char			*log_file;	/* NULL: syslog */
	char			*pid_file;	/* NULL: none */
	uint32_t		 max_connections;
	uint32_t		 max_connections_per_client;
	uint32_t		 max_jobs_per_client;
	uint32_t		 max_queue;
	uint64_t		 max_body;	/* bytes */
	uint32_t		 max_paths;
	uint32_t		 max_files;
	uint64_t		 max_bytes;
	uint64_t		 max_torrent;	/* bytes */
	uint64_t		 hot_size;	/* bytes */
	uint64_t		 answer_memory;	/* bytes */
	enum sha1_impl		 sha1_impl;
	uint32_t		 header_timeout_ms;
	uint32_t		 body_timeout_ms;
	uint32_t		 idle_timeout_ms;
	uint32_t		 write_timeout_ms;
};

/*
 * Parse a configuration.  Complaints quote file ("/etc/x.conf:12: ...").
 * overrides are the arguments of -o in their order, or NULL; they replace
 * values of the text.  Appends each complaint to errors as a line with its
 * newline.  Returns a configuration to be freed with conf_free(), or NULL if
 * there was a complaint or no memory.
 */
struct conf	*conf_parse(const char *file, const char *text, size_t len,
		    const struct strings *overrides, struct buf *errors);
void		 conf_free(struct conf *);

/*
 * Check a configuration against the system: directories exist; users exist (if
 * privileged, started by root); the cache (unless it is NULL) is writable; the
 * tracker's key (unless it is NULL) is a file of the right size.
 * Appends complaints as above; 0 or -1.  A file server may never answer, so
 * look (or NULL) is called before each access to a path.
 */
typedef void	 conf_look(const char *keyword, const char *value,
		    struct buf *errors);
int		 conf_check_system(const struct conf *, const char *file,
		    bool privileged, conf_look *look, struct buf *errors);

/* Returns the piece length of a kind, in bytes; 0: the one that fits the files,
   torrent_auto_piece_len(). */
uint32_t	 conf_piece_len(const struct conf *, enum piece_kind);
/* The kind that simple mode has. */
enum piece_kind	 conf_simple_kind(const struct conf *);

/* Append the whole configuration as text for conf_parse().  0, or -1 with
   ENOMEM. */
int		 conf_print(const struct conf *, struct buf *);

/* Returns 1 if the address belongs to a proxy.  An IPv4 address must have been
   unmapped, see addr.h. */
int		 conf_is_proxy(const struct conf *, int family,
		    const void *addr);

/* Returns the index of the root of a path or pattern: the root with the longest
   prefix of whole components.  A wildcard never matches a prefix.  -1: none. */
int		 conf_root_of(const struct conf *, const char *path,
		    size_t len);

/* The same of a spec, as if it had no "." components; -1 also if it is longer
   than SPEC_MAX. */
int		 conf_root_of_spec(const struct conf *, const void *spec,
		    size_t len);

/* Find the root with the same prefix and directory, for a reload.  -1: none. */
int		 conf_find_root(const struct conf *,
		    const struct conf_root *);
/* Do two configurations have the same roots in the same order?  Do they make
   the same torrents of a tree (piece lengths, padding, service, deny)? */
bool		 conf_same_roots(const struct conf *, const struct conf *);
bool		 conf_same_params(const struct conf *, const struct conf *);

/* Is the tracker's key the cache's to read and to make?  If not, it is in the
   file tracker_key.  False as well if there is to be no tracker. */
bool		 conf_key_in_cache(const struct conf *);
#define CONF_KEY_NAME	"tracker.key"

/* Parse a trackers file.  Appends good URLs to out, one per line, and
   complaints with file and line to errors.  0, or -1 with ENOMEM. */
int		 trackers_parse(const char *file, const char *text, size_t len,
		    struct buf *out, struct buf *errors);

#endif
