/* The one tab of a session in a browser of its own: started when first needed, kept within the origins, with an account of
 * what was asked of the site.
 *
 * Only documents of the tab itself are confined: what a page of the site loads by itself (scripts, pictures, frames) is the
 * site's business. A new tab that the page opens takes the place of the old one; downloads are refused. */
#ifndef PAGE_TAB_H
#define PAGE_TAB_H

#include <stdbool.h>
#include <stdint.h>

#include "page/chromium.h"
#include "page/devtools.h"
#include "page/settings.h"
#include "wire/line.h"

/* A document that the tab shows, or is on the way to. */
struct visit {
	char *loader;    /* the browser's id for it; NULL: none */
	char *url, *type;
	int status;      /* 0: no answer (yet), or none was needed */
	jv headers;      /* lower-case name: value */
	int redirects;
	bool ready;      /* DOMContentLoaded */
	char *failed;    /* the browser's error, NULL: none */
};

/* How the next document of the tab is asked for. */
struct order {
	bool on;
	const char *method, *type;
	const void *body;
	size_t body_len;
	jv headers;      /* an object or null; borrowed */
	bool follow, commit;
	int most;
};

/* What was asked for has been: documents that follow are asked for as any. */
void order_spent(struct order *o);

struct tab {
	struct chromium chromium;
	struct devtools *link;     /* NULL: no browser */
	bool headed;               /* it has a window */
	const struct http_aside *aside;
	const struct settings *set;
	char *context, *target, *session, *proxy, *popup;
	jv frames;                 /* frame of another process: its session */
	jv inflight;               /* requests to the site without an end: true */
	jv hearing, heard, listen; /* request: name; name: JSON; name: pattern */
	jv storage;                /* of pages, as it was restored or last saved */
	char *seed;                /* the script that gives it back, NULL: none */
	jv dialogs;                /* what was asked and answered since the last command */
	bool accept;               /* confirm() and prompt(), for this command */
	struct visit now, coming;
	struct order order;
	char *refused;             /* why the last document was not asked for, NULL: none */
	const char *refused_code;  /* … and the code for it; NULL where the redirect is to be the page */
	struct visit hop;          /* the last redirect on the way to it, no url where there was none */
	int64_t asked_at;          /* the page wants to go somewhere; 0: no */
	bool broken;               /* a request of the page to the site failed, since something was done last */
	bool slow;                 /* a command was not done in time: its page may hang */
	int requests;              /* since the last answer */
	enum http_sent sent;
	struct line_in again;      /* the browser's own repeats, from its keeper */
	char *ended;               /* why the keeper ended the last browser; NULL: it did not */
	int repeated, resent;      /* those of them that are not told yet; of these, what was no GET */
};

/* SET, and ASIDE (may be NULL), are borrowed for the tab's life. */
void tab_init(struct tab *t, const struct settings *set, const struct http_aside *aside);
/* Ends the browser; another may be started. */
void tab_close(struct tab *t);
/* Ends it for good. */
void tab_free(struct tab *t);
/* Looks what has come; ends what has died. True while there is a browser that was used. */
bool tab_alive(struct tab *t);
/* Starts what is not there: browser, context, tab. */
int tab_open(struct tab *t, int64_t deadline, struct fail *why);
/* Goes to URL as `order` says; 0 with `now` ready, or `refused`, where a redirect is to be the page. */
int tab_go(struct tab *t, const char *url, int64_t deadline, struct fail *why);
/* Waits until the tab goes nowhere and, until PATIENCE, for the site's answers. */
#define TAB_PATIENCE 3000 /* ms: some requests never end */
int tab_settle(struct tab *t, int64_t patience, int64_t deadline, struct fail *why);
/* The document that the tab shows is complete, and it is not on its way to another. */
bool tab_rests(const struct tab *t);
/* A call to the tab. */
jv tab_call(struct tab *t, const char *method, jv params_taken, int64_t deadline, struct fail *why);

/* The settings have changed. */
void tab_settings(struct tab *t);

void visit_free(struct visit *v);

/* tab-events.c: the hooks of struct devtools. */
bool tab_wanted(const char *method);
void tab_event(void *ctx, const char *session, const char *method, jv params);
void tab_reply(void *ctx, jv tag, jv result);
/* Counts what the browser sent to the site again by itself. */
void tab_again(struct tab *t);
/* Where the tab may go; also used for new tabs. */
int tab_allowed(const struct tab *t, const char *url, struct fail *why);

#endif
