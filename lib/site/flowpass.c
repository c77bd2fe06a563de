#include "site/flowpass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/retry.h"
#include "site/flowclass.h"
#include "site/flowhuman.h"
#include "site/flowsend.h"
#include "site/policy.h"

#define QUEUE_TIMEOUT 600000 /* then it is a look that saw nothing; the place in the queue is kept by cookies */
#define QUEUE_PAUSE 10000    /* where the page names none */

/* The headers of PAGE; in a browser, those of the answer to its script that asked to be left alone. */
static jv wish_of(jv page)
{
	jv headers = json_get(page, "headers"), heard = json_get(page, "heard");

	for (struct json_iter it = json_iter(heard); json_next(&it);)
		if (json_has(it.value, "headers")) { /* given for that alone */
			jv_free(headers);
			headers = json_get(it.value, "headers");
		}
	jv_free(heard);
	return headers;
}

/* The site's wish to be left alone for a while, whatever page says so; a throttled one that names no time is held too. */
static void note_wait(struct flow *f, bool throttled)
{
	jv page = json_get(f->context, "page"), headers = wish_of(page);
	const char *text = json_str(headers, "retry-after", NULL);
	int64_t ms = text ? retry_after(text, json_str(headers, "date", NULL), clock_wall()) : -1;

	if (ms >= 0)
		f->result->again_after = ms;
	if (f->run->host->throttled && (throttled || ms >= 0))
		f->run->host->throttled(f->run->host->ctx, ms);
	jv_free(headers);
	jv_free(page);
}

/* How long a waiting room wants us to wait before the page is asked for again: its Refresh header. */
static int64_t queue_pause(const struct flow *f)
{
	jv refresh = json_path(f->context, "page.headers.refresh");
	const char *text = json_string(refresh, "");
	int64_t seconds = *text >= '0' && *text <= '9' ? atoi(text) : 0;

	jv_free(refresh);
	return seconds < 1 ? QUEUE_PAUSE : seconds > 60 ? 60000 : seconds * 1000;
}

static enum go wait_in_queue(struct flow *f, char *class, size_t size, char *why, size_t why_size)
{
	int64_t deadline = clock_mono() + QUEUE_TIMEOUT;

	while (flow_policy(f->run->provider, class) == ACTION_WAIT) {
		if (clock_mono() > deadline)
			return flow_end(f, class, "still waiting after %d minutes", QUEUE_TIMEOUT / 60000);
		if (f->run->host->sleep(f->run->host->ctx, queue_pause(f)))
			return flow_end(f, "stopped", "told to stop while waiting");
		if (flow_reload(f) == END || class_find(f, class, size, why, why_size) == END)
			return END;
	}
	return GO;
}

/* A waiting room or a challenge in place of the page that STEP asked for is passed, and the page asked for again, unless it went on by
 * itself. What stood in a form's way has swallowed the form: then the flow has to begin again (`passed`). */
static enum go pass_by(struct flow *f, jv step, char *class, size_t size, char *why, size_t why_size)
{
	enum action action = flow_policy(f->run->provider, class);
	bool again = action == ACTION_WAIT; /* the page was asked for again */
	char stood[48];

	if (!*class || class_allowed(step, class) || f->result->committed || (action != ACTION_WAIT && action != ACTION_ASK_HUMAN))
		return GO;
	snprintf(stood, sizeof stood, "%s", class);
	if (action == ACTION_WAIT && wait_in_queue(f, class, size, why, why_size) == END)
		return END;
	/* behind the waiting room there may be a challenge */
	if (*class && flow_policy(f->run->provider, class) == ACTION_ASK_HUMAN && human_pass(f, class, size, why, why_size, &again) == END)
		return END;
	if (json_has(step, "get") || (!again && !json_has(step, "submit") && !json_has(step, "post")))
		return GO;
	f->result->passed = true;
	return flow_end(f, stood, "it is over, but the form did not go through");
}

enum go flow_classify(struct flow *f, jv step)
{
	char class[48], why[160];
	jv page;

	if (class_find(f, class, sizeof class, why, sizeof why) == END || pass_by(f, step, class, sizeof class, why, sizeof why) == END)
		return END;
	note_wait(f, strcmp(class, "throttled") == 0);
	page = json_set_str(json_get(f->context, "page"), "class", *class ? class : NULL);
	f->context = json_set(f->context, "page", page);
	if (!*class || class_allowed(step, class))
		return GO;
	if (f->result->committed || strcmp(class, "changed") == 0 || strcmp(class, "blocked") == 0)
		flow_evidence(f, class);
	return flow_end(f, class, "%s", why);
}
