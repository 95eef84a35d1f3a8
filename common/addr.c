/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include "common/addr.h"

static size_t
addr_key_len(int family)
{
	return family == AF_INET ? 4 : 8;
}

static struct addr_list *
addr_bucket(struct addrs *addrs, const uint8_t *ip, size_t len)
{
	uint32_t h = addrs->salt;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ ip[i]) * 0x01000193U;
	h ^= h >> 15;
	return &addrs->bucket[h % ADDR_BUCKETS];
}

struct addr *
addr_get(struct addrs *addrs, int family, const uint8_t *ip)
{
	size_t len = addr_key_len(family);
	struct addr_list *list = addr_bucket(addrs, ip, len);
	struct addr *a;

	LIST_FOREACH(a, list, entry) {
		if (a->family == family && memcmp(a->ip, ip, len) == 0) {
			a->refs++;
			return a;
		}
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	a->family = family;
	memcpy(a->ip, ip, len);
	a->number = ++addrs->last;
	a->refs = 1;
	LIST_INSERT_HEAD(list, a, entry);
	return a;
}

void
addr_put(struct addr *a)
{
	if (a == NULL || --a->refs > 0)
		return;
	LIST_REMOVE(a, entry);
	free(a);
}

void
addr_unmap(int *family, uint8_t ip[16])
{
	/* RFC 4291, section 2.5.5.2. */
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (*family != AF_INET6 || memcmp(ip, mapped, sizeof(mapped)) != 0)
		return;
	*family = AF_INET;
	memmove(ip, ip + sizeof(mapped), 4);
	memset(ip + 4, 0, sizeof(mapped));
}
