/* SPDX-License-Identifier: ISC */
/*
 * Paths in the walk of a tree.  A walk comes to them in this order: component
 * by component as strcmp(3) says, and a directory before all that is in it.  So
 * the last path is a position from which a walk can go on.  A tree is the path
 * of a directory or a file, or empty: all there is.  Pure.
 */
#ifndef TREE_PATH_H
#define TREE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

/* Less than, equal to or greater than 0, as a comes before b, is the same, or
   comes after it. */
int	tree_path_compare(struct str a, struct str b);
/* Is it the tree itself, or in it? */
bool	tree_path_is_in(struct str path, struct str tree);
/* Is it at most SPEC_MAX bytes long, with a slash before each component, and
   none of them empty, "." or ".."? */
bool	tree_path_is_plain(struct str path);

#endif
