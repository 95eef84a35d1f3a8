/*
 * The messages of children.  The parent believes them only as far as it must:
 * it escapes a line, and an accusation ends a process that is replaced at
 * once.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "pkgtorrentd/parent/from_children.h"
#include "pkgtorrentd/parent/mount_table.h"
#include "pkgtorrentd/parent/state.h"

static const char *
fault_name(uint32_t fault)
{
	static const char *const names[] = {
		[FAULT_TYPE] = "not to be sent by it",
		[FAULT_LENGTH] = "length",
		[FAULT_FDS] = "descriptors",
		[FAULT_CONTENT] = "content",
		[FAULT_SEAL] = "seal",
	};

	if (fault == 0 || fault >= sizeof(names) / sizeof(names[0]))
		return "fault unknown";
	return names[fault];
}

static enum msg_fault
from_children_on_ready(struct process *p, const struct msg *msg)
{
	const struct msg_ready	*ready = msg->body;
	char		 layers[1100], line[1200];
	int		 len;

	if (p->ready_ms != 0)
		return FAULT_NONE;
	p->ready_ms = clock_ms();
	/* Of a root on a file server the number may not be asked for. */
	p->root_dev = (dev_t)ready->root_dev;
	if (p->role == ROLE_WALKER && !mount_table_dev_is_remote(p->root_dev))
		p->root_ino = ready->root_ino;
	(void)log_escape(layers, sizeof(layers), msg->tail, msg->tail_len);
	free(p->layers);
	if ((p->layers = strdup(layers)) == NULL)
		fatal("no memory");
	len = snprintf(line, sizeof(line), "ready, layers %s", layers);
	log_child_line(role_name(p->role), p->pid, LOG_INFO, line,
	    (size_t)len);

	p->ops->ready(p);
	return FAULT_NONE;
}

static enum msg_fault
from_children_on_log(struct process *p, const struct msg *msg)
{
	const struct msg_log	*body = msg->body;
	int			 priority = LOG_PRI((int)body->priority);
	bool			(*line)(struct process *, int, const void *,
				    size_t) = p->ops->line;

	if (priority <= LOG_ERR)
		p->said_why = true;
	if (line == NULL)
		line = p->parent->ops->line;
	if (line(p, priority, msg->tail, msg->tail_len))
		log_child_line(role_name(p->role), p->pid, priority,
		    msg->tail, msg->tail_len);
	return FAULT_NONE;
}

static enum msg_fault
from_children_on_access(struct process *p, const struct msg *msg)
{
	const uint8_t	*line = msg->tail, *end = line + msg->tail_len, *nl;

	for (; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			nl = end;
		log_child_line(role_name(p->role), p->pid, LOG_INFO, line,
		    (size_t)(nl - line));
	}
	return FAULT_NONE;
}

static enum msg_fault
from_children_on_alive(struct process *p, const struct msg *msg)
{
	(void)msg;
	p->silent_s = 0;
	return FAULT_NONE;
}

/* The accused process broke the rules: it is killed, and replaced. */
static void
from_children_convict(struct parent *parent, struct process *accused,
    const char *by, const struct msg_wrong *wrong)
{
	parent->wrong++;
	if (wrong->fault == FAULT_SILENT)
		log_error("%s %d does not answer the %s's %s, killed",
		    role_name(accused->role), (int)accused->pid, by,
		    msg_name(wrong->type));
	else
		log_error("%s %d sent the %s a wrong %s (%s), killed",
		    role_name(accused->role), (int)accused->pid, by,
		    msg_name(wrong->type), fault_name(wrong->fault));
	process_kill(accused);
}

static void
from_children_wrong(void *owner, const struct msg_wrong *wrong)
{
	struct process	*p = owner;

	from_children_convict(p->parent, p, role_name(ROLE_PARENT), wrong);
}

/*
 * Only the other end of one of its channels can have sent the reporter a
 * message: a reporter that names another process breaks the rules itself.
 */
static enum msg_fault
from_children_on_wrong(struct process *p, const struct msg *msg)
{
	const struct msg_wrong	*wrong = msg->body;
	struct process		*other;

	if (wrong->role == ROLE_PARENT) {
		p->parent->wrong++;
		log_error("%s %d refuses %s of the parent (%s)",
		    role_name(p->role), (int)p->pid, msg_name(wrong->type),
		    fault_name(wrong->fault));
		return FAULT_NONE;
	}
	TAILQ_FOREACH(other, &p->parent->processes, entry)
		if (!other->retired && !other->reserve && !p->reserve &&
		    other->role == wrong->role &&
		    other->index == wrong->index &&
		    (p->role == ROLE_FRONT) != (other->role == ROLE_FRONT))
			break;
	if (other != NULL) {
		from_children_convict(p->parent, other, role_name(p->role),
		    wrong);
		return FAULT_NONE;
	}
	/* A process that the last reload retired was at work until then. */
	if (p->role == ROLE_FRONT && wrong->role < ROLE_COUNT &&
	    wrong->role != ROLE_FRONT) {
		p->parent->wrong++;
		return FAULT_NONE;
	}
	return FAULT_CONTENT;
}

/*
 * If a filter stops a system call that a library makes now and then, a restart
 * hides the fault; if it does so often within a minute, no restart will help.
 */
static enum msg_fault
from_children_on_syscall(struct process *p, const struct msg *msg)
{
	const struct msg_syscall	*body = msg->body;
	struct parent			*parent = p->parent;
	uint64_t			*last = parent->syscall_ms;
	uint64_t			 now = clock_ms();
	char				*name, why[512];

	name = seccomp_syscall_resolve_num_arch(body->arch, (int)body->nr);
	parent->syscalls++;
	p->said_why = true;
	log_error("%s %d was stopped at system call %u (%s)",
	    role_name(p->role), (int)p->pid, body->nr,
	    name == NULL ? "unknown" : name);
	/* The last ones, oldest first: with this one more than the limit? */
	if (last[0] != 0 && now - last[0] < SYSCALLS_MS) {
		(void)snprintf(why, sizeof(why), "system call %u (%s) of the "
		    "%s was stopped by its filter, the last of more than %d "
		    "in a minute: this system needs another filter", body->nr,
		    name == NULL ? "unknown" : name, role_name(p->role),
		    SYSCALLS_MAX);
		if (parent->ops->stopped != NULL)
			parent->ops->stopped(p, why);
	}
	memmove(last, last + 1, (SYSCALLS_MAX - 1) * sizeof(*last));
	last[SYSCALLS_MAX - 1] = now;
	free(name);
	return FAULT_NONE;
}

static void
from_children_closed(void *process)
{
	process_hang_up(process);
}

/* The messages of children. */
#define FROM_CHILDREN_HANDLERS(X)					\
	X(READY, from_children_on_ready)				\
	X(LOG, from_children_on_log)					\
	X(ACCESS, from_children_on_access)				\
	X(ALIVE, from_children_on_alive)				\
	X(WRONG, from_children_on_wrong)				\
	X(SYSCALL, from_children_on_syscall)

CHANNEL_DISPATCH(from_children_message, struct process, FROM_CHILDREN_HANDLERS,
    CHILDREN, PARENT);

static const struct channel_ops from_children_ops = {
	.message = from_children_message,
	.wrong = from_children_wrong,
	.closed = from_children_closed,
};

void
from_children_listen(struct parent *parent)
{
	parent->from_children = &from_children_ops;
}

void
from_children_copy_line(char *out, size_t outlen, const void *line, size_t len)
{
	const char	*from = line;
	size_t		 i;

	for (i = 0; i < len && i < outlen - 1; i++)
		out[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	out[i] = '\0';
}
