/* ab-notify's outbox: what is to be told, to whom, and what was told; notify.ndjson in the state folder.
 *
 *   {"what":"new","id","time","title","text","event","to":[HASH…]}   synced before the first try
 *   {"what":"sent"|"gave_up","id","to":HASH}
 *   {"what":"trouble","key","open"}                                  told once until its all-clear
 *   {"what":"old","id","time"}                                       wholly done, kept so that it is not told again
 * Addresses stand there as hashes: they may hold a token. */
#ifndef BIN_NOTIFY_H
#define BIN_NOTIFY_H

#include "ext/json.h"
#include "wire/driver.h"

#define TARGETS_MAX 16
#define PENDING_MAX 256

/* One address of rules.notify; one message at a time is on its way to it. */
struct target {
	char *url, *scheme, *hash;
	struct driver driver;
	struct delivery *sending; /* NULL: idle */
	int64_t until;            /* clock_mono: the driver's deadline */
};

/* One message to one address. */
struct delivery {
	jv message; /* the "new" record */
	struct target *to;
	int tries;
	int64_t due;  /* clock_mono: the next try */
	int64_t ends; /* clock_mono: no try begins after it, but the first */
	struct delivery *next;
};

struct outbox {
	int fd;
	jv known;    /* {id: time} of all messages */
	jv troubles; /* {key: true}: open ones */
	struct target targets[TARGETS_MAX];
	int ntargets, npending;
	struct delivery *pending;
	int64_t patience; /* ms that a message is tried */
};

/* Reads the outbox and writes it anew without what is done; what is not yet done becomes pending. URLS is rules.notify. */
int outbox_open(struct outbox *o, const char *session, jv urls, int64_t patience, struct err *e);
void outbox_close(struct outbox *o);
bool outbox_knows(const struct outbox *o, const char *id);
/* Adds a message for every address: on disk first. EX_TEMPFAIL: too many wait already, it is not added; EX_IOERR: it is
 * added, but would not survive a crash. */
int outbox_add(struct outbox *o, const char *id, jv title_taken, jv text_taken, jv event_taken, struct err *e);
/* A delivery came to its end: WHAT is "sent" or "gave_up". D is freed. */
int outbox_done(struct outbox *o, struct delivery *d, const char *what, struct err *e);

/* A trouble is told once, and is open until its all-clear, over restarts too. Is one open whose key begins with PREFIX;
 * opens one; closes those. */
bool outbox_troubled(const struct outbox *o, const char *prefix);
void outbox_trouble(struct outbox *o, const char *key);
void outbox_clear(struct outbox *o, const char *prefix);

#endif
