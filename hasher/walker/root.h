/*
 * Paths of one document root, looked up in the file system.  Whatever is
 * found or opened here was reached from the root's descriptor without leaving
 * it: openat2(2) with RESOLVE_BENEATH sees to that.
 */
#ifndef ROOT_H
#define ROOT_H

#include <sys/types.h>

#include "common/conf/conf.h"
#include "common/listing.h"
#include "common/mounts.h"

struct root {
	int			 fd;
	const struct conf	*conf;
	uint32_t		 index;		/* in conf->roots */
	uint64_t		 link_logged_ms; /* for log_once() */
	uint64_t		 error_logged_ms;
	uint64_t		 unreadable_logged_ms;
	uint64_t		 control_logged_ms;
	uint64_t		 mount_logged_ms;
	struct mounts		 mounts;
	/* The directory of the last look-up, until root_forget(): most paths
	   of a request are in the same one. */
	int			 parent_fd;	/* -1: none */
	size_t			 parent_len;
	char			 parent[SPEC_MAX + 1];
};

/* What a look-up saw. */
struct seen {
	struct identity		 identity;	/* with PATH_OK */
	mode_t			 type;		/* S_IF…; 0: nothing */
	bool			 young;		/* not identity_settled() */
	bool			 link;		/* reached by a symbolic link
						   that bears the name */
};

/* Without a root yet: fd, conf and index are the caller's to set. */
void	 root_init(struct root *);

/* Once fd is there: say so if its file system is one on which nothing is
   remembered for long. */
void	 root_log_mount(struct root *);

/* Locked down, try all that is done here.  Ends the
   process if a call is refused. */
void	 root_selftest(const struct root *);

/* "" or "/a/b": what clients see before this root's own paths. */
const char	*root_prefix(const struct root *);

/* 0, or -1: not what an honest front sends (it begins with a slash, and has
   no NUL and no . or .. component). */
int	 path_check(const char *, size_t);
/* The same of a spec, which may have . components but for the last. */
int	 path_check_spec(const char *, size_t);

/* 1 if this root is the one that serves the path, 0 if another one or none
   does. */
int	 root_serves(const struct root *, const char *path, size_t);

/* 1 if a deny pattern covers the path as it is written. */
int	 root_denies(const struct root *, const char *path, size_t);

/* What an error of the file system says of the path that met it.  Links that
   are refused, what may not be read, and faults that are not the path's are
   logged, each kind once a minute with an example. */
enum path_status root_status(struct root *, int error, const char *path,
	    size_t);

/* 1 for a name with a control byte, which no request may contain: web seeds
   could not be asked for it. */
int	 name_has_control(const char *);
/* Such a name is left out of a pattern: log it, at most once a minute. */
void	 root_log_control(struct root *, const char *path, size_t);

/*
 * What is at this path (as clients write it)?  PATH_OK for a regular file
 * that this process may read.  Nothing is opened for reading: a FIFO's writer
 * and a device notice nothing.  Neither deny nor root_serves() is asked.
 */
enum path_status root_look(struct root *, const char *path, size_t,
	    struct seen *);

/* Look directories up anew from now on.  To be called whenever others may
   have had time to change something, at the latest after a turn. */
void	 root_forget(struct root *);

/*
 * Open a regular file for reading.  deny is asked, root_serves() is not.  On
 * PATH_OK *fd is the caller's and the identity is that of *fd.
 */
enum path_status root_open(struct root *, const char *path, size_t,
	    struct identity *, int *fd);

/*
 * Open a directory to read it; follow: the last component may be a symbolic
 * link.  PATH_OK and *fd, or why not (PATH_MISSING when it is none).
 */
enum path_status root_open_dir(struct root *, const char *path, size_t,
	    bool follow, int *fd);

#endif
