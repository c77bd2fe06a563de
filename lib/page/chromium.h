/* A Chromium of our own: started with pipes for the DevTools protocol, no port, in a private folder, and ended for certain.
 *
 * Between us and it stands a keeper, ab-page-keeper: the browser is its child, and when we end, however we
 * do, it kills the browser's process group and removes the folder. When the keeper is killed the kernel kills the browser,
 * and we remove the folder; when we are too, the next start sweeps it. */
#ifndef PAGE_CHROMIUM_H
#define PAGE_CHROMIUM_H

#include "base/die.h"
#include "base/proc.h"

struct chromium {
	struct proc keeper;
	int to, from; /* DevTools messages: ours to write, ours to read; non-blocking */
	int life;     /* closed, it ends the keeper */
	int noise;    /* the browser's stderr */
	int again;    /* "METHOD URL" lines, non-blocking: requests that the browser sent again by itself, see page/netlog.h;
		       * "!WHY": the keeper has ended it */
	char *folder;
};

#define CHROMIUM_NONE ((struct chromium){.keeper = {.pidfd = -1}, .to = -1, .from = -1, .life = -1, .noise = -1, .again = -1})

/* It is ended when it takes more than AB_CHROMIUM_MEMORY MiB (2048). Starts $AB_CHROMIUM, else the first Chromium found, HEADED with a window on the person's display; as root without its sandbox,
 * which stderr is told. */
int chromium_start(struct chromium *c, bool headed, struct err *e);
/* Ends it within a second or two, and leaves *c as CHROMIUM_NONE. */
void chromium_end(struct chromium *c);
/* What the browser wrote to stderr last, one line, "" for nothing. Caller frees. */
char *chromium_last_words(struct chromium *c);

/* Between us and the keeper: its descriptors, … */
enum {
	CHROMIUM_TO = 3, CHROMIUM_FROM, /* the browser's pipes, which have these numbers for it too */
	CHROMIUM_LIFE,                  /* ends when we do */
	CHROMIUM_LOCK,                  /* the folder's, held */
	CHROMIUM_AGAIN                  /* for `again` */
};
#define CHROMIUM_LOG "net"  /* … a FIFO in the folder for the browser's log of its network: nothing of it is on disk, */
#define CHROMIUM_GRACE 700 /* and how long (ms) the browser may take to end when its pipe has closed */

#endif
