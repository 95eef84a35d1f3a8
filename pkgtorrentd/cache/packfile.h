/* SPDX-License-Identifier: ISC */
/*
 * One pack as an open file: where its records are, what is to be appended, and
 * its replacement by a shorter one.  Reading a pack for the first time goes in
 * steps, since a directory may have a hundred thousand files.
 */
#ifndef PACKFILE_H
#define PACKFILE_H

#include "pkgtorrentd/cache/offsets.h"
#include "pkgtorrentd/cache/pack.h"
#include "pkgtorrentd/cache/store.h"

#define PACKFILE_STEP	(256U << 10)	/* bytes that are read at once */
#define PACKFILE_LEN_MAX (4ULL << 30)	/* bytes of a pack */
/* Records of a pack: 8 MiB of offsets.  A mirror directory with more files is
   not stored beyond that. */
#define PACKFILE_RECORDS_MAX 700000U

struct packfile {
	struct store	*store;
	struct pack_id	 id;
	char		 name[PACK_NAME_LEN];
	struct buf	 dir;		/* path of the directory; empty if it is
					   not known */
	uint64_t	 salt;		/* of pack_hash() */
	int		 fd;		/* -1: there is no file */
	bool		 writable;
	bool		 by_writer;	/* opened while this process had the
					   lock */
	dev_t		 dev;		/* of the file */
	ino_t		 ino;
	uint64_t	 checked_ms;	/* when the name was that file */
	uint64_t	 size;		/* of the file, bytes */
	uint64_t	 at;		/* read up to here */
	uint64_t	 head_len;	/* 0: the head is wrong */
	uint64_t	 live;		/* bytes of valid records */
	uint64_t	 junk;		/* bytes that are no record */
	bool		 damaged;	/* it is to be written again */
	bool		 rewriting;	/* it is being written again */
	bool		 spoiled;	/* a use came too late for that */
	bool		 failed;	/* that failed */
	struct offsets	 offsets;
	struct buf	 pending;	/* records to be appended */
	unsigned	 npending;
	bool		 pending_hashed; /* not all of them are imported */
};

/* Begin with no file open. */
void	packfile_init(struct packfile *, struct store *,
	    const struct pack_id *);
/* Tell the directory, which is copied, for the head. */
void	packfile_set_dir(struct packfile *, const void *dir, size_t len);
void	packfile_close(struct packfile *);	/* after packfile_flush() */
/* Bytes of memory. */
size_t	packfile_memory(const struct packfile *);

/*
 * Open the file, or see whether it is still the one that is open, at most once
 * a second.  Then read on, about PACKFILE_STEP bytes.  true: all of it has been
 * read.
 */
bool	packfile_ready(struct packfile *);
/* The same, but appended records stay in memory, and are not found yet. */
bool	packfile_ready_unflushed(struct packfile *);
/* All has been read: is this record, at this offset, the valid one of its
   name? */
bool	packfile_is_live(struct packfile *, const struct pack_record *,
	    uint64_t offset);

/*
 * Read the record of a name.  1: *out points into b, which is overwritten, and
 * *offset and *day are the record's.  0: there is none; a damaged one is logged
 * and forgotten.
 */
struct packfile_record {
	struct pack_list list;
	uint64_t	 offset;
	uint16_t	 day;
};
int	packfile_read(struct packfile *, const char *name, size_t len,
	    struct buf *b, struct packfile_record *out);
/* Is there a record of a name? */
bool	packfile_has(struct packfile *, const char *name, size_t len);
/* Record the use of a record today, if that has not been done. */
void	packfile_use(struct packfile *, const struct packfile_record *);

/* Append a record at the next packfile_flush().  0, or -1: it has no room,
   which was logged. */
int	packfile_append(struct packfile *, const struct pack_list *);
/* Write what was appended.  A failure is logged, and loses it. */
void	packfile_flush(struct packfile *);

/* Is more than half of it dead, or something damaged? */
bool	packfile_is_due(const struct packfile *);

/* Records to go besides dead and damaged ones: those that were last used
   before a day, and of those of that day the first, of so many bytes; those of
   a name; or all. */
struct packfile_cut {
	uint16_t	 day;
	uint64_t	 quota;
	const char	*name;		/* NULL: of none */
	size_t		 name_len;
	bool		 all;
};

/* A pack that is being written again.  Begins as zeros. */
struct packfile_rewrite {
	struct packfile		*file;	/* NULL: it has not begun */
	ino_t			 ino;	/* of that */
	struct packfile_cut	 cut;
	uint64_t		 at;	/* in the file */
	uint64_t		 need;	/* bytes of the record there */
	uint64_t		 seen;	/* records, in the file as it is */
	uint64_t		 kept;	/* of those */
	uint64_t		 dropped; /* by the cut */
	uint16_t		 max_day;	/* of them */
	struct buf		 in;
	struct buf		 out;
	struct store_writing	 writing;
};

void	packfile_begin_rewrite(struct packfile_rewrite *, struct packfile *,
	    struct packfile_cut);
/* Go on, about PACKFILE_STEP bytes.  true: it is done, or failed, which was
   logged; *cut is the number of records that the cut took. */
bool	packfile_rewrite(struct packfile_rewrite *, uint64_t *cut);
/* Give it up; it may have ended, or not begun. */
void	packfile_stop_rewrite(struct packfile_rewrite *);

#endif
