/* The head of an HTTP message, as ext/http.h gives it: "Name: value\n" for each header. Apart from it, so that who only reads one has no
 * need of libcurl. */
#ifndef EXT_HTTPHEAD_H
#define EXT_HTTPHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The first header NAME (any case) of an answer's head; *value points into HEAD, LEN bytes. */
bool http_head_get(const struct str *head, const char *name, const char **value, size_t *len);
/* Steps through a head: *AT is 0 at first. False at the end. */
bool http_head_next(const struct str *head, size_t *at, const char **name, size_t *name_len, const char **value,
		    size_t *value_len);

/* How long the server wants to be left alone (Retry-After, base/retry.h), ms; -1: it does not say. */
int64_t http_retry_after(const struct str *head);
/* NAME and VALUE can be sent as a header: a token, and no line break or other control character. */
bool http_header_valid(const char *name, const char *value);
/* NAME (any case) is one of those that the connection is made of, which libcurl writes itself. */
bool http_header_reserved(const char *name);

#endif
