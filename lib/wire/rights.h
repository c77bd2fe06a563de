/* Messages that carry descriptors over a Unix socket (SCM_RIGHTS, unix(7)). */
#ifndef WIRE_RIGHTS_H
#define WIRE_RIGHTS_H

#include <stddef.h>
#include <sys/types.h>

#define RIGHTS_MAX 32 /* descriptors in one message */

/* Sends TEXT with NFDS descriptors (which stay ours) in one sendmsg. 0, or -1 with errno. */
int rights_send(int sock, const char *text, size_t len, const int *fds, int nfds);
/* One recvmsg. What came with it is put into FDS (close-on-exec, ours) and counted in *NFDS. Returns what
 * recvmsg does. */
ssize_t rights_recv(int sock, char *buf, size_t size, int fds[RIGHTS_MAX], int *nfds);

#endif
