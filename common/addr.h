/*
 * Who has how much at once: IPv4 addresses and IPv6 /64s, as long as one has
 * a connection or a job.
 */
#ifndef ADDR_H
#define ADDR_H

#include <sys/queue.h>

#include <stdint.h>

#include "common/str.h"

#define ADDR_BUCKETS	4096

struct addr {
	LIST_ENTRY(addr) entry;
	int		 family;
	uint8_t		 ip[16];	/* IPv6: the first 8 bytes */
	uint32_t	 refs;
	uint32_t	 connections;
	uint32_t	 jobs;
	uint32_t	 waiting;	/* requests, through proxies too */
};

LIST_HEAD(addr_list, addr);

struct addrs {
	struct addr_list bucket[ADDR_BUCKETS];
	uint32_t	 salt;
};

void		 addr_init(struct addrs *);
/* Found or made; NULL without memory.  Give it back with addr_put(). */
struct addr	*addr_get(struct addrs *, int family, const uint8_t *ip);
struct addr	*addr_ref(struct addr *);
void		 addr_put(struct addr *);

/*
 * An IPv4 address in IPv6 notation becomes one: so a socket of both families
 * shows IPv4 clients, and some proxies write them.  All of them would be one
 * /64 otherwise.
 */
void		 addr_unmap(int *family, uint8_t ip[16]);

/* An address as text, bracketed or not, unmapped; 0 or -1. */
int		 addr_parse(struct str, int *family, uint8_t ip[16]);

#endif
