#include "provider-learn.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "provider-try.h"

#define TOKEN_SHORTEST 8   /* characters of what is called a token */
#define COOKIE_SHORTEST 12

/* What hidden fields, members of JSON and parameters are called that hold no text for people. */
static bool names_token(const char *name)
{
	static const char *const parts[] = {"csrf", "xsrf", "token", "nonce", "viewstate", "eventvalidation", "sessionid", "session_id", "authori",
					    "secret", "captcha", "signature", "apikey", "api_key", "bearer", NULL};

	for (const char *const *p = parts; *p; p++)
		if (strcasestr(name, *p))
			return true;
	return false;
}

static void add_token(struct secrets *s, const char *name, const char *value)
{
	if (names_token(name) && strlen(value) >= TOKEN_SHORTEST && !strchr(value, ' '))
		secrets_add(s, "token", value);
}

void learn_json(struct secrets *s, jv v)
{
	for (struct json_iter it = json_iter(v); json_next(&it);)
		if (it.key && json_is(it.value, JV_KIND_STRING))
			add_token(s, it.key, json_string(it.value, ""));
		else
			learn_json(s, it.value);
}

/* JSON web tokens, wherever they stand. */
static void learn_text(struct secrets *s, const char *text)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	while ((text = strstr(text, "eyJ"))) {
		size_t first = strspn(text, set), second = text[first] == '.' ? strspn(text + first + 1, set) : 0, len = first + 1 + second;

		if (first < 8 || second < 8) {
			text += 3;
			continue;
		}
		if (text[len] == '.')
			len += 1 + strspn(text + len + 1, set);
		char *token = xstrndup(text, len);

		secrets_add(s, "token", token);
		free(token);
		text += len;
	}
}

/* The parameters of an address. */
void learn_url(struct secrets *s, const char *url)
{
	char *query = strchr(url, '?') ? xstrdup(strchr(url, '?') + 1) : xstrdup(""), *save = NULL;

	for (char *pair = strtok_r(query, "&#", &save); pair; pair = strtok_r(NULL, "&#", &save)) {
		char *value = strchr(pair, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (url_unescape(value) == 0)
			add_token(s, pair, value);
	}
	free(query);
}

/* Names and values of the elements that EACH finds. */
static void learn_elements(struct secrets *s, struct work *w, const char *each, const char *name, const char *value)
{
	jv get = json_obj("name", json_obj("self", jv_true(), "attr", jv_string(name), "optional", jv_true(), NULL), "value",
			  json_obj("self", jv_true(), "attr", jv_string(value), "optional", jv_true(), NULL), NULL);
	jv answer = try_ask(w, json_obj("do", jv_string("rows"), "each", jv_string(each), "get", get, NULL)), rows = json_get(answer, "rows");

	for (struct json_iter it = json_iter(rows); json_next(&it);)
		add_token(s, json_str(it.value, "name", ""), json_str(it.value, "value", ""));
	jv_free(rows);
	jv_free(answer);
}

void learn_page(struct secrets *s, struct work *w, jv page)
{
	const char *body = json_str(page, "body", "");

	learn_url(s, json_str(page, "url", ""));
	learn_text(s, body);
	if (strstr(json_str(page, "type", ""), "html")) {
		learn_elements(s, w, "input[type=hidden]", "name", "value");
		learn_elements(s, w, "meta[name]", "name", "content");
	} else {
		jv v = json_parse_foreign(body, strlen(body), NULL);

		learn_json(s, v);
		jv_free(v);
	}
}

/* A cookie's value, or the long pieces of one. */
static void learn_cookie(struct secrets *s, const char *value)
{
	while (*value) {
		size_t len = strcspn(value, ".:|&=; "), figures = 0;
		char *one = xstrndup(value, len);

		for (const char *p = one; *p; p++)
			figures += isdigit((unsigned char)*p) != 0;
		if (len >= COOKIE_SHORTEST && figures)
			secrets_add(s, "cookie", one);
		free(one);
		value += len;
		value += strspn(value, ".:|&=; ");
	}
}

void learn_state(struct secrets *s, struct work *w)
{
	jv answer = try_ask(w, json_obj("do", jv_string("save"), NULL)), cookies = json_path(answer, "state.cookies"),
	   storage = json_path(answer, "state.storage");

	for (struct json_iter it = json_iter(cookies); json_next(&it);)
		learn_cookie(s, json_str(it.value, "value", ""));
	for (struct json_iter it = json_iter(storage); json_next(&it);) {
		const char *value = json_str(it.value, "value", "");
		jv v = json_parse_foreign(value, strlen(value), NULL);

		add_token(s, json_str(it.value, "key", ""), value);
		learn_text(s, value);
		learn_json(s, v);
		jv_free(v);
	}
	jv_free(storage);
	jv_free(cookies);
	jv_free(answer);
}
