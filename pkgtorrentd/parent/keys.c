/* SPDX-License-Identifier: ISC */
/*
 * A key follows from the names of its sealer, its reader and the root.  A root
 * is named by prefix and directory, not by its number, which a reload may
 * change: so the seals about a root that stays remain good.
 */
#include <stdlib.h>
#include <string.h>

#include "common/seal.h"
#include "pkgtorrentd/parent/keys.h"
#include "pkgtorrentd/parent/state.h"

static void
keys_derive(const struct parent *parent, enum seal_pair pair,
    const struct conf_root *root, uint8_t key[SEAL_LEN])
{
	static const char *const pairs[SEAL_PAIRS] = {
		[SEAL_WALKER_CACHE] = "pkgtorrentd walker to cache",
		[SEAL_WALKER_HASHER] = "pkgtorrentd walker to hasher",
		[SEAL_HASHER_CACHE] = "pkgtorrentd hasher to cache",
	};
	uint8_t	 name[64 + SEAL_LEN] = { 0 };

	(void)strlcpy((char *)name, pairs[pair], 64);
	seal_path(root->prefix, root->dir, strlen(root->dir), name + 64);
	seal_derive(parent->secret, name, sizeof(name), key);
}

void
keys_renew(struct parent *parent)
{
	uint8_t	 key[SEAL_LEN];

	arc4random_buf(parent->secret, sizeof(parent->secret));
	keys_derive(parent, SEAL_HASHER_CACHE, &parent->conf->roots[0], key);
	explicit_bzero(key, sizeof(key));
}

static void
keys_send_pair(struct process *p, const struct conf *conf,
    enum seal_pair pair)
{
	uint8_t		 keys[KEYS_MAX][SEAL_LEN];
	struct msg_key	 body = { .pair = pair };
	uint32_t	 i, first = p->role == ROLE_WALKER ? p->index : 0;

	body.count = p->role == ROLE_WALKER ? 1 : (uint32_t)conf->nroots;
	for (i = 0; i < body.count; i++)
		keys_derive(p->parent, pair, &conf->roots[first + i], keys[i]);
	process_send(p, MSG_KEY, &body, keys, body.count * sizeof(keys[0]),
	    -1);
	explicit_bzero(keys, sizeof(keys));
}

void
keys_send(struct process *p, const struct conf *conf)
{
	uint32_t	 pair;

	for (pair = 0; pair < SEAL_PAIRS; pair++)
		if (seal_concerns(p->role, pair))
			keys_send_pair(p, conf, pair);
}
