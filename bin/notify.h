/* ab-notify's parts. The outbox (notify-outbox.c): what is to be told, to whom, and what was told; notify.ndjson in the state
 * folder:
 *
 *   {"what":"new","id","time","title","text","event","to":[HASH…]}   synced before the first try
 *   {"what":"sent"|"gave_up","id","to":HASH}
 *   {"what":"trouble","key","open"}                                  told once until its all-clear
 *   {"what":"old","id","time"}                                       wholly done, kept so that it is not told again
 *   {"what":"daily","next"}                                          when "still watching" is to be told next
 * Addresses stand there as hashes: they may hold a token.
 *
 * The words (notify-words.c): what is told of which event. The daily message (notify-daily.c). */
#ifndef BIN_NOTIFY_H
#define BIN_NOTIFY_H

#include "base/clock.h"
#include "base/str.h"
#include "ext/json.h"
#include "wire/driver.h"

#define TARGETS_MAX 16
#define PENDING_MAX 256

/* One address of the session's `notify`; one message at a time is on its way to it. */
struct target {
	char *url, *scheme, *hash;
	jv settings;              /* the item as an object: url, and what stands beside it */
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
	int64_t daily; /* when the daily message is due (wall ms); -1: not known */
	struct target targets[TARGETS_MAX];
	int ntargets, npending;
	struct delivery *pending;
	int64_t patience; /* ms that a message is tried */
};

/* Reads the outbox and writes it anew without what is done; what is not yet done becomes pending. ITEMS is the session's `notify` (borrowed). */
int outbox_open(struct outbox *o, const char *session, jv items, int64_t patience, struct err *e);
void outbox_close(struct outbox *o);
bool outbox_knows(const struct outbox *o, const char *id);
/* Adds a message for every address but EXCEPT (NULL: for every one): on disk first. EX_TEMPFAIL: too many wait already, it is not added; EX_IOERR: it is
 * added, but would not survive a crash. */
int outbox_add(struct outbox *o, const char *id, jv title_taken, jv text_taken, jv event_taken, const struct target *except,
	       struct err *e);
/* A delivery came to its end: WHAT is "sent" or "gave_up". D is freed. */
int outbox_done(struct outbox *o, struct delivery *d, const char *what, struct err *e);

/* A trouble is told once, and is open until its all-clear, over restarts too. Is one open whose key begins with PREFIX;
 * opens one; closes those. */
bool outbox_troubled(const struct outbox *o, const char *prefix);
void outbox_trouble(struct outbox *o, const char *key);
void outbox_clear(struct outbox *o, const char *prefix);
/* When the daily message is due next, also after a restart. */
void outbox_set_daily(struct outbox *o, int64_t next);

/* --- words --- */

#define WORDS_TITLE 2000
#define WORDS_TEXT 2000

/* Who tells, and what it knows. */
struct teller {
	const char *session, *zone;
	struct outbox *outbox;
	int64_t started, steady; /* clock_mono; ms that a pipeline must run until its troubles are over */
};

struct words {
	struct str title, text;
	char trouble[200]; /* told once while it lasts; "" when the message is no trouble */
};

void words_init(struct words *w);
void words_free(struct words *w);
/* "SESSION: …", over what was there. */
__attribute__((format(printf, 3, 4))) void words_title(struct words *w, const char *session, const char *fmt, ...);
/* A sentence of the text: BEFORE and VALUE; nothing when there is no value. */
void words_add(struct words *w, const char *before, const char *value);
/* True when EVENT is to be told, with the words for it. */
bool words_for(const struct teller *t, struct words *w, jv event);
/* It is in the outbox: which troubles began or ended with it. */
void words_told(const struct teller *t, const struct words *w, jv event);
/* The calendar entry for an event that tells of a booking; NULL for others. The caller frees. */
char *words_calendar(const char *session, const char *zone, jv event);

/* --- still watching --- */

/* What was heard since the last such message. */
struct daily {
	int minute;           /* of the day, when it is told; -1: never */
	const char *zone;
	int64_t since;        /* wall ms */
	int64_t heard;        /* clock_mono of the first round heard of; -1: none yet */
	int checks;
	jv verdicts;          /* {verdict: count} */
	char seen[CLOCK_TEXT]; /* the last good look, RFC 3339; "" */
};

/* TIME is the session's `daily` ("09:00"; NULL: never). What is due next is read from O, or set. */
void daily_open(struct daily *d, const char *time, const char *zone, struct outbox *o);
void daily_close(struct daily *d);
/* Counts EVENT if it is a round of looking. */
void daily_hear(struct daily *d, jv event);
/* When daily_due is to be asked again (clock_mono); -1: never. */
int64_t daily_at(const struct daily *d, const struct outbox *o);
/* Whether the message is due; LAST: no more will be heard. A message that was missed while nothing ran waits for the first round. */
bool daily_due(const struct daily *d, const struct outbox *o, bool last);
/* The message's words, and the event that tells the same ("agent.report"). */
jv daily_say(const struct daily *d, const char *session, struct words *w);
/* It is told: begins to count anew, and sets when it is due next. */
void daily_told(struct daily *d, struct outbox *o);

#endif
