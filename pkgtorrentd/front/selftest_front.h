/*
 * The front's trial of its system calls.
 */
#ifndef SELFTEST_FRONT_H
#define SELFTEST_FRONT_H

struct front_trial;

/* Make the sockets and files that the trial needs; before lockdown. */
struct front_trial *front_prepare_selftest(void);
/* Try all calls that the front makes, after lockdown, and free the trial.
   Ends the process if a call is refused. */
void	front_selftest(struct front_trial *);

#endif
