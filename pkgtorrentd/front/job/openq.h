/* SPDX-License-Identifier: ISC */
/*
 * Files for walkers to open.  A walker answers in the order of the requests;
 * requests that a lost walker leaves unanswered are sent to the next, path by
 * path.  A path over which that one ends too is refused from then on.
 */
#ifndef OPENQ_H
#define OPENQ_H

#include "common/listing.h"
#include "pkgtorrentd/front/worker/worker.h"

struct openq_request;
TAILQ_HEAD(openq_list, openq_request);

struct openq {
	struct workers		*workers;
	struct openq_list	 list;		/* oldest first */
};

/* The status of a path over which two walkers have ended. */
#define OPENQ_QUARANTINED	(PATH_FAILED + 1)

/*
 * The walker has answered a request for n paths: items[i] and fds[i] belong
 * to path i.  fds[i] is -1 unless the status is PATH_OK, and is now the
 * callee's to close.  n 0: the roots have changed, so that another walker may
 * have the path.
 */
typedef void openq_done(void *arg, const struct msg_opened_item *items,
	    const int *fds, uint32_t n);

void	openq_init(struct openq *, struct workers *);
/* Have two walkers ended over this path?  It must not be asked for then. */
bool	openq_is_quarantined(const struct openq *, const char *path);
/*
 * Ask a walker to open n paths, at most MSG_FDS_MAX, that fit the tail of a
 * message with a struct msg_path for each; they are copied.  done is called
 * once, later, even if the walker is lost meanwhile.  NULL without memory.
 */
struct openq_request *openq_ask(struct openq *, size_t walker,
	    const char *const *paths, uint32_t n, openq_done *done, void *arg);
/* done will not be called any more; the files are closed. */
void	openq_forget(struct openq_request *);
/* The roots have changed: end all requests, with n 0. */
void	openq_end_all(struct openq *);
/* Give the walker up if it has not answered for limit_ms. */
void	openq_watch(struct openq *, size_t walker, uint64_t limit_ms);
/* For MSG_OPENED.  Returns the fault in its content. */
enum msg_fault openq_on_opened(struct openq *, struct worker *, struct msg *);

#endif
