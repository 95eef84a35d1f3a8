/*
 * The configuration: pkgtorrentd.conf(5) as a struct.  Pure but for
 * conf_check_system(): text in, struct and complaints out.
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
	char			*text;		/* as in the file */
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
enum conf_digest { DIGEST_AUTO, DIGEST_AVX512, DIGEST_AVX2, DIGEST_OPENSSL };

struct conf {
	struct conf_listen	*listen;
	size_t			 nlisten;
	struct conf_root	*roots;
	size_t			 nroots;
	struct strings		 deny;		/* patterns */
	char			*cache;
	char			*trackers;
	char			*service;
	char			*base_url;	/* NULL: from the request; no
						   final slash */
	struct strings		 web_seeds;	/* no final slash */
	struct strings		 hosts;		/* lower case; none: any */
	struct conf_proxy	*proxies;
	size_t			 nproxies;
	bool			 serve_files;
	uint32_t		 hashers;
	uint32_t		 piece_len;	/* bytes */
	bool			 padding_attr;
	uint32_t		 hash_wait_ms;
	uint32_t		 revalidate_ms;
	uint64_t		 cache_size;	/* bytes */
	uint64_t		 cache_age_s;
	char			*user[ROLE_COUNT]; /* [ROLE_PARENT] unused */
	bool			 strict;
	int			 log_level;	/* as syslog(3) */
	enum conf_access_log	 access_log;
	char			*access_log_file;
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
	enum conf_digest	 digest;
	uint32_t		 header_timeout_ms;
	uint32_t		 body_timeout_ms;
	uint32_t		 idle_timeout_ms;
	uint32_t		 write_timeout_ms;
};

/*
 * Parse a configuration.  file names it in complaints ("/etc/x.conf:12: …").
 * overrides are the arguments of -o, in order; they win over the text, and
 * for keywords that repeat their list replaces it.  Every complaint is a line
 * (with its newline) in errors.  Returns a configuration to be freed with
 * conf_free(), or NULL when there was a complaint or no memory.
 */
struct conf	*conf_parse(const char *file, const char *text, size_t len,
		    const struct strings *overrides, struct buf *errors);
void		 conf_free(struct conf *);

/*
 * What only the system can tell: directories exist, users exist (as root),
 * the cache (NULL: it is left alone) can be written.  Complaints as above; 0
 * or -1.  A file server may never answer: look (or NULL) is told before each
 * look at a path.
 */
typedef void	 conf_look(const char *keyword, const char *value,
		    struct buf *errors);
int		 conf_check_system(const struct conf *, const char *file,
		    bool privileged, conf_look *look,
		    struct buf *errors);

/* In full, in a form that conf_parse() takes again.  0, or -1 with ENOMEM. */
int		 conf_print(const struct conf *, struct buf *);

/* 1 if the address is one of the proxies; IPv4 ones as such, see addr.h. */
int		 conf_is_proxy(const struct conf *, int family,
		    const void *addr);

/* Which root holds a path or pattern: the longest prefix of whole components
   wins, wildcards never match a prefix.  -1: none. */
int		 conf_root_of(const struct conf *, const char *path,
		    size_t len);

/* For a reload: the root that shows the same directory under the same prefix;
   -1: there is none. */
int		 conf_find_root(const struct conf *,
		    const struct conf_root *);
/*
 * … do both show the same directories under the same prefixes, in the same
 * order; would both make the same torrents of them (pieces, padding, what is
 * denied)?
 */
bool		 conf_same_roots(const struct conf *, const struct conf *);
bool		 conf_same_layout(const struct conf *, const struct conf *);

/* Trackers file: good URLs, one per line, into out; complaints into errors,
   with file and line.  0, or -1 with ENOMEM. */
int		 trackers_parse(const char *file, const char *text, size_t len,
		    struct buf *out, struct buf *errors);

#endif
