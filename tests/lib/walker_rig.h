/* SPDX-License-Identifier: ISC */
/*
 * For tests of the walker: the real walker_main() in a process of its own,
 * with the test for its parent and for its front, on a tree below the test's
 * working directory.
 */
#ifndef WALKER_RIG_H
#define WALKER_RIG_H

#include "tests/lib/proc.h"

struct walker {
	struct proc	 proc;
	struct channel	 front;		/* the test's end */
	uint64_t	 last_id;
	uint32_t	 client;	/* of the requests that are sent */
};

/* Answers to a RESOLVE. */
struct answer {
	uint64_t		 id;
	struct buf		 listing;
	struct msg_resolved	 end;
	bool			 slow;
};

/* In the test's working directory; a file holds its own path. */
void	make_dir(const char *path);
void	make_file(const char *path);
void	make_link(const char *target, const char *path);
/* Each of these files, or directories with a slash at the end, with the
   directories that it is in. */
void	make_each(const char *const *paths);
#define make_files(...)							\
	make_each((const char *const []){ __VA_ARGS__, NULL })

/* text: the configuration, but for the sandbox's strictness.  It is stopped at
   the end of the case, if not before. */
void	walker_start(struct walker *, uint32_t index, const char *text);
void	walker_configure(struct walker *, uint32_t index, const char *text);
/* On the directory "www" and nothing else. */
void	walker_start_on_www(struct walker *, const char *more);
void	walker_stop(struct walker *);
/* A new channel to the front, as after a restart of the front. */
void	walker_connect(struct walker *);

/* All that is sent in between is there when the walker reads again. */
void	pause_walker(const struct walker *);
void	resume_walker(const struct walker *);

/* The next message, which must come; MSG_NONE: the channel was closed. */
enum msg_type receive(struct channel *, struct msg *);
void	must_send(struct channel *, enum msg_type, const void *body,
	    const void *tail, size_t len, const int *fds, int nfds);

/* Adds an item to the tail of a RESOLVE. */
void	specs_append(struct buf *, uint32_t index, const char *spec);
/* Sends a RESOLVE and returns its number; expect: the listing's SHA-256 that
   the walker need not repeat, or NULL. */
uint64_t send_specs(struct walker *, const struct buf *specs,
	    const uint8_t *expect);
/* One spec, that many times. */
uint64_t send_spec(struct walker *, const char *spec, uint32_t times);

/* All of the next answer; no other message may come in between. */
void	receive_answer(struct walker *, struct answer *);
/* "OK /a/x /a/y; MISSING", or the result when it is not OK. */
const char *answer_text(const struct answer *);
/* The next answer has this number and this text. */
void	expect_answer(struct walker *, uint64_t id, const char *text);
/* The text of the answer to these, or to one. */
const char *ask_for(struct walker *, const struct buf *specs);
const char *ask(struct walker *, const char *spec);

#define CHECK_ASK(w, spec, expect) do {					\
	const char *got_ = ask(w, spec);				\
	ATF_CHECK_MSG(strcmp(got_, expect) == 0,			\
	    "%s: %s, expected %s", spec, got_, expect);			\
} while (0)

void	send_open(struct walker *, const char *const *paths, uint32_t n);
/* Has a path opened: its descriptor, or -1. */
int	open_one(struct walker *, const char *path, struct msg_opened_item *);

#endif
