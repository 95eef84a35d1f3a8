/* SPDX-License-Identifier: ISC */
/*
 * The keywords.  To add one, add a row here, a member of struct conf and an
 * entry in pkgtorrentd.conf(5) and in the example; only a new type of value
 * needs functions of its own.
 */
#include "common/conf/keyword.h"

#define K	(1ULL << 10)
#define M	(1ULL << 20)
#define G	(1ULL << 30)
#define T	(1ULL << 40)
#define MINUTE	60ULL
#define HOUR	3600ULL
#define DAY	86400ULL

#define KEYWORD(word, kind, field, dflt, ...) {				\
	.name = word, .type = &conf_type_##kind,			\
	.offset = offsetof(struct conf, field), .fallback = dflt, __VA_ARGS__ }
#define EXPECT(text)	.expected = text
#define WORDS(text)	.words = text
#define FROM(least, most) .min = least, .max = most
#define RULE(name)	.rule = &conf_rule_##name
#define RULES(name, most) RULE(name), .max = most

/* conf_print() prints them in this order. */
const struct keyword conf_keywords[] = {
	KEYWORD("listen", listen, listen, "127.0.0.1:8080\n[::1]:8080",
	    .max = CONF_FEW_MAX,
	    EXPECT("ADDRESS:PORT, [ADDRESS6]:PORT or /path/to/socket")),
	KEYWORD("metrics", metrics, metrics, "none",
	    EXPECT("ADDRESS:PORT, [ADDRESS6]:PORT, /path/to/socket or "
	    "none")),
	KEYWORD("root", root, roots, NULL, .max = CONF_FEW_MAX,
	    EXPECT("DIRECTORY or /prefix DIRECTORY, both absolute")),
	KEYWORD("deny", strings, deny, NULL, RULES(pattern, CONF_LIST_MAX)),
	KEYWORD("cache", string, cache, "/var/cache/torrent_service",
	    RULE(path)),
	KEYWORD("trackers", string, trackers,
	    "/var/lib/torrent_service/trackers", RULE(path)),
	KEYWORD("tracker", choice, tracker, "auto", WORDS("auto|yes|no")),
	KEYWORD("tracker-key", string, tracker_key, NULL, RULE(path)),
	KEYWORD("whitelist-socket", string, whitelist_socket, NULL,
	    RULE(socket)),
	KEYWORD("control", string, control, "auto", RULE(control)),
	KEYWORD("service", string, service, "torrent_service",
	    RULE(component)),
	KEYWORD("base-url", string, base_url, NULL, RULE(url)),
	KEYWORD("web-seed", strings, web_seeds, NULL, RULES(url, CONF_FEW_MAX)),
	KEYWORD("host", strings, hosts, NULL, RULES(host, CONF_LIST_MAX)),
	KEYWORD("proxy", proxy, proxies, "127.0.0.1 ::1",
	    .max = CONF_LIST_MAX, EXPECT("ADDRESS[/BITS] ... or none")),
	KEYWORD("serve-files", flag, serve_files, "no", WORDS("no|yes")),
	KEYWORD("cors", flag, cors, "no", WORDS("no|yes")),
	KEYWORD("hashers", count, hashers, NULL, FROM(1, 64)),
	KEYWORD("digest", choice, sha1_impl, "auto",
	    WORDS("auto|avx512|avx2|openssl")),
	KEYWORD("piece-length", piece_len, piece_len, "1M",
	    FROM(16 * K, 16 * M)),
	KEYWORD("simple-piece-length", auto_piece_len, simple_piece_len,
	    "auto", EXPECT("auto or a power of two from 16K to 16M"),
	    FROM(16 * K, 16 * M)),
	KEYWORD("padding", flag, padding_attr, "legacy", WORDS("legacy|attr")),
	KEYWORD("hash-wait", time_ms, hash_wait_ms, "50s",
	    FROM(0, 10 * MINUTE)),
	KEYWORD("revalidate", time_ms, revalidate_ms, "5s", FROM(0, HOUR)),
	KEYWORD("hot-size", size, hot_size, "64M", FROM(1 * M, 1 * T)),
	KEYWORD("answer-memory", size, answer_memory, "256M",
	    FROM(1 * M, 1 * T)),
	KEYWORD("cache-size", size, cache_size, "2G", FROM(1 * M, 1024 * T)),
	KEYWORD("cache-age", time_s, cache_age_s, "30d", FROM(1, 3650 * DAY)),
	KEYWORD("tracker-peers", size, tracker_peers, "1M",
	    FROM(1 * K, 64 * M)),
	KEYWORD("user", user, user, CONF_USER, EXPECT("NAME or ROLE NAME, ROLE "
	    "being front, walker, hasher, cache or tracker")),
	KEYWORD("sandbox", flag, strict, "strict", WORDS("best-effort|strict")),
	/* The index is a priority of syslog(3). */
	KEYWORD("log-level", choice, log_level, "info",
	    WORDS("|||error|warning||info|debug")),
	KEYWORD("access-log", access_log, access_log, "no",
	    EXPECT("yes, no or the absolute path of a file")),
	KEYWORD("log-file", string, log_file, NULL, RULE(path)),
	KEYWORD("pid-file", string, pid_file, NULL, RULE(path)),
	KEYWORD("max-connections", count, max_connections, "1024",
	    FROM(1, 65536)),
	KEYWORD("max-connections-per-client", count,
	    max_connections_per_client, "32", FROM(1, 65536)),
	KEYWORD("max-jobs-per-client", count, max_jobs_per_client, "4",
	    FROM(1, 65536)),
	KEYWORD("max-queue", count, max_queue, "256", FROM(1, 65536)),
	KEYWORD("max-body", size, max_body, "2M", FROM(1 * K, 256 * M)),
	KEYWORD("max-paths", count, max_paths, "10000", FROM(1, 200000)),
	KEYWORD("max-files", count, max_files, "10000", FROM(1, 200000)),
	KEYWORD("max-bytes", size, max_bytes, "2T", FROM(1, 1024 * T)),
	KEYWORD("max-torrent", size, max_torrent, "64M", FROM(1 * K, 1 * G)),
	KEYWORD("header-timeout", time_ms, header_timeout_ms, "10s",
	    FROM(1, HOUR)),
	KEYWORD("body-timeout", time_ms, body_timeout_ms, "20s",
	    FROM(1, HOUR)),
	KEYWORD("idle-timeout", time_ms, idle_timeout_ms, "30s",
	    FROM(1, HOUR)),
	KEYWORD("write-timeout", time_ms, write_timeout_ms, "20s",
	    FROM(1, HOUR)),
	{ .name = NULL }
};

_Static_assert(sizeof(conf_keywords) / sizeof(conf_keywords[0]) <=
    CONF_KEYWORDS_MAX, "struct reader has no room");
