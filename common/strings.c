/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/strings.h"

int
strings_add(struct strings *s, const char *word)
{
	char **v;

	if ((v = reallocarray(s->v, s->n + 1, sizeof(*v))) == NULL)
		return -1;
	s->v = v;
	if ((v[s->n] = strdup(word)) == NULL)
		return -1;
	s->n++;
	return 0;
}

void
strings_free(struct strings *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	s->v = NULL;
	s->n = 0;
}
