/* The audit chain: audit.ndjson in a session's state folder, what passed and when, so that it shows what was
 * changed afterwards.
 *
 *   {"seq":7,"time":"…","event":{…},"prev":"64 hex","hash":"64 hex"}
 *
 * `event` holds the event's bytes as they came; a record of ab-audit's own has `note` instead: {"torn": BYTES} (a
 * half-written last line was cut), {"unsealed": SEQ} (records from SEQ on were found unsealed after a crash),
 * {"lost": SEQ} (records from SEQ on had been sealed and were not there). `hash` is BLAKE2b-256 over the 32 bytes of
 * `prev` and the line's bytes before `,"hash"`, framed as in seal_hash; the first `prev` is zeros. What was cut at the
 * end a chain alone does not show: the head {"seq","hash"} is kept sealed elsewhere. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include <stdbool.h>

#include "ext/json.h"

#define AUDIT_HEX 65 /* a hash in hex and NUL */

/* The last record; seq 0: there is none. */
struct audit_head {
	int64_t seq;
	char hash[AUDIT_HEX];
};

/* The sealed head (PART_AUDIT), and sealing it. */
int audit_head_read(const char *session, struct audit_head *head, struct err *e);
int audit_head_write(const char *session, const struct audit_head *head, struct err *e);

struct audit;

/* Opens SESSION's chain to append to it: cuts a torn last line, compares the end with SEALED (NULL: no head is kept)
 * and notes what differs. *ALARM (may be NULL) is set when sealed records are missing. The caller holds the lock. */
struct audit *audit_open(const char *session, const struct audit_head *sealed, bool *alarm, struct err *e);
void audit_free(struct audit *a);
/* Appends a record of the LEN bytes of an event's line. Not synced. */
int audit_add(struct audit *a, const char *event, size_t len, struct err *e);
/* Brings what was appended to the disk; nothing to do when all is there. */
int audit_sync(struct audit *a, struct err *e);
bool audit_dirty(const struct audit *a);
struct audit_head audit_head(const struct audit *a);

/* Called for each fault: SEQ is the record's (the number it should have when it is missing), ABOUT its time and type in
 * brackets with a space before (of a missing one, those of the record before it; "" where there is none to read), TEXT
 * says what. */
typedef void audit_fault(void *ctx, int64_t seq, const char *about, const char *text);
/* Checks every record, and the end against SEALED (NULL: not). 0: whole; 1: faults were told; -1 with *e. *LAST (may be
 * NULL) is the chain's end. */
int audit_verify(const char *session, const struct audit_head *sealed, audit_fault *fault, void *ctx,
		 struct audit_head *last, struct err *e);

/* Calls CB with each record (borrowed), in the file's order, until it gives other than 0, which is returned. Lines that
 * are no JSON are passed over (audit_verify tells). -1 with *e. */
typedef int audit_cb(void *ctx, jv record);
int audit_each(const char *session, audit_cb *cb, void *ctx, struct err *e);

/* Of EVENTS (an array, consumed) those whose ids no record has. Invalid with *e. */
jv audit_missing(const char *session, jv events_taken, struct err *e);

#endif
