/* The page agent on a browser: the commands of ab-page(5), on a live page. What looks into the page looks into its document as
 * it stands, written out again, with page/document.h: selectors and conditions mean the same as over HTTP. */
#ifndef PAGE_BROWSER_H
#define PAGE_BROWSER_H

#include <stdint.h>

#include "ext/http.h"
#include "ext/json.h"

struct browser;

/* As agent_new and its like (page/agent.h). No browser is started before a command needs one; HEADED, or where the settings want that,
 * it has a window. */
struct browser *browser_new(const struct http_aside *aside, bool headed);
void browser_free(struct browser *b);
jv browser_begin(struct browser *b, jv settings);
jv browser_command(struct browser *b, jv command, int64_t deadline);
void browser_drop(struct browser *b);

/* For struct turns_agent. */
int browser_idle_fd(struct browser *b);
void browser_idle(struct browser *b);

#endif
