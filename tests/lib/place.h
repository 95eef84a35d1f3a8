/* SPDX-License-Identifier: ISC */
/*
 * A directory in which files are known without their mount, as they are on
 * file systems that keep change times: in a container all others
 * are on an overlay.
 */
#ifndef PLACE_H
#define PLACE_H

/* Goes there, if the working directory is none; to be called before anything
   is put into it.  Removed when the test ends. */
void	place_enter(void);

#endif
