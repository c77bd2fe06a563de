/* The keys a program was given, and how it gets them.
 *
 * `ab-vault exec NAME… -- PROG` passes each subkey in a sealed memfd and names the descriptors in AB_KEYS:
 * "alice/rules=5,alice/state=6". Keys are read with pread, so that several readers can share one
 * descriptor. The environment holds descriptor numbers, never keys. */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include <stdbool.h>

#include "base/die.h"
#include "base/proc.h"
#include "store/sealed.h"

#define KEY_BYTES SEAL_KEY

/* A session's parts; each is sealed under a subkey of its own. (A change on disk names them by these numbers.) */
enum part {
	PART_SECRETS,  /* credentials, inbox */
	PART_PROFILE,  /* profile, party, files */
	PART_RULES,    /* everything else a person writes; `pace` (bucket names) added by ab-vault */
	PART_STATE,    /* cookies, tokens; written by whoever ends a page's turn */
	PART_EVIDENCE, /* sealed pages and pictures */
	PART_AUDIT,    /* the audit chain's head; ab-audit's own */
	PART_NOTICES,  /* notify: whom to tell, with the passwords and tokens for it */
	PART_COUNT
};
#define PART_BIT(part) (1u << (part))

const char *part_name(enum part part); /* "secrets" … */
bool part_is_written(enum part part);  /* by a person, with ab-vault */
bool part_may_lack(enum part part);    /* that it is not there means that it is empty */
/* The bits of "rules,state", "all"; 0 when a name is unknown. */
unsigned parts_parse(const char *names);

/* Makes sure that we were given SESSION's keys for all of PARTS (PART_BIT mask). Where we were not, this
 * program is replaced by `ab-vault exec SESSION -- ARGV…` (which asks for the passphrase and comes back);
 * returns -1 with EX_NOPERM only when that was tried already or can't be. Call before launch_init. */
int keys_need(char **argv, const char *session, unsigned parts, struct err *e);
/* The same for N sessions, so that the passphrase is asked once. */
int keys_need_all(char **argv, const char *const *sessions, int n, unsigned parts, struct err *e);
/* Closes the descriptors of parts not in KEEP (all sessions) and forgets them. */
void keys_keep(unsigned keep);
/* For ab-run, which gets further keys over its socket: FD becomes ours, and SESSION's key for PART in place
 * of one we had. -1 (FD stays the caller's) when it is no key. */
int keys_adopt(const char *session, enum part part, int fd, struct err *e);
/* Closes all of SESSION's and forgets them. */
void keys_drop(const char *session);
bool keys_have(const char *session, enum part part);
/* Copies the subkey into KEY (sodium_memzero it after use). */
int keys_get(const char *session, enum part part, unsigned char key[KEY_BYTES], struct err *e);
/* The same with the vault's id, for sealed.h. */
int keys_subkey(const char *session, enum part part, struct subkey *k, struct err *e);
/* For `ab-vault exec`: the entries of AB_KEYS that hold, their descriptors left open across exec (caller frees). */
char *keys_inherit(void);
/* What hands PARTS of SESSION on to a child: adds to FDS/NFDS the descriptors (targets from FIRST up) and
 * returns the "AB_KEYS=…" string for its environment (caller frees). Parts we lack are left out. */
char *keys_pass(const char *session, unsigned parts, int first, struct fd_map *fds, int *nfds);

#endif
