/* What stages leave behind when they die: a subreaper's children that nobody else waits for. */
#ifndef RUN_ORPHANS_H
#define RUN_ORPHANS_H

/* Waits until no child of ours is left. A killed stage's launcher ends what it had started within seconds;
 * what is there after that is told, then killed. SIGNALS is the descriptor that SIGCHLD wakes. */
void orphans_end(int signals);

#endif
