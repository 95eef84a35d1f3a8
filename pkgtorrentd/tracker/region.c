/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "pkgtorrentd/tracker/region.h"

bool
region_is_v4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

static enum region
region_of_v4(const uint8_t a[4])
{
	if (a[0] == 127)
		return REGION_HOST;
	if (a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	    (a[0] == 192 && a[1] == 168))
		return REGION_SITE;
	if (a[0] == 100 && (a[1] & 0xc0) == 64)
		return REGION_CARRIER;
	if (a[0] == 169 && a[1] == 254)
		return REGION_LINK;
	return a[0] == 0 || a[0] >= 224 ? REGION_NONE : REGION_INTERNET;
}

enum region
region_of(const uint8_t addr[16])
{
	static const uint8_t loopback[16] = { [15] = 1 }, unspecified[16];

	if (region_is_v4(addr))
		return region_of_v4(addr + 12);
	if (memcmp(addr, loopback, 16) == 0)
		return REGION_HOST;
	if ((addr[0] & 0xfe) == 0xfc)
		return REGION_SITE;
	if (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80)
		return REGION_LINK;
	return addr[0] == 0xff || memcmp(addr, unspecified, 16) == 0 ?
	    REGION_NONE : REGION_INTERNET;
}

/* Mapped addresses are numbers below 1 << 32 and above 0, which begin no
   address of IPv6 that is in use. */
static uint64_t
region_number(const uint8_t addr[16])
{
	uint64_t n = 0;
	int i, first = region_is_v4(addr) ? 12 : 0;

	for (i = first; i < (first == 0 ? 8 : 16); i++)
		n = n << 8 | addr[i];
	return n;
}

uint64_t
region_address(const uint8_t addr[16])
{
	return region_number(addr);
}

uint64_t
region_near(const uint8_t addr[16])
{
	uint64_t n = region_number(addr);

	return region_is_v4(addr) ? n & ~(uint64_t)0xff : n;
}
