/*
 * The keywords.  A new one is a row here, a member of struct conf and an
 * entry in pkgtorrentd.conf(5) and in the example; only a value of a new
 * shape needs functions of its own.
 */
#include <string.h>

#include "common/conf/keyword.h"

#define K	(1ULL << 10)
#define M	(1ULL << 20)
#define G	(1ULL << 30)
#define T	(1ULL << 40)
#define MINUTE	60ULL
#define HOUR	3600ULL
#define DAY	86400ULL

static const struct unit unit_none[] = { { 0, 0 } };
static const struct unit unit_size[] = {
	{ 'K', K }, { 'M', M }, { 'G', G }, { 'T', T }, { 0, 0 }
};
static const struct unit unit_time[] = {
	{ 's', 1 }, { 'm', MINUTE }, { 'h', HOUR }, { 'd', DAY }, { 0, 0 }
};

#define NUMBER(parser, what, unit, bytes, times) {			\
	.parse = conf_parse_##parser, .print = conf_print_number,	\
	.args_max = 1, .noun = what, .units = unit, .width = bytes,	\
	.scale = times }

static const struct kind kind_count = NUMBER(number, "a number", unit_none,
    4, 1);
static const struct kind kind_size = NUMBER(number, "a size", unit_size,
    8, 1);
static const struct kind kind_piece_len = NUMBER(piece_len, "a power of two",
    unit_size, 4, 1);
static const struct kind kind_time_ms = NUMBER(number, "a time", unit_time,
    4, 1000);
static const struct kind kind_time_s = NUMBER(number, "a time", unit_time,
    8, 1);

static const struct kind kind_flag = {
	.parse = conf_parse_flag, .print = conf_print_flag, .args_max = 1
};
static const struct kind kind_choice = {
	.parse = conf_parse_choice, .print = conf_print_choice, .args_max = 1
};

#define OWNING(name, args, again) {					\
	.parse = conf_parse_##name, .print = conf_print_##name,		\
	.reset = conf_reset_##name, .args_max = args, .repeats = again }

static const struct kind kind_string = OWNING(string, 1, false);
static const struct kind kind_strings = OWNING(strings, 1, true);
static const struct kind kind_listen = OWNING(listen, 1, true);
static const struct kind kind_root = OWNING(root, 2, true);
static const struct kind kind_user = OWNING(user, 2, true);
static const struct kind kind_proxy = OWNING(proxy, CONF_LIST_MAX, false);
static const struct kind kind_access_log = OWNING(access_log, 1, false);

#define KEYWORD(word, type, field, dflt, ...) {				\
	.name = word, .kind = &kind_##type,				\
	.offset = offsetof(struct conf, field), .fallback = dflt, __VA_ARGS__ }
#define WHAT(text)	.what = text
#define WORDS(text)	.words = text
#define FROM(least, most) .min = least, .max = most
#define STRING(test, text) .check = conf_check_##test, .what = text
#define STRINGS(test, most, text) STRING(test, text), .max = most

/* Printed in this order. */
static const struct keyword keywords[] = {
	KEYWORD("listen", listen, listen, "127.0.0.1:8080\n[::1]:8080",
	    .max = CONF_FEW_MAX,
	    WHAT("ADDRESS:PORT, [ADDRESS6]:PORT or /path/to/socket")),
	KEYWORD("root", root, roots, NULL, .max = CONF_FEW_MAX,
	    WHAT("DIRECTORY or /prefix DIRECTORY, both absolute")),
	KEYWORD("deny", strings, deny, NULL, STRINGS(pattern, CONF_LIST_MAX,
	    "a pattern such as /private/*.iso")),
	KEYWORD("cache", string, cache, "/var/cache/torrent_service",
	    STRING(path, "an absolute path")),
	KEYWORD("trackers", string, trackers,
	    "/var/lib/torrent_service/trackers",
	    STRING(path, "an absolute path")),
	KEYWORD("service", string, service, "torrent_service",
	    STRING(component, "a name without slashes")),
	KEYWORD("base-url", string, base_url, NULL,
	    STRING(url, "a URL such as http://mirror.example.org/pub")),
	KEYWORD("web-seed", strings, web_seeds, NULL, STRINGS(url,
	    CONF_FEW_MAX, "a URL such as http://mirror.example.org/pub")),
	KEYWORD("host", strings, hosts, NULL, STRINGS(host, CONF_LIST_MAX,
	    "a host name or address, without a port")),
	KEYWORD("proxy", proxy, proxies, "127.0.0.1 ::1",
	    .max = CONF_LIST_MAX, WHAT("ADDRESS[/BITS] ... or none")),
	KEYWORD("serve-files", flag, serve_files, "no", WORDS("no|yes")),
	KEYWORD("hashers", count, hashers, NULL, FROM(1, 64)),
	KEYWORD("digest", choice, digest, "auto",
	    WORDS("auto|avx512|avx2|openssl")),
	KEYWORD("piece-length", piece_len, piece_len, "1M",
	    FROM(16 * K, 16 * M)),
	KEYWORD("padding", flag, padding_attr, "legacy", WORDS("legacy|attr")),
	KEYWORD("hash-wait", time_ms, hash_wait_ms, "50s",
	    FROM(0, 10 * MINUTE)),
	KEYWORD("revalidate", time_ms, revalidate_ms, "5s", FROM(0, HOUR)),
	KEYWORD("hot-size", size, hot_size, "64M", FROM(1 * M, 1 * T)),
	KEYWORD("cache-size", size, cache_size, "2G", FROM(1 * M, 1024 * T)),
	KEYWORD("cache-age", time_s, cache_age_s, "30d", FROM(1, 3650 * DAY)),
	KEYWORD("user", user, user, CONF_USER, WHAT("NAME or ROLE NAME, ROLE "
	    "being front, walker, hasher or cache")),
	KEYWORD("sandbox", flag, strict, "strict", WORDS("best-effort|strict")),
	/* Numbered as in syslog(3). */
	KEYWORD("log-level", choice, log_level, "info",
	    WORDS("|||error|warning||info|debug")),
	KEYWORD("access-log", access_log, access_log, "yes",
	    WHAT("yes, no or the absolute path of a file")),
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
};

#define NKEYWORDS	(sizeof(keywords) / sizeof(keywords[0]))
_Static_assert(NKEYWORDS <= CONF_KEYWORDS_MAX, "struct reader has no room");

const struct keyword *
conf_keyword(size_t n)
{
	return n < NKEYWORDS ? &keywords[n] : NULL;
}
