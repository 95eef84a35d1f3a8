#include <string.h>

#include "conf.h"

bool
conf_same_roots(const struct conf *a, const struct conf *b)
{
	size_t i;

	if (a->nroots != b->nroots)
		return false;
	for (i = 0; i < a->nroots; i++)
		if (strcmp(a->roots[i].prefix, b->roots[i].prefix) != 0 ||
		    strcmp(a->roots[i].dir, b->roots[i].dir) != 0)
			return false;
	return true;
}

bool
conf_same_layout(const struct conf *a, const struct conf *b)
{
	size_t i;

	if (a->piece_len != b->piece_len ||
	    a->padding_attr != b->padding_attr ||
	    strcmp(a->service, b->service) != 0 || a->deny.n != b->deny.n)
		return false;
	for (i = 0; i < a->deny.n; i++)
		if (strcmp(a->deny.v[i], b->deny.v[i]) != 0)
			return false;
	return true;
}
