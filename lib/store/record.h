/* A session's record on disk: a folder with one sealed file per part.
 *
 * FOLDER/PART       the part
 * FOLDER/change     new texts of several parts at once; where it holds a part, it counts, not FOLDER/PART
 * FOLDER/lock       held while something is written
 *
 * Writing one part replaces its file. Writing several puts all of them into `change` (the commit: one rename),
 * then into their own files, then removes `change`; whoever writes next finishes what a crash left. So readers,
 * who take no lock, see the old or the new.
 *
 * Rollback: `$AB_STATE/SESSION/seen.PART` holds the highest counter seen on this machine. A part with a lower one,
 * or one that is gone, is refused. Whoever can put back both files is not noticed. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "ext/json.h"
#include "store/keys.h"

/* One part. *COUNTER may be NULL. Errors as part_read (vault.h); not there is EX_NOINPUT with errno ENOENT. */
jv record_read(const char *folder, const struct subkey *k, const char *session, enum part part, uint64_t *counter,
	       struct err *e);
/* Seals and replaces one part, one counter up. EX_NOPERM when what is there is under another key. */
int record_write(const char *folder, const struct subkey *k, const char *session, enum part part, jv value,
		 struct err *e);
/* The same, but EX_TEMPFAIL unless the part's counter still is COUNTER, as record_read gave it (0: the part is not there). */
int record_replace(const char *folder, const struct subkey *k, const char *session, enum part part, jv value, uint64_t counter,
		   struct err *e);

/* New values for several parts, all or none. */
struct record_new {
	enum part part;
	jv value;             /* borrowed */
	const struct subkey *k;
	bool expect;          /* refuse (EX_TEMPFAIL) unless the part's counter still is COUNTER */
	uint64_t counter;
};
int record_change(const char *folder, const char *session, const struct record_new *parts, int n, struct err *e);

/* Takes the folder's lock and finishes what a crash left; the descriptor, or -1. */
int record_lock(const char *folder, struct err *e);
/* Re-seals PART from one subkey to another, unless it is not there or under TO already. The lock is held. */
int record_reseal(const char *folder, const struct subkey *from, const struct subkey *to, const char *session,
		  enum part part, struct err *e);

#endif
