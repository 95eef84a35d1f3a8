/* SPDX-License-Identifier: ISC */
/*
 * Where an address can be reached, and which addresses are near each other.
 * An address is one of IPv6; IPv4 is mapped (::ffff:a.b.c.d).  Pure.
 */
#ifndef REGION_H
#define REGION_H

#include <stdbool.h>
#include <stdint.h>

/* Addresses of all but the first are of use only within the same one. */
enum region {
	REGION_INTERNET,
	REGION_SITE,		/* private (RFC 1918), unique local */
	REGION_CARRIER,		/* behind its NAT: 100.64.0.0/10 */
	REGION_LINK,		/* 169.254.0.0/16, fe80::/10 */
	REGION_HOST,		/* loopback */
	REGION_NONE		/* multicast, reserved, unspecified */
};

enum region	region_of(const uint8_t addr[16]);
bool		region_is_v4(const uint8_t addr[16]);
/* These count as one address: an IPv4 address, or the /64 of an IPv6 one. */
uint64_t	region_address(const uint8_t addr[16]);
/* The neighbourhood: the /24 of an IPv4 address, or the same /64. */
uint64_t	region_near(const uint8_t addr[16]);

#endif
