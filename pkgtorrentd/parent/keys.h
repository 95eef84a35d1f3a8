/* SPDX-License-Identifier: ISC */
/*
 * The keys of the seals (common/seal.h), all derived from one secret by the
 * names of sealer and reader.
 */
#ifndef KEYS_H
#define KEYS_H

struct conf;
struct parent;
struct process;

/* Make a new secret.  The first call loads all that keys need. */
void	keys_renew(struct parent *);
/* Send a process the keys that it needs under a configuration; the front needs
   none. */
void	keys_send(struct process *, const struct conf *);

#endif
