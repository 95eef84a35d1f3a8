/* SPDX-License-Identifier: ISC */
/*
 * The files that a torrent has, by its info dictionary (BEP 3).  Pure.
 */
#ifndef INFO_PATHS_H
#define INFO_PATHS_H

#include "common/str.h"

/*
 * Does this info dictionary of the multi form have a file in a tree, or is it
 * malformed?  The tree is a path of common/tree_path.h.
 */
bool	info_paths_touch(const void *info, size_t len, struct str tree);

#endif
