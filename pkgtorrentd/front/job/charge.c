/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/job/charge.h"

int
charge_client(struct charge *c, const struct conf *conf)
{
	if (c->client_slot)
		return 0;
	if (c->addr != NULL && c->addr->jobs >= conf->max_jobs_per_client)
		return 429;
	c->client_slot = true;
	if (c->addr != NULL)
		c->addr->jobs++;
	return 0;
}

int
charge_queue(struct charge *c, const struct conf *conf, uint32_t *queued)
{
	int status;

	if (c->queue_slot)
		return 0;
	if (*queued >= conf->max_queue)
		return 503;
	status = charge_client(c, conf);
	if (status != 0)
		return status;
	c->queue_slot = true;
	++*queued;
	return 0;
}

bool
charge_spend(struct charge *c, uint64_t us)
{
	c->used_us += us;
	return c->used_us >= CHARGE_FREE_US;
}

void
charge_memory(struct charge *c, uint64_t *made, uint64_t bytes)
{
	*made += bytes - c->made;
	if (c->addr != NULL)
		c->addr->made += bytes - c->made;
	c->made = bytes;
}

void
charge_pass(struct charge *c, struct addr *addr)
{
	if (c->addr != NULL)
		c->addr->made -= c->made;
	addr_put(c->addr);
	c->addr = addr_ref(addr);
	if (c->addr != NULL)
		c->addr->made += c->made;
}

void
charge_release(struct charge *c, uint32_t *queued)
{
	if (c->queue_slot)
		--*queued;
	if (c->client_slot && c->addr != NULL)
		c->addr->jobs--;
	addr_put(c->addr);
	*c = (struct charge){ 0 };
}
