/*
 * Files that walkers are asked to open.  A walker answers in the order of the
 * requests; those that a lost one leaves unanswered are sent to the next.
 */
#ifndef OPENQ_H
#define OPENQ_H

#include "pkgtorrentd/front/worker/worker.h"

struct openq_request;
TAILQ_HEAD(openq_list, openq_request);

struct openq {
	struct workers		*workers;
	struct openq_list	 list;		/* oldest first */
};

/*
 * The walker has answered a request for n paths: item i is about path i, whose
 * descriptor, -1 unless its status is PATH_OK, now belongs to the callee.  n 0:
 * the roots have changed, so that the path may be another walker's.
 */
typedef void openq_done(void *arg, const struct msg_opened_item *items,
	    const int *fds, uint32_t n);

void	openq_init(struct openq *, struct workers *);
/*
 * Ask a walker to open n paths, at most MSG_FDS_MAX, that fit the tail of a
 * message with a struct msg_path for each; they are copied.  done is called
 * once, later, even if the walker is lost meanwhile.  NULL without memory.
 */
struct openq_request *openq_ask(struct openq *, size_t walker,
	    const char *const *paths, uint32_t n, openq_done *done, void *arg);
/* done is not to be called any more; the files will be closed. */
void	openq_forget(struct openq *, struct openq_request *);
/* The roots are others: end all requests, with n 0. */
void	openq_end_all(struct openq *);
/* A new walker is connected: send it the requests that the one before left
   unanswered, except forgotten ones. */
void	openq_walker_up(struct openq *, size_t walker);
/* Give the walker up if it has not answered for limit_ms. */
void	openq_watch(struct openq *, size_t walker, uint64_t limit_ms);
/* For MSG_OPENED.  Returns the fault in its content. */
enum msg_fault openq_on_opened(struct openq *, struct worker *, struct msg *);

#endif
