/* SPDX-License-Identifier: ISC */
#include <stddef.h>

#include "common/turns.h"

void
turns_init(struct turns *turns)
{
	size_t i;

	TAILQ_INIT(&turns->ring);
	for (i = 0; i < TURNS_LINES; i++)
		TAILQ_INIT(&turns->line[i].work);
}

void
turns_add(struct turns *turns, struct turn *turn, uint32_t client)
{
	struct turns_line *line = &turns->line[client % TURNS_LINES];

	if (TAILQ_EMPTY(&line->work))
		TAILQ_INSERT_TAIL(&turns->ring, line, entry);
	TAILQ_INSERT_TAIL(&line->work, turn, entry);
	turn->line = line;
}

void
turns_remove(struct turns *turns, struct turn *turn)
{
	struct turns_line *line = turn->line;

	if (line == NULL)
		return;
	TAILQ_REMOVE(&line->work, turn, entry);
	if (TAILQ_EMPTY(&line->work))
		TAILQ_REMOVE(&turns->ring, line, entry);
	turn->line = NULL;
}

struct turn *
turns_first(const struct turns *turns)
{
	const struct turns_line *line = TAILQ_FIRST(&turns->ring);

	return line == NULL ? NULL : TAILQ_FIRST(&line->work);
}

void
turns_rotate(struct turns *turns, struct turns_line *line)
{
	if (line != TAILQ_FIRST(&turns->ring))
		return;
	TAILQ_REMOVE(&turns->ring, line, entry);
	TAILQ_INSERT_TAIL(&turns->ring, line, entry);
}
