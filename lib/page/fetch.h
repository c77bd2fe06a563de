/* Asking a site for a page, as a browser's address bar and forms do, within the origins that were allowed:
 * redirects hop by hop, cookies, Referer and Origin, one way out. */
#ifndef PAGE_FETCH_H
#define PAGE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ext/http.h"
#include "ext/json.h"
#include "page/answer.h"
#include "page/cookies.h"
#include "page/fail.h"
#include "page/replay.h"
#include "page/url.h"

struct fetch;

/* REPLAY (becomes ours) in place of the network; NULL: the network, with ASIDE looked after meanwhile. */
struct fetch *fetch_new(const struct http_aside *aside, struct replay *replay);
void fetch_free(struct fetch *f);
/* Replaces the settings (ab-page(5), begin); a mistake (`usage`) leaves the old ones. */
int fetch_settings(struct fetch *f, jv settings, struct fail *why);
struct jar *fetch_jar(struct fetch *f);
/* The base of relative addresses where there is no page; NULL when none was set. */
const struct url *fetch_base(const struct fetch *f);

struct fetch_request {
	const char *method;     /* "GET" or "POST" */
	const char *url;        /* may be relative */
	const struct url *page; /* the page that it is asked from, NULL: none */
	const struct url *base; /* what URL is relative to where not PAGE (<base href>); NULL: PAGE */
	jv headers;             /* the command's own; an object or null; borrowed */
	const char *type;       /* of the body */
	const void *body;
	size_t body_len;
	bool follow;            /* redirects */
	int most;               /* requests, redirects included; 0: no bound but that on redirects */
	bool commit;            /* the request is sent at most once, and 307 and 308 end there */
	int64_t deadline;       /* clock_mono */
};

/* 0, or -1 with *why; ANSWER is filled either way (requests and sent always; on a refused redirect the
 * redirect itself) and freed by answer_free. */
int fetch_do(struct fetch *f, const struct fetch_request *q, struct answer *answer, struct fail *why);

#endif
