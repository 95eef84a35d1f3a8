/* SPDX-License-Identifier: ISC */
/*
 * The clients that have a connection or a job, with the number of each: IPv4
 * addresses and the /64s of IPv6 addresses.
 */
#ifndef ADDR_H
#define ADDR_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#define ADDR_BUCKETS	4096

struct addr {
	LIST_ENTRY(addr) entry;
	int		 family;
	uint8_t		 ip[16];	/* IPv6: the first 8 bytes */
	uint32_t	 number;	/* another for each client, from 1 */
	uint32_t	 refs;
	uint32_t	 connections;
	uint32_t	 jobs;
	uint32_t	 waiting;	/* requests, through proxies too */
	/* Bytes of torrents: being made, and being written when they were
	   counted last. */
	uint64_t	 made;
	uint64_t	 written;
};

LIST_HEAD(addr_list, addr);

/* Begins as zeros, with a random salt, so that a client cannot choose
   addresses that share a bucket. */
struct addrs {
	struct addr_list bucket[ADDR_BUCKETS];
	uint32_t	 salt;
	uint32_t	 last;		/* number given */
};

/* Find or make the entry of an address; NULL without memory.  The reference is
   given back by addr_put(), which takes NULL too. */
struct addr	*addr_get(struct addrs *, int family, const uint8_t *ip);
void		 addr_put(struct addr *);

/* Another reference; NULL stays NULL. */
static inline struct addr *
addr_ref(struct addr *a)
{
	if (a != NULL)
		a->refs++;
	return a;
}

/*
 * Turn an IPv4-mapped IPv6 address (RFC 4291) into the IPv4 address.  A socket
 * of both families shows IPv4 clients so, and all of them would share one /64
 * otherwise.
 */
void		 addr_unmap(int *family, uint8_t ip[16]);

#endif
