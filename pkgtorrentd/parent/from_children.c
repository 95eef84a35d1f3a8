/*
 * What children tell the parent.  None of it is believed further than its row
 * in the table goes: a line is escaped, an accusation ends a process that is
 * replaced at once, a count is a count.
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
#include "pkgtorrentd/parent/parent.h"

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
parent_on_ready(struct process *p, const struct msg *msg)
{
	struct parent	*parent = p->parent;
	struct process	*other, *front = parent_front(parent);
	char		 layers[1100], line[1200];
	int		 len;

	if (p->ready_ms != 0)
		return FAULT_NONE;
	p->ready_ms = clock_ms();
	if (p->role == ROLE_WALKER)
		roots_note(p, msg->body);
	(void)log_escape(layers, sizeof(layers), msg->tail, msg->tail_len);
	free(p->layers);
	if ((p->layers = strdup(layers)) == NULL)
		fatal("no memory");
	len = snprintf(line, sizeof(line), "ready, layers %s", layers);
	log_child_line(role_name(p->role), p->pid, LOG_INFO, line,
	    (size_t)len);

	if (parent->state == PARENT_CHECKING) {
		check_on_ready(p);
		return FAULT_NONE;
	}
	if (p->retired)
		return FAULT_NONE;
	if (p->planned) {
		reload_on_ready(parent);
		return FAULT_NONE;
	}
	if (p->reserve) {
		roots_on_ready(p);
		return FAULT_NONE;
	}
	/* Whoever is ready last makes the pair complete. */
	TAILQ_FOREACH(other, &parent->processes, entry) {
		if (other->retired || other->reserve ||
		    other->ready_ms == 0 || other == front)
			continue;
		if (front != NULL && front->ready_ms != 0 &&
		    (p == front || p == other))
			process_link(front, other);
	}
	parent_check_ready(parent);
	if (parent->reload_again && parent->reload == NULL &&
	    parent->state == PARENT_SERVING && front != NULL &&
	    front->ready_ms != 0)
		reload_run(parent);
	return FAULT_NONE;
}

/* Of one that is tried again and again each trouble is told once. */
static bool
parent_has_heard(struct process *p, const struct msg *msg)
{
	if (!p->reserve || p->planned)
		return false;
	if (p->trouble != NULL && strlen(p->trouble) == msg->tail_len &&
	    memcmp(p->trouble, msg->tail, msg->tail_len) == 0)
		return true;
	free(p->trouble);
	p->trouble = strndup((const char *)msg->tail, msg->tail_len);
	return false;
}

static enum msg_fault
parent_on_log(struct process *p, const struct msg *msg)
{
	const struct msg_log	*body = msg->body;
	int			 priority = LOG_PRI((int)body->priority);

	if (priority <= LOG_ERR)
		p->said_why = true;
	if (p->parent->state == PARENT_CHECKING) {
		check_on_line(p, priority, msg->tail, msg->tail_len);
		return FAULT_NONE;
	}
	if (priority <= LOG_ERR && parent_has_heard(p, msg))
		return FAULT_NONE;
	log_child_line(role_name(p->role), p->pid, priority, msg->tail,
	    msg->tail_len);
	if (priority <= LOG_ERR)
		parent_say_why(p->parent, role_name(p->role), msg->tail,
		    msg->tail_len);
	return FAULT_NONE;
}

static enum msg_fault
parent_on_access(struct process *p, const struct msg *msg)
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
parent_on_alive(struct process *p, const struct msg *msg)
{
	(void)msg;
	p->silent_s = 0;
	return FAULT_NONE;
}

/* accused broke the rules of the table: it ends, and is replaced. */
static void
parent_convict(struct parent *parent, struct process *accused,
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

void
parent_on_wrong_message(struct process *p, const struct msg_wrong *wrong)
{
	parent_convict(p->parent, p, role_name(ROLE_PARENT), wrong);
}

/*
 * Only the other end of one of the reporter's channels can have sent it
 * anything: whoever names another has broken the rules itself.
 */
static enum msg_fault
parent_on_wrong(struct process *p, const struct msg *msg)
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
		parent_convict(p->parent, other, role_name(p->role), wrong);
		return FAULT_NONE;
	}
	/* A place that the last reload took away was a peer until then. */
	if (p->role == ROLE_FRONT && wrong->role < ROLE_COUNT &&
	    wrong->role != ROLE_FRONT) {
		p->parent->wrong++;
		return FAULT_NONE;
	}
	return FAULT_CONTENT;
}

/*
 * A filter that stops what a library does now and then is a fault that
 * restarting hides; often within a minute, it is not going to end.
 */
static enum msg_fault
parent_on_syscall(struct process *p, const struct msg *msg)
{
	const struct msg_syscall	*body = msg->body;
	struct parent			*parent = p->parent;
	uint64_t			*last = parent->syscall_ms;
	uint64_t			 now = clock_ms();
	char				*name;

	name = seccomp_syscall_resolve_num_arch(body->arch, (int)body->nr);
	parent->syscalls++;
	p->said_why = true;
	log_error("%s %d was stopped at system call %u (%s)",
	    role_name(p->role), (int)p->pid, body->nr,
	    name == NULL ? "unknown" : name);
	/* The last ones, oldest first: with this one more than the limit? */
	if (last[0] != 0 && now - last[0] < SYSCALLS_MS)
		parent_fail(parent, "system call %u (%s) of the %s was stopped "
		    "by its filter, the last of more than %d in a minute: "
		    "this system needs another filter", body->nr,
		    name == NULL ? "unknown" : name, role_name(p->role),
		    SYSCALLS_MAX);
	memmove(last, last + 1, (SYSCALLS_MAX - 1) * sizeof(*last));
	last[SYSCALLS_MAX - 1] = now;
	free(name);
	return FAULT_NONE;
}

#define PARENT_HANDLERS(X)						\
	X(READY, parent_on_ready)					\
	X(LOG, parent_on_log)						\
	X(ACCESS, parent_on_access)					\
	X(ALIVE, parent_on_alive)					\
	X(WRONG, parent_on_wrong)					\
	X(SYSCALL, parent_on_syscall)

CHANNEL_DISPATCH(from_children, struct process, PARENT_HANDLERS, CHILDREN,
    PARENT);

enum msg_fault
parent_on_message(void *process, struct msg *msg)
{
	return from_children(process, msg);
}
