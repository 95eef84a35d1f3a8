/* SPDX-License-Identifier: ISC */
/*
 * Packs as bytes, and their file names.  Pure.
 *
 * A pack holds the piece lists of the files of one mirror directory, for one
 * piece length: a head that names the directory, then records, each at a
 * multiple of 4 bytes:
 *
 *	head	magic (8 bytes), format version, piece length, length of the
 *		directory's path (4 each), checksum (16), 4 zeros, the path
 *	record	magic with the format version (1 byte), length of the name
 *		(1), day of the last use (2), check (4); inode, size, mtime and
 *		ctime in nanoseconds (8 each); the name, the digests (20 each),
 *		checksum (8)
 *
 * Records are appended; of records with the same name the last one is valid.  A
 * check covers what is needed to find the next record: lengths, identity, name.
 * The checksum, the first bytes of a SHA-256, covers all but the day, which is
 * rewritten in place.  Both also cover the pack's identifier, so that a record
 * is worth nothing in another pack.  After bytes that are no record, the next
 * record is found by its magic and check.  Integers are in the byte order of
 * the machine; on a machine with the other order no record is found.
 *
 * An imported record, which another host made, has another magic.  Inode and
 * ctime of that host mean nothing here: in their place are 16 random bytes.
 * The digests are masked with these: otherwise their maker, knowing the format,
 * could have a record that is not imported found among them once the imported
 * one is damaged.
 */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/msg.h"

#define PACK_NAME_LEN	96	/* of the longest file name, with the NUL */
#define PACK_ALIGN	4	/* bytes */
#define PACK_FILE_MAX	255	/* bytes in a file's name */
#define PACK_RECORD_MIN	40	/* bytes before a record's name */
#define PACK_PEEK	(PACK_RECORD_MIN + PACK_FILE_MAX)
#define PACK_DAY_AT	2	/* of the day in a record; it has 2 bytes */

/* A pack's identifier: seal_path() of the root's prefix and the directory. */
struct pack_id {
	uint8_t		key[SEAL_LEN];
	uint32_t	piece_len;	/* bytes */
};

/* A file's piece list. */
struct pack_list {
	const char	*name;		/* in its directory */
	size_t		 name_len;	/* 1..PACK_FILE_MAX */
	struct identity	 identity;	/* mount is 0: it is not stored */
	bool		 imported;	/* ino and ctime_ns are random */
	const uint8_t	*digests;	/* torrent_digests() digests */
	uint64_t	 count;
};

/* A record as its beginning tells. */
struct pack_record {
	struct identity	 identity;
	bool		 imported;
	const char	*name;		/* in the bytes that were read */
	size_t		 name_len;
	uint16_t	 day;		/* of the last use, since 1970 */
	uint64_t	 len;		/* bytes up to the next record */
};

enum pack_found {
	PACK_RECORD,
	PACK_SHORT,		/* more bytes are needed, PACK_PEEK at most */
	PACK_JUNK		/* no record begins here */
};

enum pack_fault {
	PACK_GOOD,
	PACK_ALIEN,		/* not a pack */
	PACK_FORMAT,		/* of another format version */
	PACK_DAMAGED
};

/*
 * Divide a mirror path into a directory, of *dir_len bytes without its final
 * slash, and a name behind that slash.  -1: the path has no place in the cache
 * (an empty, . or .. component, a NUL, a component of more than PACK_FILE_MAX
 * bytes, too long): it is never stored and always a miss.
 */
int	pack_split(const void *path, size_t len, size_t *dir_len);

/* "pieces/<2 hex digits>/<64 hex digits>.<piece length>" */
void	pack_name(char out[PACK_NAME_LEN], const struct pack_id *);
/* Read the last component of such a name, in the directory named by the first
   two digits.  false: it is no pack's name. */
bool	pack_read_name(const char *dir, const char *last, struct pack_id *);

/* The days since 1970 at this time. */
uint16_t pack_day(int64_t real_ns);

/* A hash of a file's name.  With a random salt no mirror can offer names that
   collide. */
uint32_t pack_hash(uint64_t salt, const char *name, size_t len);

/* Append the head, or a record.  0, or -1 with ENOMEM. */
int	pack_add_head(struct buf *, const struct pack_id *, const void *dir,
	    size_t dir_len);
int	pack_add(struct buf *, const struct pack_id *,
	    const struct pack_list *, uint16_t day);

/* The head of a pack. */
struct pack_head {
	const char	*dir;		/* in the bytes that were read */
	size_t		 dir_len;
	size_t		 len;		/* bytes up to the first record */
};

/* Check the head at the beginning of a pack, of which len bytes were read. */
enum pack_fault	pack_check_head(const uint8_t *, size_t len,
	    const struct pack_id *, struct pack_head *out);
/* The most bytes that a head has. */
#define PACK_HEAD_MAX	(40 + SPEC_MAX + PACK_ALIGN)

/* Is there a record at the beginning of these bytes?  Its digests need not be
   among them. */
enum pack_found	pack_find(const uint8_t *, size_t len,
	    const struct pack_id *, struct pack_record *out);
/* Check a whole record that pack_find() found, record.len bytes at data.
   false: it is damaged.  *out points into data, where the digests of an
   imported record are masked until pack_unmask(). */
bool	pack_read(const uint8_t *data, const struct pack_record *,
	    const struct pack_id *, struct pack_list *out);
/* Once after pack_read(): put the digests of an imported record right. */
void	pack_unmask(uint8_t *data, const struct pack_list *);

#endif
