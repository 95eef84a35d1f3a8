/* What peers' channels tell the front. */
#ifndef FRONT_MSG_H
#define FRONT_MSG_H

#include "pkgtorrentd/front/worker/worker.h"

/* A checked message of a peer, and what is wrong with its content. */
enum msg_fault front_on_message(struct peer *, struct msg *);
/* The channel is closed, or is to be. */
void	front_on_lost(struct peer *);

#endif
