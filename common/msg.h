/* SPDX-License-Identifier: ISC */
/*
 * The messages between processes: their senders, receivers and contents.
 *
 * MSG_TABLE is the only place that defines them.  From it come the numbers,
 * the names for the log, the sizes, the check that runs before any handler
 * (sender, receiver, exact length or bounded tail, descriptors, truncation)
 * and the list in docs/ARCHITECTURE.md.  Every channel is a SOCK_SEQPACKET
 * socketpair: the parent has one to each child, and the front one to each
 * walker, each hasher, the cache and the tracker.
 *
 * A message is a struct msg_header, a fixed body, a tail of bytes (at most
 * MSG_TAIL_MAX, often none) and 0 to 32 descriptors.  Content longer than
 * a tail goes in parts, in order, all but the last with PART_MORE.  Bodies hold
 * fixed-width integers and byte arrays, no pointers and no padding that is
 * not named; they are zeroed before they are filled.
 */
#ifndef MSG_H
#define MSG_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The descriptor of a child that leads to the parent. */
#define PARENT_FD	3

#define MSG_MAX		65536			/* header, body and tail */
#define MSG_TAIL_MAX	(MSG_MAX - 256)
#define MSG_FDS_MAX	32

#define SHA1_LEN	20
#define SEAL_LEN	32			/* HMAC-SHA-256 */
#define KEYS_MAX	64			/* of a pair: one per root */
#define SPEC_MAX	4095			/* bytes in a path or pattern */
#define TWO_PATHS_MAX	(2 * SPEC_MAX)
#define COUNTS_LEN_MAX	2048			/* bytes of common/counts.h */

enum role {
	ROLE_PARENT,
	ROLE_FRONT,
	ROLE_WALKER,
	ROLE_HASHER,
	ROLE_CACHE,
	ROLE_TRACKER,
	ROLE_COUNT
};

/* Sets of roles have a bit for each. */
#define PARENT		(1U << ROLE_PARENT)
#define FRONT		(1U << ROLE_FRONT)
#define WALKER		(1U << ROLE_WALKER)
#define HASHER		(1U << ROLE_HASHER)
#define CACHE		(1U << ROLE_CACHE)
#define TRACKER		(1U << ROLE_TRACKER)
#define SEALERS		(WALKER | HASHER | CACHE)
#define WORKERS		(SEALERS | TRACKER)
#define CHILDREN	(FRONT | WORKERS)

/*
 *   name        from      to              body (struct msg_...)
 *                                                 longest tail, descriptors
 *       the bound of what it can make the receiver do: messages that are read
 *       before others have their turn, that may be queued, or in a given time;
 *       or the sender is trusted
 */
#define MSG_TABLE(X)							      \
	/* The configuration as pkgtorrentd -nv prints it, in parts. */	      \
	X(CONF,       PARENT,   CHILDREN,       conf,       MSG_TAIL_MAX, 0, 0,\
	    "trusted")							      \
	/* The tracker's key, by the process that reads its file. */	      \
	X(TRACKER_KEY, PARENT | CACHE, FRONT,   tracker_key,           0, 0, 0,\
	    "WORKER_WORK_MAX a second")					      \
	/* Keys of one pair, SEAL_LEN each: for the next CHANNEL. */	      \
	X(KEY,        PARENT,   SEALERS, key, KEYS_MAX * SEAL_LEN,       0, 0,\
	    "trusted")							      \
	/* A channel to another process. */			      \
	X(CHANNEL,    PARENT,   CHILDREN,       channel,               0, 1, 1,\
	    "trusted")							      \
	/* One of the listening sockets of a kind; the last makes the set     \
	   valid.  Without a descriptor: there is none. */		      \
	X(LISTENER,   PARENT,   FRONT,          listener,              0, 0, 1,\
	    "trusted")							      \
	/* Where access log lines go; without a descriptor: MSG_ACCESS. */    \
	X(ACCESS_LOG, PARENT,   FRONT,          none,                  0, 0, 1,\
	    "trusted")							      \
	/* Announce URLs, one per line, checked, in parts. */		      \
	X(TRACKERS,   PARENT,   FRONT,          part,       MSG_TAIL_MAX, 0, 0,\
	    "trusted")							      \
	/* Log your summary. */						      \
	X(STATUS,     PARENT,   CHILDREN,       none,                  0, 0, 0,\
	    "trusted")							      \
	/* How often something was mounted or unmounted so far. */	      \
	X(MOUNTS,     PARENT,   FRONT | WALKER, mounts,                0, 0, 0,\
	    "trusted")							      \
	/* Walk a tree: have the pieces of its files remembered, or counted,  \
	   or compared.  The tail is the tree, and the position after which   \
	   to begin. */							      \
	X(WARM,       PARENT,   FRONT,          warm, TWO_PATHS_MAX, 0, 0,\
	    "trusted")							      \
	/* A command of pkgtorrentctl(8) for the path in the tail; EXPORT and \
	   IMPORT have a descriptor.  STOP ends the command with its number,  \
	   which is answered all the same if it is at hand. */		      \
	X(CONTROL,    PARENT,   FRONT | CACHE,  control,        SPEC_MAX, 0, 1,\
	    "trusted")							      \
	/* A connection to the socket of whitelist-socket, in place of the one \
	   before; without a descriptor: there is none. */		      \
	X(WHITELIST,  PARENT,   FRONT,          whitelist,             0, 0, 1,\
	    "trusted")							      \
	/* The sender's numbers of common/counts.h. */			      \
	X(COUNTS,     PARENT | WORKERS, FRONT,  counts, COUNTS_LEN_MAX,  0, 0,\
	    "WORKER_WORK_MAX a second")					      \
	/* Finish the answers under way, then exit. */			      \
	X(STOP,       PARENT,   FRONT,          none,                  0, 0, 0,\
	    "trusted")							      \
									      \
	/* Confined and at work; the tail names the layers. */		  \
	X(READY,      CHILDREN, PARENT,         ready,              1024, 0, 0,\
	    "once")							      \
	/* One line for the log. */					      \
	X(LOG,        CHILDREN, PARENT,         log,                2048, 0, 0,\
	    "LOG_LINES_MAX a minute")					      \
	/* Whole lines of the access log. */				      \
	X(ACCESS,     FRONT,    PARENT,         none,       MSG_TAIL_MAX, 0, 0,\
	    "CHILD_WORK_MAX lines a second")				      \
	/* The event loop still runs; sent each second. */		      \
	X(ALIVE,      FRONT,    PARENT,         none,                  0, 0, 0,\
	    "CHILD_WORK_MAX a second")					      \
	/* How far that walk is: its position, and the file at hand. */	      \
	X(WARMED,     FRONT,    PARENT,         warmed, TWO_PATHS_MAX, 0, 0,\
	    "none without WARM")					      \
	/* How far a command is, and that it has ended; the tail is the file  \
	   at hand, or the reason of a failure. */			      \
	X(CONTROLLED, FRONT | CACHE, PARENT,    controlled,     SPEC_MAX, 0, 0,\
	    "CHILD_WORK_MAX a second")					      \
	/* All numbers of common/counts.h, then the file being hashed. */     \
	X(TOTALS,     FRONT,    PARENT,         totals,			      \
	    COUNTS_LEN_MAX + SPEC_MAX, 0, 0, "CHILD_WORK_MAX a second")	      \
	/* That connection is closed: connect again. */			      \
	X(WHITELIST_LOST, FRONT, PARENT,        whitelist,             0, 0, 0,\
	    "one for each WHITELIST")					      \
	/* Another process sent a message that breaks the rules. */	      \
	X(WRONG,      CHILDREN, PARENT,         wrong,                 0, 0, 0,\
	    "once in BELIEVED_MS")					      \
	/* The filter stopped a system call; the sender is about to end. */   \
	X(SYSCALL,    CHILDREN, PARENT,         syscall,               0, 0, 0,\
	    "once")							      \
									      \
	/* Resolve these specs: struct msg_spec items, in parts. */	      \
	X(RESOLVE,    FRONT,    WALKER,         resolve,    MSG_TAIL_MAX, 0, 0,\
	    "REQUESTS_MAX queued")					      \
	/* Stop that resolution: its answer is not needed any longer. */      \
	X(CANCEL,     FRONT,    WALKER,         id,                    0, 0, 0,\
	    "BURST a turn")						      \
	/* Open these paths: struct msg_path items, at most 32. */	      \
	X(OPEN,       FRONT,    WALKER,         open,       MSG_TAIL_MAX, 0, 0,\
	    "BURST a turn")						      \
	/* Walk on in a tree: the tail is the tree, and the position. */      \
	X(WALK,       FRONT,    WALKER,         walk, TWO_PATHS_MAX, 0, 0,\
	    "one unanswered")						      \
	/* Records of common/listing.h, cut anywhere. */		      \
	X(LISTING,    WALKER,   FRONT,          id,         MSG_TAIL_MAX, 0, 0,\
	    "WORKER_WORK_MAX a second")					      \
	/* End of a resolution, with the seal of its listing. */	      \
	X(RESOLVED,   WALKER,   FRONT,          resolved,              0, 0, 0,\
	    "WORKER_WORK_MAX a second")					      \
	/* That resolution is a glob of more than one turn. */		      \
	X(SLOW,       WALKER,   FRONT,          id,                    0, 0, 0,\
	    "WORKER_WORK_MAX a second")					      \
	/* The next files of a tree: struct msg_file items, then the	      \
	   position. */							      \
	X(WALKED,     WALKER,   FRONT,          walked,     MSG_TAIL_MAX, 0, 0,\
	    "one for each WALK")					      \
	/* struct msg_opened_item each, a descriptor for each that worked. */ \
	X(OPENED,     WALKER,   FRONT,          opened,    MSG_TAIL_MAX, 0, 32,\
	    "one for each OPEN")					      \
									      \
	/* Hash these: struct msg_range items, a descriptor for each. */      \
	X(HASH,       FRONT,    HASHER,         hash,      MSG_TAIL_MAX, 1, 32,\
	    "BATCHES queued")						      \
	/* struct msg_digests_item each, followed by its digests. */	      \
	X(DIGESTS,    HASHER,   FRONT,          digests,    MSG_TAIL_MAX, 0, 0,\
	    "one for each HASH")					      \
									      \
	/* Look up this path digest. */					      \
	X(GET_INFO,   FRONT,    CACHE,          get_info,              0, 0, 0,\
	    "REQUESTS_MAX queued")					      \
	/* A listing, then an info dictionary, in parts. */		      \
	X(INFO,       CACHE,    FRONT,          info,       MSG_TAIL_MAX, 0, 0,\
	    "WORKER_WORK_MAX a second")					      \
	/* Piece lists of these files: struct msg_file items. */	      \
	X(GET_PIECES, FRONT,    CACHE,         get_pieces, MSG_TAIL_MAX, 0, 0,\
	    "REQUESTS_MAX queued")					      \
	/* struct msg_pieces_item each, followed by its digests. */	      \
	X(PIECES,     CACHE,    FRONT,          pieces,     MSG_TAIL_MAX, 0, 0,\
	    "WORKER_WORK_MAX a second")					      \
	/* Remember the pieces of files: see struct msg_put_pieces. */	      \
	X(PUT_PIECES, FRONT,    CACHE,         put_pieces, MSG_TAIL_MAX, 0, 0,\
	    "FILES_AT_ONCE files a turn")				      \
	/* Remember a path digest: sealed listings, in parts. */	      \
	X(PUT_INFO,   FRONT,    CACHE,          put_info,   MSG_TAIL_MAX, 0, 0,\
	    "REQUESTS_MAX queued")					      \
	/* An entry is in use: tail is the file's path, or empty. */	      \
	X(TOUCH,      FRONT,    CACHE,          touch,          SPEC_MAX, 0, 0,\
	    "MESSAGES_AT_ONCE a turn")					      \
									      \
	/* Announces and scrapes of clients: struct msg_announce_item each. */ \
	X(ANNOUNCE,   FRONT,    TRACKER,        announce,   MSG_TAIL_MAX, 0, 0,\
	    "ANNOUNCES_AT_ONCE a turn")					      \
	/* struct msg_peers_item each, followed by its peers. */	      \
	X(PEERS,      TRACKER,  FRONT,          peers,      MSG_TAIL_MAX, 0, 0,\
	    "one for each ANNOUNCE")

enum msg_type {
	MSG_NONE,
#define X(name, from, to, body, tail, fdmin, fdmax, bound) MSG_##name,
	MSG_TABLE(X)
#undef X
	MSG_COUNT
};

#define PART_MORE	0x1	/* in flags: further parts follow */

/*
 * The bodies of messages.  Without padding the layout does not depend on the
 * alignment of 64-bit numbers (4 bytes on i386), and no uninitialized byte is
 * sent.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/*
 * The identity of a file and of its content.  While it stays the same, the
 * bytes do: the kernel sets ctime at every change, and no process can set it
 * back.  On file systems where that does not hold (common/mounts.h) only the
 * mount tells one image from another: there mount is not 0, and the identity
 * is never stored, because it is of no use after a restart.
 */
struct identity {
	uint64_t	ino;
	uint64_t	size;			/* bytes */
	int64_t		mtime_ns;		/* since 1970 */
	int64_t		ctime_ns;
	uint64_t	mount;			/* 0: it does not matter */
};

/*
 * Since Linux 6.8 the number of a mount is never used again.  Before that it
 * is, and mount consists of MOUNT_REUSED, the number of changes of the mount
 * table that the walker knows of, and the kernel's number.
 */
#define MOUNT_REUSED		(1ULL << 63)
#define MOUNT_CHANGES(n)	((uint64_t)((n) & 0x7fffffff) << 32)

struct msg_header {
	uint32_t	type;			/* enum msg_type */
	uint32_t	len;			/* body and tail, bytes */
};

struct msg_none {
	uint32_t	zero;
};

struct msg_part {
	uint32_t	flags;			/* PART_MORE */
};

#define MOUNTS_WATCHED	0x1	/* in flags: changes are noticed */

struct msg_mounts {
	uint32_t	flags;			/* MOUNTS_ */
	uint32_t	changes;
};

/* The root directory of a walker; 0 in messages of other roles. */
struct msg_ready {
	uint64_t	root_dev;		/* as stat(2) says */
	uint64_t	root_ino;
};

struct msg_id {
	uint64_t	id;
};

#define CONF_VERBOSE	0x2	/* in flags: -v */
#define CONF_PRIVILEGED	0x4	/* started by root: chroot, switch users */
#define CONF_CHECK	0x8	/* of -n: report READY or errors, and exit */
#define CONF_SYSTEMD	0x10	/* a unit of systemd started us */

struct msg_conf {
	uint32_t	flags;			/* PART_MORE, CONF_ */
	uint32_t	role;			/* enum role of the receiver */
	uint32_t	index;			/* which walker or hasher */
};

/*
 * A seal has one sealer and one reader, and each pair of them a key of its own
 * for each root.  The front is in no pair.
 */
enum seal_pair {
	SEAL_WALKER_CACHE,
	SEAL_WALKER_HASHER,
	SEAL_HASHER_CACHE,
	SEAL_PAIRS
};

/* A walker is sent the key of its root, hashers and the cache those of all
   roots in their order. */
struct msg_key {
	uint32_t	pair;			/* enum seal_pair */
	uint32_t	count;			/* 1..KEYS_MAX */
};

struct msg_tracker_key {
	uint64_t	zero;
	uint8_t		key[SEAL_LEN];
};

struct msg_channel {
	uint32_t	role;			/* at the other end */
	uint32_t	index;
};

enum listener_kind {
	LISTENER_CLIENTS,
	LISTENER_METRICS,	/* for Prometheus; there may be none */
	LISTENER_KINDS
};

struct msg_listener {
	uint32_t	index;			/* 0 begins a new set */
	uint32_t	count;			/* index + 1 == count ends it;
						   0: there is none */
	uint32_t	kind;			/* enum listener_kind */
};

struct msg_whitelist {
	uint32_t	id;			/* of the connection, rising;
						   0: none */
	uint32_t	zero;
};

enum warm_mode {
	WARM_HASH = 1,		/* have all pieces remembered */
	WARM_COUNT,		/* ask neither the cache nor hashers */
	WARM_CHECK		/* hash remembered files again, and compare */
};

/*
 * Trees and positions are those of common/tree_path.h, but a tree is "/" for
 * all of the mirror.  A new one takes the place of the one under way.
 */
struct msg_warm {
	uint64_t	id;			/* for WARMED */
	uint32_t	tree_len;		/* 0: stop the one under way */
	uint32_t	after_len;		/* 0: from its beginning */
	uint32_t	mode;			/* enum warm_mode */
	uint32_t	zero;
};

enum warm_state {
	WARM_RUNNING = 1,
	WARM_DIFFERS,		/* the same; the remembered pieces of the file
				   at hand are wrong, and it waits for
				   CONTROL_PURGE */
	WARM_DONE,
	WARM_STOPPED,		/* by MSG_WARM */
	WARM_MISSING,		/* no root has such a tree */
	WARM_FAILED		/* two walkers have ended over it */
};

/*
 * The files up to the position are done, in the order of the walk, and those of
 * each root for itself.  files are found, hashed, skipped, failed and bad ones,
 * and those that are still to be done.
 */
struct msg_warmed {
	uint64_t	id;			/* as in MSG_WARM */
	uint32_t	state;			/* enum warm_state */
	uint32_t	position_len;		/* 0: nothing is done */
	uint32_t	at_hand_len;		/* of the file being worked
						   on; 0: none */
	uint32_t	zero;
	uint64_t	files;			/* seen */
	uint64_t	bytes;			/* of those */
	uint64_t	done_bytes;		/* of those that are done, and
						   of the others so far */
	uint64_t	found;			/* files in the cache, or
						   empty */
	uint64_t	hashed;			/* files, and sent to the
						   cache, or as remembered */
	uint64_t	hashed_bytes;		/* of those */
	uint64_t	skipped;		/* files that changed, are too
						   new, or cannot be stored; in
						   WARM_CHECK, or are not
						   remembered */
	uint64_t	failed;			/* files and directories that
						   could not be read */
	uint64_t	bad;			/* files that differed, and were
						   purged */
	uint64_t	need;			/* WARM_COUNT: cache-size for
						   these, bytes */
	uint64_t	cache_size;		/* bytes */
};

/*
 * pkgtorrentctl sends a command as CONTROL to the control socket, with id 0;
 * pkgtorrentd/parent/control.c gives it a number and passes it on.  A front
 * gets WARM and CHECK as MSG_WARM.  The answers go back over the socket:
 * CONTROLLED, for these also WARMED.
 */
enum control_command {
	CONTROL_STATUS = 1,		/* answered by the parent */
	CONTROL_RELOAD,			/* the same */
	CONTROL_WARM,
	CONTROL_PURGE,
	CONTROL_CHECK,
	CONTROL_EXPORT,
	CONTROL_IMPORT,
	CONTROL_STOP,			/* the command with this id; only from
					   the parent */
	CONTROL_COMMANDS
};

struct msg_control {
	uint64_t	id;			/* for CONTROLLED */
	uint32_t	command;		/* enum control_command */
	uint32_t	flags;			/* of the command, for its
						   role */
};

#define CONTROL_WARM_COUNT	0x1	/* with WARM: see WARM_COUNT */
#define CONTROL_PURGE_LAST	0x1	/* with PURGE, of the parent: after the
					   cache */

enum control_state {
	CONTROL_RUNNING = 1,
	CONTROL_DONE,
	CONTROL_FAILED
};

struct msg_controlled {
	uint64_t	id;			/* as in MSG_CONTROL */
	uint32_t	state;			/* enum control_state */
	uint32_t	zero;
	uint64_t	files;			/* known so far; PURGE: piece
						   lists that are removed */
	uint64_t	bytes;			/* of those */
	uint64_t	done;			/* files; PURGE: torrents that
						   are removed from disk */
	uint64_t	done_bytes;		/* of those */
	uint64_t	bad;			/* files; PURGE: not removed */
	uint64_t	skipped;		/* files; PURGE: torrents that
						   are removed from memory */
};

/* In the tail: a number for each row of the sender's role. */
struct msg_counts {
	uint64_t	zero;			/* the number of no request */
};

/* In the tail: a number for each row, then the path of a file that is being
   hashed. */
struct msg_totals {
	uint64_t	done;			/* bytes of that file */
	uint64_t	size;
	uint32_t	path_len;		/* 0: none is */
	uint32_t	zero;
};

/* Bytes in a line of the access log: an honest front's have more. */
#define ACCESS_LINE_MIN	32

struct msg_log {
	uint32_t	priority;		/* as syslog(3) */
};

enum msg_fault {
	FAULT_NONE,
	FAULT_TYPE,		/* no such message, or not from that role */
	FAULT_LENGTH,		/* body or tail */
	FAULT_FDS,		/* number or kind of descriptors */
	FAULT_CONTENT,		/* found by a handler: a malformed tail */
	FAULT_SEAL,		/* found by a handler */
	FAULT_SILENT		/* no answer for too long */
};

struct msg_wrong {
	uint32_t	role;			/* of the sender */
	uint32_t	index;
	uint32_t	type;			/* as it claimed */
	uint32_t	fault;			/* enum msg_fault */
};

struct msg_syscall {
	uint32_t	arch;			/* AUDIT_ARCH_ */
	uint32_t	nr;
};

#define RESOLVE_MAX	(4U << 20)	/* bytes of items in one request */

#define RESOLVE_EXPECT	0x2	/* in flags: the front has the listing expect */

struct msg_resolve {
	uint64_t	id;
	uint32_t	flags;			/* PART_MORE, RESOLVE_ */
	uint32_t	client;			/* of its turns */
	uint8_t		expect[SEAL_LEN];	/* SHA-256 of that listing */
};

/* A spec is a path or pattern as the client requested it. */
struct msg_spec {
	uint32_t	index;			/* in the request */
	uint32_t	len;			/* 1..SPEC_MAX bytes follow */
};

struct msg_open {
	uint64_t	id;
	uint32_t	count;			/* 1..MSG_FDS_MAX */
	uint32_t	zero;
};

struct msg_path {
	uint32_t	len;			/* 1..SPEC_MAX bytes follow */
};

enum resolve_result {
	RESOLVE_OK = 1,			/* the listing was sent before this */
	RESOLVE_SAME,			/* as expected; no listing was sent */
	RESOLVE_TOO_MANY_FILES,		/* more than max-files */
	RESOLVE_TOO_MANY_ENTRIES,	/* read from directories */
	RESOLVE_TOO_DEEP,		/* directories below a ** */
	RESOLVE_TOO_LONG,		/* longer than a request may take */
	RESOLVE_BAD_PATTERN,		/* too many wildcards or ** */
	RESOLVE_FAILED,			/* the disk, or too few descriptors */
	RESOLVE_CANCELLED
};

#define RESOLVED_YOUNG	0x1	/* in flags: an empty file is not settled */

struct msg_resolved {
	uint64_t	id;
	uint32_t	result;			/* enum resolve_result */
	uint32_t	flags;			/* RESOLVED_ */
	uint32_t	used_us;		/* the walker's time for it */
	uint32_t	zero;
	uint8_t		listing_sha256[SEAL_LEN];
	uint8_t		seal[SEAL_LEN];		/* seal_listing() */
};

#define WALK_FILES_MAX	1000	/* in one answer */

struct msg_walk {
	uint64_t	id;
	uint32_t	tree_len;		/* 0: all of the root */
	uint32_t	after_len;		/* of a path in it; 0: from its
						   beginning */
};

enum walk_result {
	WALK_MORE = 1,		/* ask again with this position */
	WALK_END,
	WALK_NOTHING		/* not there, denied, or of another root */
};

struct msg_walked {
	uint64_t	id;
	uint32_t	result;			/* enum walk_result */
	uint32_t	count;			/* items, each with its index */
	uint32_t	position_len;		/* with WALK_MORE */
	uint32_t	left_out;		/* files and directories that
						   could not be read */
};

/* The results of opening paths; enum path_status of common/listing.h. */
struct msg_opened {
	uint64_t	id;
	uint32_t	count;			/* as in MSG_OPEN */
	uint32_t	zero;
};

struct msg_opened_item {
	uint32_t	status;			/* enum path_status */
	uint32_t	zero;
	struct identity	identity;		/* by fstat once it was open */
	uint8_t		path_sum[SEAL_LEN];	/* seal_path() */
	uint8_t		for_cache[SEAL_LEN];	/* seal_file(), by reader */
	uint8_t		for_hasher[SEAL_LEN];
};

/*
 * A batch of ranges carries the descriptors of its files, so that a hasher
 * keeps nothing after its answer.  A batch has at most the bytes of a slice:
 * 16 MiB or sixteen pieces, because vector units hash up to sixteen pieces side
 * by side, but not more than 64 MiB, which a slow disk must read in time.  It
 * has up to twice as many files: the zeros that pad them go two by two.
 */
#define HASH_RANGES	32	/* as many as descriptors */
#define SLICE_MIN	(16ULL << 20)
#define SLICE_MAX	(64ULL << 20)
#define SLICE_PIECES	16
#define SLICE_LEN(piece_len)						      \
	((piece_len) <= SLICE_MIN / SLICE_PIECES ? SLICE_MIN :		      \
	(piece_len) >= SLICE_MAX / SLICE_PIECES ? SLICE_MAX :		      \
	(uint64_t)(piece_len) * SLICE_PIECES)

struct msg_hash {
	uint64_t	id;
	uint32_t	piece_len;		/* bytes, a power of two */
	uint32_t	count;			/* 1..HASH_RANGES */
};

/* A range of the file with the same index among the descriptors, with the
   statement of the walker that opened it. */
struct msg_range {
	uint64_t	offset;			/* a multiple of piece_len */
	uint64_t	len;			/* bytes, of whole pieces */
	uint32_t	walker;			/* the number of its root */
	uint32_t	zero;
	struct identity	identity;		/* as the walker sealed it */
	uint8_t		path_sum[SEAL_LEN];	/* seal_path() */
	uint8_t		seal[SEAL_LEN];		/* seal_file() */
};

enum digests_status {
	DIGESTS_OK = 1,
	DIGESTS_CHANGED,	/* size or identity changed meanwhile */
	DIGESTS_ERROR		/* read error */
};

#define DIGESTS_SETTLED	0x1	/* identity two seconds old: sealed */

struct msg_digests {
	uint64_t	id;
	uint32_t	count;			/* as in MSG_HASH, same order */
	uint32_t	zero;
};

/*
 * count digests of SHA1_LEN follow: one per piece; when the range ends in a
 * partial piece, one more, of that piece padded with zeros to piece_len.
 */
struct msg_digests_item {
	uint32_t	status;			/* enum digests_status */
	uint32_t	flags;			/* DIGESTS_ */
	uint32_t	first;			/* number of the first piece */
	uint32_t	count;			/* digests that follow */
	struct identity	identity;		/* by the hasher's own fstat */
	uint8_t		seal[SEAL_LEN];		/* seal_digests(), or zero */
};

/* The piece length that a request asks for; conf_piece_len() has the bytes. */
enum piece_kind {
	PIECE_LENGTH,		/* piece-length */
	PIECE_AUTO,		/* the one that fits the files */
	PIECE_SIMPLE,		/* simple-piece-length, if it is neither */
	PIECE_KINDS
};

struct msg_get_info {
	uint64_t	id;
	uint8_t		digest[SHA1_LEN];
	uint32_t	client;			/* whose turn it takes */
	uint32_t	piece;			/* enum piece_kind */
	uint32_t	zero;
};

#define INFO_FOUND	0x2	/* in flags */

struct msg_info {
	uint64_t	id;
	uint32_t	flags;			/* PART_MORE, INFO_FOUND */
	uint32_t	listing_len;		/* bytes of the listing */
	uint64_t	info_len;		/* and of the dictionary; 0: of
						   another layout or kind */
	uint32_t	used_us;		/* since the last part */
	uint32_t	zero;
};

struct msg_get_pieces {
	uint64_t	id;
	uint32_t	piece_len;
	uint32_t	count;
	uint32_t	client;			/* whose turn it takes */
	uint32_t	zero;
};

struct msg_file {
	uint32_t	index;			/* the front's own number */
	uint32_t	len;			/* 1..SPEC_MAX of path follow */
	struct identity	identity;
};

struct msg_pieces {
	uint64_t	id;
	uint32_t	count;
	uint32_t	used_us;		/* since the last message */
};

#define PIECES_IMPORTED	0x1	/* in flags: another host made them, of a
				   file of this size and mtime; they are to
				   be rechecked */

/*
 * total is the number of digests of the whole file, with the padded one of a
 * partial last piece at the end; 0 is a miss.  Longer lists come as several
 * items, in order, until first + count == total.
 */
struct msg_pieces_item {
	uint32_t	index;
	uint32_t	total;
	uint32_t	first;
	uint32_t	count;			/* digests that follow */
	uint32_t	flags;			/* PIECES_ */
};

/*
 * The body is the head of a file, and the tail its path, then its slices.
 * Further files follow in the tail, each with its head, to PUT_FILES_MAX.  The
 * last file may go on in the next message, where it is the first.
 */
#define PUT_FILES_MAX	HASH_RANGES

struct msg_put_pieces {
	uint32_t	flags;			/* PART_MORE */
	uint32_t	piece_len;
	uint32_t	path_len;		/* 0: the file goes on */
	uint32_t	slices;			/* struct msg_digests_item,
						   each with its digests */
	struct identity	identity;		/* as sealed by the walker */
	uint8_t		seal[SEAL_LEN];		/* seal_file() */
};

#define PUT_SEALED	0x2	/* in flags: ends one walker's listing */

struct msg_put_info {
	uint32_t	flags;			/* PART_MORE, PUT_SEALED */
	uint32_t	client;			/* whose turn it takes */
	uint32_t	piece;			/* enum piece_kind */
	uint8_t		digest[SHA1_LEN];
	uint8_t		seal[SEAL_LEN];		/* with PUT_SEALED */
};

struct msg_touch {
	uint32_t	piece_len;		/* 0: the digest is meant */
	uint32_t	piece;			/* enum piece_kind, for that */
	uint8_t		digest[SHA1_LEN];
};

#define ANNOUNCES_MAX	64	/* in one message: all answers fit one PEERS */
#define NUMWANT_MAX	50	/* peers in one answer */

struct msg_announce {
	uint64_t	id;
	uint32_t	count;			/* 1..ANNOUNCES_MAX */
	uint32_t	zero;
};

enum announce_event {
	ANNOUNCE_NONE = 1,
	ANNOUNCE_STARTED,
	ANNOUNCE_STOPPED,
	ANNOUNCE_COMPLETED,
	ANNOUNCE_SCRAPE			/* answered by the counts alone */
};

#define ANNOUNCE_SEED	0x1	/* in flags: it has everything */

struct msg_announce_item {
	uint64_t	id;			/* the front's own number */
	uint8_t		info_hash[SHA1_LEN];
	uint8_t		addr[16];		/* IPv6; ::ffff:a.b.c.d */
	uint16_t	port;			/* 0 only in a scrape */
	uint8_t		event;			/* enum announce_event */
	uint8_t		flags;			/* ANNOUNCE_ */
	uint8_t		numwant;		/* 0..NUMWANT_MAX */
	uint8_t		zero[7];
};

struct msg_peers {
	uint64_t	id;			/* of the ANNOUNCE */
	uint32_t	count;			/* as in MSG_ANNOUNCE */
	uint32_t	zero;
};

/* With each of them the peers are good. */
enum announce_result {
	ANNOUNCED = 1,
	ANNOUNCED_SOON,		/* nothing changed: the last one is too new */
	ANNOUNCED_FULL,		/* not listed: tracker-peers */
	ANNOUNCED_ADDRESS,	/* not listed: too many of the address */
	ANNOUNCED_SWARM		/* the same, in this swarm */
};

#define PEER4_LEN	6	/* address and port, as in BEP 23 */
#define PEER6_LEN	18	/* the same, as in BEP 7 */

/* So that no tracker can make clients come in crowds, or never again. */
#define INTERVAL_MIN_S	60
#define INTERVAL_MAX_S	3600

/* n4 peers of PEER4_LEN and n6 of PEER6_LEN follow, together at most
   numwant. */
struct msg_peers_item {
	uint64_t	id;			/* of the announce */
	uint32_t	complete;		/* seeds in the swarm */
	uint32_t	incomplete;
	uint32_t	downloaded;		/* completed since it began */
	uint32_t	interval_s;		/* until the next announce,
						   INTERVAL_MIN_S..MAX_S */
	uint32_t	result;			/* enum announce_result */
	uint16_t	n4;
	uint16_t	n6;
};

#pragma GCC diagnostic pop

_Static_assert(ANNOUNCES_MAX * (sizeof(struct msg_peers_item) + NUMWANT_MAX *
    PEER6_LEN) <= MSG_TAIL_MAX, "the answers fit one message");

struct channel_msg;
TAILQ_HEAD(channel_queue, channel_msg);

/* One end of a socketpair; common/channel.h has its functions. */
struct channel {
	int		 fd;			/* -1: closed */
	enum role	 self;
	enum role	 peer;
	uint32_t	 index;			/* of peer among its role */
	uint64_t	 sent;			/* messages */
	uint64_t	 received;
	struct channel_queue queue;		/* not sent yet */
	size_t		 queued;		/* messages in it */
	size_t		 queued_bytes;
	uint64_t	 taken_ms;		/* time of the last one that
						   was sent */
	uint32_t	 work_max;		/* units in a second; 0: no
						   bound */
	uint32_t	 work;			/* units in this second */
	uint64_t	 second_ms;		/* when it began */
};

/*
 * A message as received and checked.  body and tail point into the buffer
 * that the caller lent; the descriptors are the caller's to close.
 */
struct msg {
	enum msg_type	 type;
	const void	*body;
	const uint8_t	*tail;
	size_t		 tail_len;
	int		 fds[MSG_FDS_MAX];
	int		 nfds;
};

enum msg_verdict {
	MSG_GOT,
	MSG_AGAIN,		/* nothing there now */
	MSG_CLOSED,		/* by the other end */
	MSG_WRONG_ONE		/* see fault; its descriptors are closed */
};

const char	*role_name(enum role);
const char	*msg_name(uint32_t type);
size_t		 msg_body_len(enum msg_type);

/* Check the type, length (body and tail) and number of descriptors of a
   message against the table.  FAULT_NONE, or the fault. */
enum msg_fault	 msg_check(uint32_t type, enum role from, enum role to,
		    size_t len, int nfds);

/*
 * Receive one message without waiting.  buf holds MSG_MAX bytes.  On
 * MSG_WRONG_ONE *wrong is filled for MSG_WRONG.  Every descriptor received is
 * close-on-exec.
 */
enum msg_verdict msg_recv(struct channel *, uint8_t *buf, struct msg *,
		    struct msg_wrong *);

/*
 * Send without waiting; body is of the type's length.  0, or -1 with errno
 * (EAGAIN: the other end is busy, EPIPE: it has gone).  The descriptors stay
 * the caller's.
 */
int		 msg_send(struct channel *, enum msg_type, const void *body,
		    const void *tail, size_t tail_len, const int *fds,
		    int nfds);

/* The same, but wait while the other end is busy: for the walker, the hasher
   and the cache. */
int		 msg_send_wait(struct channel *, enum msg_type,
		    const void *body, const void *tail, size_t tail_len,
		    const int *fds, int nfds);

/* Close the descriptors of a message that its handler has not kept. */
void		 msg_close_fds(struct msg *);

/* Make the socketpair of a channel, close-on-exec and non-blocking.  0, or -1
   with errno. */
int		 msg_pair(int fds[2]);

#endif
