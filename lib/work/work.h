/* A session at work on its page: what ab-login, ab-poll, ab-book and `ab-provider try` have in common.
 *
 * work_open brings together the session's opened parts, its provider, its budget and its page, and gives up
 * the network. Between work_begin and work_end the page is ours; work_flow runs a flow in that turn, with
 * one log-in or one fresh start in between where the provider's policy asks for it. */
#ifndef WORK_WORK_H
#define WORK_WORK_H

#include "ext/json.h"
#include "site/flow.h"
#include "site/pacer.h"
#include "site/policy.h"
#include "store/consent.h"
#include "store/keys.h"
#include "wire/event.h"
#include "wire/pagelink.h"
#include "work/turn.h"

/* What ab-login keeps in the session's state folder: {"refused": {"at","reason","record"} or null, "times": [{"boot","mono","wall"}],
 * "last": {"class","reason","trace"} of the last one, or null when it succeeded}. */
#define LOGIN_FILE "login.json"

struct work {
	/* set by the caller before work_open */
	const char *session;
	int out;          /* where events go */
	int stop_fd;      /* readable: stop waiting (a signalfd); -1: none */
	int priority;     /* of our turns: 0 poll, 1 login, 2 book */
	bool booking;     /* may spend the reserve */
	bool dry;         /* no commit */
	bool no_login;    /* never start ab-login (we are it) */
	bool settling;    /* reads back (verify): may begin a turn while an intent is open, and when consent has ended since */
	bool headed;      /* a browser has its window, whatever the record says */
	int page_given;   /* a page's connection, in whose turn we are; -1: none */
	/* called round a commit, see struct flow_host */
	int (*commit)(void *ctx, struct err *e);
	void (*committed)(void *ctx, const char *sent);
	void (*known)(void *ctx, jv booking);
	void *ctx;
	/* set by work_open */
	jv rules;
	unsigned parts;
	jv profile, secrets;               /* null outside a turn, and where PARTS has them not */
	jv settings;                       /* of the page */
	struct provider *provider;
	const char *zone;                  /* the session's */
	char trace[TRACE_TEXT];            /* of what is being done; a new one at first */
	jv told;                           /* what a flow told the person: texts */
	jv evidence;                       /* names kept since work_evidence_taken */
	struct pacer *pacer;
	struct turn turn;                  /* on the session's page */
	struct page *page;                 /* what the flow is on; NULL: nothing */
	struct flow_memo *memo;
	struct flow_host host;
	int lock;
	int unheard;    /* errno with which OUT failed; nothing is written there any more */
	bool logged_in; /* this turn began with, or made, a log-in that worked */
};

/* PARTS (PART_BIT mask): those whose content we read; of profile, secrets and state it is seen here that they can be read, but they are
 * held only during a turn. HAND_ON: those we only pass to what we start. Replaces
 * this program by `ab-vault exec` when it has no keys (keys.h). Takes lock/PROGRAM unless the page was given. */
int work_open(struct work *w, char **argv, unsigned parts, unsigned hand_on, struct err *e);
void work_close(struct work *w);

/* consent_check with the consent as it stands in the vault now: a change counts for programs that run, too, as the rest of the
 * record does from their next start. It must grant requests, and list the proxy in use. CONSENT_NO with another *e than EX_NOPERM: it
 * can't be read just now. Each request is preceded by it (CONSENT_WATCH); who books or cancels asks before the commit. */
enum consent_answer work_consent(struct work *w, enum consent_act act, struct err *e);

/* Waits for the page's turn, at most TIMEOUT ms. EX_TEMPFAIL: not now; the message says why. */
int work_begin(struct work *w, int64_t timeout, struct err *e);
/* Seals the cookies where they changed, lets the next one have the page, and forgets what is secret. */
void work_end(struct work *w);

/* Runs flow NAME for SLOT and BOOKING (borrowed, may be null), within a turn. */
void work_flow(struct work *w, const char *name, jv slot, jv booking, struct flow_result *r);
/* Runs ab-login in our turn. 0; or -1 with *e: EX_NOPERM refused, EX_TEMPFAIL not now. */
int work_login(struct work *w, struct err *e);

/* The names of evidence kept since the last call, an array; empties the list. */
jv work_evidence_taken(struct work *w);
/* Asks the person (ab-answer) and emits human.required and human.answered. The answer ("yes" for confirm),
 * or invalid with EX_TEMPFAIL (no answer in time), EX_NOPERM (declined). TIMEOUT 0: waits as long as it takes. */
jv work_ask(struct work *w, const char *kind, const char *question, int64_t timeout, struct err *e);
/* Waits; -1 when stop_fd became readable. */
int work_sleep(struct work *w, int64_t ms);
/* One event about this session, in the current trace. A reader that is slow is waited for, until we are told to end. */
void work_say(struct work *w, const char *type, jv data_taken);
/* EVENT as it is. */
void work_put(struct work *w, jv event_taken);
/* The exit status: STATUS, or EX_IOERR where what went well could not be said. */
int work_status(const struct work *w, int status);

#endif
