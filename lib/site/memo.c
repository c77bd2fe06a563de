#include "site/memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define AGE_MAX 600000
#define PAGES_MAX 64
#define LOOKS_MAX 256

struct flow_memo {
	jv pages; /* request's text -> {"page": its identity, "since": ms, "looks": {command's text: answer}} */
};

struct flow_memo *flow_memo_new(void)
{
	struct flow_memo *m = xcalloc(1, sizeof *m);

	m->pages = jv_object();
	return m;
}

void flow_memo_free(struct flow_memo *m)
{
	if (m)
		jv_free(m->pages);
	free(m);
}

void flow_memo_clear(struct flow_memo *m)
{
	if (!m)
		return;
	jv_free(m->pages);
	m->pages = jv_object();
}

static jv text_of(jv v)
{
	char *text = json_text_sorted(v);
	jv s = jv_string(text);

	free(text);
	return s;
}

jv memo_page(struct flow_memo *m, jv command, jv answer)
{
	jv region = json_get(answer, "region"), handle, page, entry;
	bool usable = m && json_bool(region, "found", false) && *json_str(region, "hash", "") && json_int(answer, "status", 0) == 200;
	int64_t now = clock_mono();

	if (!usable) {
		jv_free(region);
		return jv_null();
	}
	handle = text_of(command);
	page = json_obj("url", json_get(answer, "url"), "type", json_get(answer, "type"), "hash", json_get(region, "hash"), NULL);
	jv_free(region);
	entry = json_get(m->pages, json_string(handle, ""));
	jv last = json_get(entry, "page");

	if (!json_equal(last, page) || now - json_int(entry, "since", 0) > AGE_MAX) {
		if (json_len(m->pages) >= PAGES_MAX)
			flow_memo_clear(m);
		m->pages = json_set(m->pages, json_string(handle, ""),
				    json_obj("page", jv_copy(page), "since", jv_number((double)now), "looks", jv_object(), NULL));
	}
	jv_free(last);
	jv_free(entry);
	jv_free(page);
	return handle;
}

jv memo_recall(const struct flow_memo *m, jv handle, jv look)
{
	if (!m || !json_is(handle, JV_KIND_STRING))
		return jv_invalid();
	jv entry = json_get(m->pages, json_string(handle, "")), looks = json_get(entry, "looks"), key = text_of(look);
	jv v = json_has(looks, json_string(key, "")) ? json_get(looks, json_string(key, "")) : jv_invalid();

	jv_free(key);
	jv_free(looks);
	jv_free(entry);
	return v;
}

void memo_keep(struct flow_memo *m, jv handle, jv look, jv answer)
{
	if (!m || !json_is(handle, JV_KIND_STRING))
		return;
	jv entry = json_get(m->pages, json_string(handle, "")), looks = json_get(entry, "looks"), key = text_of(look);

	if (json_len(looks) < LOOKS_MAX)
		looks = json_set(looks, json_string(key, ""), jv_copy(answer));
	entry = json_set(entry, "looks", looks);
	m->pages = json_set(m->pages, json_string(handle, ""), entry);
	jv_free(key);
}
