/* What a flow needs from the program that runs it, and what it gives back. */
#ifndef SITE_HOST_H
#define SITE_HOST_H

#include "ext/json.h"
#include "site/memo.h"
#include "site/provider.h"
#include "wire/pagelink.h"

/* Where a step stands in the provider's document: item INDEX of the list KEY (a flow's name where there is nothing above,
 * else do, then or else). */
struct flow_place {
	const struct flow_place *up;
	const char *key;
	int index;
};

/* A step, as a host may see it pass. All of it is borrowed. */
struct flow_view {
	const char *verb;
	jv step;                          /* as the provider has it */
	jv context;                       /* what its expressions see now */
	const struct flow_place *place;
	const struct flow_result *result; /* so far */
	bool after;                       /* it was carried out, in MS milliseconds */
	bool ended;                       /* after: the flow ends with it, or with a step in it */
	int64_t ms;
};

#define HUMAN_TIMEOUT 600000 /* ms that the person has */

/* What the person is asked. */
struct question {
	const char *kind, *text; /* confirm, captcha, payment or otp */
	int64_t timeout;         /* ms */
	const char *url;         /* of the page that it is about, "" for none */
	bool kept;               /* that page was kept as evidence just now: its picture is shown with the question */
	bool person;             /* only a person will do: a solver's answer was wrong, or is of no use */
	/* While it is open LOOK (NULL: none) is called, about twice a second; true when it need not be answered any more. */
	bool (*look)(void *ctx);
	void *ctx;
	bool solved;             /* set: the owner's solver has answered */
};

/* Callbacks: 0, or -1 with *e; a refused request, commit or wait ends the flow with the class that the
 * callback chose by e->status: EX_TEMPFAIL "throttled", EX_NOPERM "refused", else "stopped". */
struct flow_host {
	void *ctx;
	/* Before each page command that may send requests: takes of the budget, waiting for it, what it needs until LEASE ms from
	 * now, room for REDIRECTS included. How many requests it may send (> 0), or -1. With LEASE 0 one is taken that is sent
	 * at once, and `spent` does not follow. */
	int (*take)(void *ctx, bool redirects, int64_t lease, struct err *e);
	/* After it: REQUESTS went out. THROTTLED: the site wants to be left alone, for AGAIN_AFTER ms by its own Retry-After,
	 * -1 where it named no time. */
	void (*spent)(void *ctx, int requests);
	void (*throttled)(void *ctx, int64_t again_after);
	/* Just before a commit is sent: consent, then the intent on disk. After it: what is known of it
	 * ("no", "maybe", "yes"). NULL where no commit is allowed: the flow ends with class "commit". */
	int (*commit)(void *ctx, struct err *e);
	void (*committed)(void *ctx, const char *sent);
	/* A booking that the flow has named; KNOWN is kept at once, before anything else may fail. */
	void (*booking)(void *ctx, jv known);
	/* Codes: the inbox's mark; then the code asked for after it (a JSON string). Invalid with *e. */
	jv (*otp_mark)(void *ctx, struct err *e);
	jv (*otp_wait)(void *ctx, jv mark, jv rules, int64_t timeout, struct err *e);
	/* A question to the person; the answer (a JSON string), null when LOOK took it back, or invalid with *e when none came in
	 * time. */
	jv (*human)(void *ctx, struct question *q, struct err *e);
	/* Something of the site that the person would want to know, as the provider words it. NULL: nobody is told. */
	void (*tell)(void *ctx, const char *text);
	/* Keeps the page as evidence; PAGE is the agent's `evidence` answer. */
	void (*evidence)(void *ctx, const char *label, jv page);
	/* May this PROGRAM (as the provider writes it) run? -1 with *e when the owner has not consented to it. */
	int (*program)(void *ctx, const char *program, struct err *e);
	/* Waits MS milliseconds; -1 when the program is to stop. */
	int (*sleep)(void *ctx, int64_t ms);
	/* For who walks along (`ab-provider try --step`, `ab-provider record`); NULL otherwise. Before each step and, where that
	 * let it be carried out, after it. Before: 0; 1 leaves it out; -1 ends the flow as "stopped". */
	int (*step)(void *ctx, const struct flow_view *view);
	/* Round each command to the page: before it, with ANSWER null, and after it (invalid where none came). */
	void (*paged)(void *ctx, jv command, jv answer);
};

struct flow_result {
	char class[48];   /* "ok": ran to its end; else a class, built in or the provider's */
	char reason[320]; /* one line: what was seen, and in which step */
	jv slots;         /* check: array, as the provider gave them */
	jv booking;       /* book, verify: what `booking` found, or null */
	jv var;           /* what the flow kept */
	bool committed;   /* the commit was sent, or may have been */
	bool passed;      /* a waiting room or a challenge is behind us, but the flow must begin again */
	int requests;
	int resent;       /* what the browser sent again by itself (no GET) since the commit, or in all, as far as its log says by now */
	int64_t again_after; /* Retry-After in ms; -1: none */
};

void flow_result_free(struct flow_result *r);
bool flow_ok(const struct flow_result *r);

struct flow_run {
	const struct provider *provider;
	struct page *page;
	const struct flow_host *host;
	jv context;             /* profile, party, site, credentials, slot, booking; borrowed. A "now" in it stands
	                           for the clock (tests) */
	struct flow_memo *memo; /* may be NULL */
};

/* True when what the page SHOWS (an object of fields, or the id as a string) is SLOT: each field equal, `start` as an
 * instant. Otherwise WHY says what differs. Both borrowed. */
bool identity_match(jv shown, jv slot, char *why, size_t size);

#endif
