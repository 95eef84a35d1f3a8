/* SPDX-License-Identifier: ISC */
/*
 * The numbers that the service counts: for Prometheus, for pkgtorrentctl(8),
 * for the service manager and for the lines of SIGUSR1.
 *
 * The tables below are the only place that defines them.  From these come the
 * enum, the messages COUNTS and TOTALS, the texts, and the check of the list in
 * pkgtorrentd(8).  Each process counts its own rows in child->counts; once a
 * second the workers send them to the front, which adds up the processes of a
 * role, and the front sends all of them to the parent.
 *
 * No label is a text of a client.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include "common/buf.h"
#include "common/msg.h"

#define COUNTS_MS	1000	/* between two messages */
#define COUNTS_PREFIX	"pkgtorrentd_"

enum count_kind {
	COUNT_COUNTER,
	COUNT_GAUGE,
	/* A histogram is COUNTS_BUCKETS rows, which count the values up to
	   their bound and above that of the row before, and the sum. */
	COUNT_BUCKET,
	COUNT_SUM		/* microseconds */
};

/* The upper bounds of the buckets, as labels in seconds; the last is none. */
#define COUNTS_BUCKETS	9

/*
 *	identifier, kind, name without COUNTS_PREFIX, label, its value, help
 *
 * Rows of one name follow each other; the first has the help, a sentence that
 * also serves as a title.  The base units are seconds and bytes.
 */
#define COUNTS_PARENT(X)						      \
	X(BUILD, GAUGE, "build_info", "version", VERSION,		      \
	    "Always 1; the label is the version.")			      \
	X(START, GAUGE, "start_time_seconds", "", "",			      \
	    "Time of the start, in seconds since 1970.")		      \
	X(RESTARTS_FRONT, COUNTER, "process_restarts_total", "role", "front", \
	    "Processes that ended and were started again.")		      \
	X(RESTARTS_WALKER, COUNTER, "process_restarts_total", "role",	      \
	    "walker", "")						      \
	X(RESTARTS_HASHER, COUNTER, "process_restarts_total", "role",	      \
	    "hasher", "")						      \
	X(RESTARTS_CACHE, COUNTER, "process_restarts_total", "role",	      \
	    "cache", "")						      \
	X(RESTARTS_TRACKER, COUNTER, "process_restarts_total", "role",	      \
	    "tracker", "")						      \
	X(LINES_ERROR, COUNTER, "log_lines_total", "level", "error",	      \
	    "Errors and warnings in the log.")				      \
	X(LINES_WARNING, COUNTER, "log_lines_total", "level", "warning", "")  \
	X(WRONG, COUNTER, "wrong_messages_total", "", "",		      \
	    "Messages between processes that broke the rules.")		      \
	X(SYSCALLS, COUNTER, "stopped_system_calls_total", "", "",	      \
	    "System calls that a filter stopped.")			      \
	X(RELOADED, GAUGE, "config_last_reload_successful", "", "",	      \
	    "1, or 0 after a reload that was refused.")

#define COUNTS_FRONT(X)							      \
	X(CONNECTIONS, GAUGE, "connections", "", "",			      \
	    "Connections that are open.")				      \
	X(CONNECTIONS_LIMIT, GAUGE, "connections_limit", "", "",	      \
	    "Connections that are served at once, at most.")		      \
	X(ACCEPTED, COUNTER, "connections_accepted_total", "", "",	      \
	    "Connections accepted.")					      \
	X(REFUSED, COUNTER, "connections_refused_total", "", "",	      \
	    "Connections refused over a limit.")			      \
	X(KIND_SINGLE, COUNTER, "http_requests_total", "kind", "single",      \
	    "Requests by the kind of URL.")				      \
	X(KIND_SIMPLE, COUNTER, "http_requests_total", "kind", "simple", "")  \
	X(KIND_META4, COUNTER, "http_requests_total", "kind", "meta4", "")    \
	X(KIND_DIGEST, COUNTER, "http_requests_total", "kind", "digest", "")  \
	X(KIND_NULLFILE, COUNTER, "http_requests_total", "kind", "nullfile",  \
	    "")								      \
	X(KIND_ANNOUNCE, COUNTER, "http_requests_total", "kind", "announce",  \
	    "")								      \
	X(KIND_SCRAPE, COUNTER, "http_requests_total", "kind", "scrape", "")  \
	X(KIND_FILE, COUNTER, "http_requests_total", "kind", "file", "")      \
	X(KIND_PAGE, COUNTER, "http_requests_total", "kind", "page", "")      \
	X(KIND_OTHER, COUNTER, "http_requests_total", "kind", "other", "")    \
	X(CODE_200, COUNTER, "http_responses_total", "code", "200",	      \
	    "Answers by HTTP status.")					      \
	X(CODE_204, COUNTER, "http_responses_total", "code", "204", "")	      \
	X(CODE_206, COUNTER, "http_responses_total", "code", "206", "")	      \
	X(CODE_304, COUNTER, "http_responses_total", "code", "304", "")	      \
	X(CODE_400, COUNTER, "http_responses_total", "code", "400", "")	      \
	X(CODE_403, COUNTER, "http_responses_total", "code", "403", "")	      \
	X(CODE_404, COUNTER, "http_responses_total", "code", "404", "")	      \
	X(CODE_405, COUNTER, "http_responses_total", "code", "405", "")	      \
	X(CODE_408, COUNTER, "http_responses_total", "code", "408", "")	      \
	X(CODE_412, COUNTER, "http_responses_total", "code", "412", "")	      \
	X(CODE_413, COUNTER, "http_responses_total", "code", "413", "")	      \
	X(CODE_414, COUNTER, "http_responses_total", "code", "414", "")	      \
	X(CODE_415, COUNTER, "http_responses_total", "code", "415", "")	      \
	X(CODE_416, COUNTER, "http_responses_total", "code", "416", "")	      \
	X(CODE_417, COUNTER, "http_responses_total", "code", "417", "")	      \
	X(CODE_421, COUNTER, "http_responses_total", "code", "421", "")	      \
	X(CODE_429, COUNTER, "http_responses_total", "code", "429", "")	      \
	X(CODE_431, COUNTER, "http_responses_total", "code", "431", "")	      \
	X(CODE_500, COUNTER, "http_responses_total", "code", "500", "")	      \
	X(CODE_501, COUNTER, "http_responses_total", "code", "501", "")	      \
	X(CODE_503, COUNTER, "http_responses_total", "code", "503", "")	      \
	X(CODE_505, COUNTER, "http_responses_total", "code", "505", "")	      \
	X(CODE_OTHER, COUNTER, "http_responses_total", "code", "other", "")   \
	X(SENT, COUNTER, "http_sent_bytes_total", "", "",		      \
	    "Bytes sent to clients, with the heads of answers.")	      \
	X(ANSWER, BUCKET, "http_answer_duration_seconds", "le", "0.001",      \
	    "Time from a request to its answer; 0 if it did not wait.")	      \
	X(ANSWER_1, BUCKET, "http_answer_duration_seconds", "le", "0.005",    \
	    "")								      \
	X(ANSWER_2, BUCKET, "http_answer_duration_seconds", "le", "0.025",    \
	    "")								      \
	X(ANSWER_3, BUCKET, "http_answer_duration_seconds", "le", "0.1", "")  \
	X(ANSWER_4, BUCKET, "http_answer_duration_seconds", "le", "0.5", "")  \
	X(ANSWER_5, BUCKET, "http_answer_duration_seconds", "le", "2.5", "")  \
	X(ANSWER_6, BUCKET, "http_answer_duration_seconds", "le", "10", "")   \
	X(ANSWER_7, BUCKET, "http_answer_duration_seconds", "le", "50", "")   \
	X(ANSWER_8, BUCKET, "http_answer_duration_seconds", "le", "+Inf", "") \
	X(ANSWER_SUM, SUM, "http_answer_duration_seconds", "", "", "")	      \
	X(HOT_TORRENTS, GAUGE, "hot_torrents", "", "",			      \
	    "Torrents in hot memory.")					      \
	X(HOT_BYTES, GAUGE, "hot_bytes", "", "",			      \
	    "Bytes of torrents in hot memory.")				      \
	X(HOT_LIMIT, GAUGE, "hot_limit_bytes", "", "",			      \
	    "hot-size.")						      \
	X(HOT_HITS, COUNTER, "hot_hits_total", "", "",			      \
	    "Requests answered from hot memory at once.")		      \
	X(HOT_MISSES, COUNTER, "hot_misses_total", "", "",		      \
	    "Requests whose torrent was to be made or checked first.")	      \
	X(MEMORY, GAUGE, "answer_memory_bytes", "", "",			      \
	    "Bytes of torrents in the making or being sent.")		      \
	X(MEMORY_LIMIT, GAUGE, "answer_memory_limit_bytes", "", "",	      \
	    "answer-memory.")						      \
	X(MEMORY_CLOSED, COUNTER, "answer_memory_closed_total", "", "",	      \
	    "Slow connections closed for want of answer-memory.")	      \
	X(MEMORY_REFUSED, COUNTER, "answer_memory_refused_total", "", "",     \
	    "Large torrents refused for want of answer-memory.")	      \
	X(JOBS, GAUGE, "jobs", "", "",					      \
	    "Torrents in the making.")					      \
	X(JOBS_QUEUED, GAUGE, "jobs_queued", "", "",			      \
	    "Of these, those that count against max-queue.")		      \
	X(JOBS_LIMIT, GAUGE, "jobs_limit", "", "",			      \
	    "max-queue.")						      \
	X(JOBS_429, COUNTER, "jobs_refused_total", "code", "429",	      \
	    "Torrents refused over max-jobs-per-client (429) or max-queue "   \
	    "(503).")							      \
	X(JOBS_503, COUNTER, "jobs_refused_total", "code", "503", "")	      \
	X(HASHED_FILES, COUNTER, "hashed_files_total", "", "",		      \
	    "Files hashed.")						      \
	X(HASHED, COUNTER, "hashed_bytes_total", "", "",		      \
	    "Bytes hashed.")						      \
	X(HASH_LEFT, GAUGE, "hash_queue_bytes", "", "",			      \
	    "Bytes still to be hashed, but for those in the background.")     \
	X(HASH_RATE, GAUGE, "hash_rate_bytes", "", "",			      \
	    "Bytes hashed in a second, over the last seconds.")		      \
	X(ANNOUNCED, COUNTER, "announce_answers_total", "", "",		      \
	    "Announces and scrapes answered.")				      \
	X(ANNOUNCE_FAILED, COUNTER, "announce_failures_total", "", "",	      \
	    "Of these, those answered with a failure.")

#define COUNTS_WALKER(X)						      \
	X(RESOLVED, COUNTER, "resolutions_total", "", "",		      \
	    "Requests whose paths walkers have looked up.")		      \
	X(RESOLVING, GAUGE, "resolutions", "", "",			      \
	    "The same, under way.")					      \
	X(OPENED, COUNTER, "opened_files_total", "", "",		      \
	    "Files opened, to be hashed or sent.")			      \
	X(NOT_OPENED, COUNTER, "unopened_files_total", "", "",		      \
	    "Files that were missing or refused when they were to be opened.")

#define COUNTS_HASHER(X)						      \
	X(HASH, BUCKET, "hash_batch_duration_seconds", "le", "0.001",	      \
	    "Time to hash a batch of at most 64 MiB.")			      \
	X(HASH_1, BUCKET, "hash_batch_duration_seconds", "le", "0.005", "")   \
	X(HASH_2, BUCKET, "hash_batch_duration_seconds", "le", "0.025", "")   \
	X(HASH_3, BUCKET, "hash_batch_duration_seconds", "le", "0.1", "")     \
	X(HASH_4, BUCKET, "hash_batch_duration_seconds", "le", "0.5", "")     \
	X(HASH_5, BUCKET, "hash_batch_duration_seconds", "le", "2.5", "")     \
	X(HASH_6, BUCKET, "hash_batch_duration_seconds", "le", "10", "")      \
	X(HASH_7, BUCKET, "hash_batch_duration_seconds", "le", "50", "")      \
	X(HASH_8, BUCKET, "hash_batch_duration_seconds", "le", "+Inf", "")    \
	X(HASH_SUM, SUM, "hash_batch_duration_seconds", "", "", "")	      \
	X(HASH_READ, COUNTER, "hash_read_bytes_total", "", "",		      \
	    "Bytes read by hashers, also of files that changed meanwhile.")   \
	X(HASH_BATCHES, GAUGE, "hash_batches", "", "",			      \
	    "Batches that hashers have.")

#define COUNTS_CACHE(X)							      \
	X(CACHE_INFO, GAUGE, "cache_bytes", "share", "info",		      \
	    "Bytes of the cache on disk by share; others is a part of "	      \
	    "pieces.")							      \
	X(CACHE_PIECES, GAUGE, "cache_bytes", "share", "pieces", "")	      \
	X(CACHE_OTHERS, GAUGE, "cache_bytes", "share", "others", "")	      \
	X(CACHE_LIMIT_INFO, GAUGE, "cache_limit_bytes", "share", "info",      \
	    "Their limits.")						      \
	X(CACHE_LIMIT_PIECES, GAUGE, "cache_limit_bytes", "share", "pieces",  \
	    "")								      \
	X(CACHE_LIMIT_OTHERS, GAUGE, "cache_limit_bytes", "share", "others",  \
	    "")								      \
	X(CACHE_ENTRIES, GAUGE, "cache_entries", "", "",		      \
	    "Entries on disk.")						      \
	X(CACHE_COUNTING, GAUGE, "cache_counting", "", "",		      \
	    "1 until the cache has been counted after a start.")	      \
	X(INFO_HITS, COUNTER, "cache_info_hits_total", "", "",		      \
	    "Torrents found in the cache.")				      \
	X(INFO_MISSES, COUNTER, "cache_info_misses_total", "", "",	      \
	    "Torrents not found in the cache.")				      \
	X(PIECES_HITS, COUNTER, "cache_pieces_hits_total", "", "",	      \
	    "Piece lists of files found in the cache.")			      \
	X(PIECES_MISSES, COUNTER, "cache_pieces_misses_total", "", "",	      \
	    "Piece lists of files not found in the cache.")		      \
	X(SAVES, COUNTER, "cache_saves_total", "", "",			      \
	    "Entries stored.")						      \
	X(CACHE_ERRORS, COUNTER, "cache_errors_total", "", "",		      \
	    "Wrong entries and failed writes.")				      \
	X(WRITE_ERRORS, COUNTER, "cache_write_errors_total", "", "",	      \
	    "Of these, failed writes.")					      \
	X(SWEEPS, COUNTER, "cache_sweeps_total", "", "",		      \
	    "Sweeps of the cache.")					      \
	X(EVICTED_AGE, COUNTER, "cache_evictions_total", "reason", "age",     \
	    "Entries removed, for cache-age or cache-size.")		      \
	X(EVICTED_SIZE, COUNTER, "cache_evictions_total", "reason", "size",   \
	    "")

#define COUNTS_TRACKER(X)						      \
	X(SWARMS, GAUGE, "tracker_swarms", "", "",			      \
	    "Swarms.")							      \
	X(PEERS, GAUGE, "tracker_peers", "", "",			      \
	    "Peers, in all swarms.")					      \
	X(PEERS_LIMIT, GAUGE, "tracker_peers_limit", "", "",		      \
	    "tracker-peers.")						      \
	X(SEEDS, GAUGE, "tracker_seeds", "", "",			      \
	    "Peers that have everything.")				      \
	X(ADDRESSES, GAUGE, "tracker_addresses", "", "",		      \
	    "Addresses of peers.")					      \
	X(TRACKER_MEMORY, GAUGE, "tracker_memory_bytes", "", "",	      \
	    "Memory of the tracker's tables.")				      \
	X(ANNOUNCES, COUNTER, "tracker_announces_total", "", "",	      \
	    "Announces and scrapes that the tracker has had.")		      \
	X(ANNOUNCES_SOON, COUNTER, "tracker_soon_total", "", "",	      \
	    "Announces too soon after another.")			      \
	X(UNLISTED, COUNTER, "tracker_refused_total", "", "",		      \
	    "Announces of peers not listed for a limit.")		      \
	X(DISPLACED, COUNTER, "tracker_displaced_total", "", "",	      \
	    "Peers that made room for others.")				      \
	X(EXPIRED, COUNTER, "tracker_expired_total", "", "",		      \
	    "Peers gone without a word.")

/* In the order of enum role. */
#define COUNTS_TABLE(X)							      \
	COUNTS_PARENT(X)						      \
	COUNTS_FRONT(X)							      \
	COUNTS_WALKER(X)						      \
	COUNTS_HASHER(X)						      \
	COUNTS_CACHE(X)							      \
	COUNTS_TRACKER(X)

enum count {
#define X(id, kind, name, label, value, help) COUNT_##id,
	COUNTS_TABLE(X)
#undef X
	COUNT_ROWS
};

_Static_assert(COUNT_ROWS * sizeof(uint64_t) <= COUNTS_LEN_MAX,
    "all numbers fit one message");

struct count_row {
	const char	*name;		/* without COUNTS_PREFIX */
	const char	*label;		/* "": none */
	const char	*value;		/* of the label */
	const char	*help;		/* of the first row of a name */
	enum count_kind	 kind;
};

extern const struct count_row counts_rows[COUNT_ROWS];

/* The rows of a role; *n of them follow the first, which is returned. */
enum count counts_of(enum role, size_t *n);
/* The row of an HTTP status. */
enum count counts_code(int status);
/* Add a value to the histogram that begins with this row. */
void	 counts_observe(uint64_t counts[COUNT_ROWS], enum count first,
	    uint64_t us);
/* The number of values in that histogram. */
uint64_t counts_observed(const uint64_t counts[COUNT_ROWS], enum count first);

/*
 * The tail of MSG_COUNTS for the rows of a role: counters as differences from
 * those that were sent before, gauges as they are.  So a channel may be
 * replaced while the process lives.  out has COUNTS_LEN_MAX bytes.  Returns the
 * length; 0: nothing has changed.  After the message is sent, counts_sent()
 * remembers that.
 */
size_t	 counts_pack(enum role, const uint64_t counts[COUNT_ROWS],
	    const uint64_t sent[COUNT_ROWS], uint8_t *out);
void	 counts_sent(enum role, const uint64_t counts[COUNT_ROWS],
	    uint64_t sent[COUNT_ROWS]);
/* The other end has forgotten the gauges: they are to be sent again. */
void	 counts_forget_gauges(enum role, uint64_t sent[COUNT_ROWS]);

/* The gauges that a worker sent last, by their place among its role's rows. */
#define COUNTS_ROLE_MAX	20
struct counts_gauges {
	uint64_t	v[COUNTS_ROLE_MAX];
};

/*
 * Add such a tail of one of a role's processes to the sums.  The numbers are
 * not believed in any way: they may be any, and wrap.  0, or -1: the length is
 * wrong.
 */
int	 counts_take(enum role, uint64_t sums[COUNT_ROWS],
	    struct counts_gauges *, const uint8_t *tail, size_t len);
/* The process has ended: its gauges do not count any longer. */
void	 counts_lose(enum role, uint64_t sums[COUNT_ROWS],
	    struct counts_gauges *);

/*
 * All numbers as text, appended: in the text format 0.0.4 of Prometheus; as
 * members of a JSON object, without its braces; for people, a line for each
 * name.  0, or -1 with ENOMEM.  The length is bounded: COUNTS_TEXT_MAX.
 */
#define COUNTS_TEXT_MAX	(COUNT_ROWS * 256)
int	 counts_print_metrics(struct buf *, const uint64_t counts[COUNT_ROWS]);
int	 counts_print_json(struct buf *, const uint64_t counts[COUNT_ROWS]);
int	 counts_print_text(struct buf *, const uint64_t counts[COUNT_ROWS]);

/*
 * For another program, which may be of another version: a line "count NAME
 * VALUE NUMBER" for each row, with the value of the label, "sum" or "-".
 * counts_set() sets the row of such a line, if there is one.  0, or -1 with
 * ENOMEM.
 */
int	 counts_write(struct buf *, const uint64_t counts[COUNT_ROWS]);
void	 counts_set(uint64_t counts[COUNT_ROWS], const char *name,
	    const char *value, uint64_t number);

#endif
