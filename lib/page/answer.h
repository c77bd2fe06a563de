/* What a site answered, wherever it came from: page/fetch.h, a browser, a text. */
#ifndef PAGE_ANSWER_H
#define PAGE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ext/http.h"
#include "page/url.h"

struct answer {
	struct url url;  /* where it ended */
	int status;      /* 0: no answer at all */
	struct str head; /* as in struct http_answer */
	struct str body;
	bool cut, open_ended; /* as in struct http_answer */
	int redirects, requests;
	enum http_sent sent; /* of all hops, the surest */
	int64_t ms;
};

/* Its members; not A itself. */
void answer_free(struct answer *a);

#endif
