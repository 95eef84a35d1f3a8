/* SPDX-License-Identifier: ISC */
/*
 * The calls that confined processes make on sockets.  Where there is
 * socketcall(2), as on i386, glibc makes them by it.  Its arguments are in
 * memory, where no filter can check them, so the filters refuse it, and these
 * functions use the numbers that the calls have of their own.
 */
#ifndef SOCKET_H
#define SOCKET_H

#include <sys/socket.h>
#include <sys/syscall.h>

#include <unistd.h>

#ifdef SYS_socketcall
#define SOCKET_CALL(name, ...)	syscall(SYS_##name, __VA_ARGS__)
#else
#define SOCKET_CALL(name, ...)	name(__VA_ARGS__)
#endif

/* As the functions of libc. */
static inline ssize_t
socket_sendmsg(int fd, const struct msghdr *mh, int flags)
{
	return SOCKET_CALL(sendmsg, fd, mh, flags);
}

static inline ssize_t
socket_recvmsg(int fd, struct msghdr *mh, int flags)
{
	return SOCKET_CALL(recvmsg, fd, mh, flags);
}

static inline int
socket_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return (int)SOCKET_CALL(accept4, fd, addr, len, flags);
}

static inline int
socket_shutdown(int fd, int how)
{
	return (int)SOCKET_CALL(shutdown, fd, how);
}

#endif
