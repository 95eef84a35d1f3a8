#include <string.h>

#include "common/conf/conf.h"

int
conf_find_root(const struct conf *conf, const struct conf_root *root)
{
	size_t i;

	for (i = 0; i < conf->nroots; i++)
		if (strcmp(conf->roots[i].prefix, root->prefix) == 0 &&
		    strcmp(conf->roots[i].dir, root->dir) == 0)
			return (int)i;
	return -1;
}

bool
conf_same_roots(const struct conf *a, const struct conf *b)
{
	size_t i;

	if (a->nroots != b->nroots)
		return false;
	for (i = 0; i < a->nroots; i++)
		if (conf_find_root(b, &a->roots[i]) != (int)i)
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
