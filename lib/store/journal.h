/* The journal: what ab-book trusts, and nothing else (design.md, "Between seeing and booking").
 *
 * journal.ndjson, one record a line, each synced before the next step is taken:
 *   {"seq","time","what":"intent","goal","attempt","slot","trace"}   before the commit is sent
 *   {"what":"unsent","goal","attempt"}                               certain: it never left
 *   {"what":"known","goal","attempt","booking":{…}}                  what the site's answer named
 *   {"what":"result","goal","attempt","event":{…}}                   the outcome, as it is (to be) told
 *   {"what":"told","id"}                                             the event with that id went out
 * An intent without a result or `unsent` is open: only reading back may follow it. A torn last line (a
 * crash while writing) is cut when the journal is opened; whatever it was had not begun to count. */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>

#include "ext/json.h"

struct journal;

/* Opens SESSION's journal to add to it (made if missing): for ab-book alone, under its lock. A damaged line other
 * than the last: EX_DATAERR, nothing is done. */
struct journal *journal_open(const char *session, struct err *e);
/* To read only: an unfinished last line may be being written, and is left alone. A missing one is empty. */
struct journal *journal_read(const char *session, struct err *e);
void journal_free(struct journal *j);
/* Makes room for what will have to be written after a commit, so that a disk that fills up meanwhile does not keep it from
 * the journal. On failure nothing may be sent. */
int journal_reserve(struct journal *j, struct err *e);
/* Adds RECORD (consumed; gets seq and time) and syncs it. On failure nothing may be sent. */
int journal_add(struct journal *j, jv record_taken, struct err *e);

/* Each: the record (the caller's), or null. */
jv journal_open_intent(const struct journal *j);
/* The last result for this goal and attempt; of status "unknown" and "pending" the latest counts. */
jv journal_result(const struct journal *j, const char *goal, int attempt);
/* The result by which GOAL (NULL: any goal) was booked, pending or unknown: what forbids another try.
 * A later result that settled it to failed lifts that. */
jv journal_standing(const struct journal *j, const char *goal);
/* What the site's answer to this attempt named. */
jv journal_known(const struct journal *j, const char *goal, int attempt);
/* The events of all results, oldest first (array). */
jv journal_results(const struct journal *j);
/* Results whose events were not told yet, oldest first (array of events). */
jv journal_untold(const struct journal *j);

#endif
