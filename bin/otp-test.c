#include "bin/otp.h"

#include <stdio.h>

#include "base/clock.h"

#define TEST_PATIENCE 60000

/* Subjects come from strangers, and terminals obey what they are sent. */
static void print_plain(const char *head, const char *text)
{
	fputs(head, stdout);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		bool control = *p < 0x20 || *p == 0x7f, second = *p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
		/* U+202A to U+202E and U+2066 to U+2069 turn the reading direction round */
		bool turn = *p == 0xe2 && ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));

		putchar(control || second || turn ? '?' : *p);
		p += second ? 1 : turn ? 2 : 0;
	}
}

static void print_last(jv answer)
{
	jv mail = json_get(answer, "mail"), code = json_get(mail, "code");
	bool none = json_is(mail, JV_KIND_NULL);

	if (!json_has(answer, "mail")) {
		jv_free(code);
		jv_free(mail);
		return;
	}
	printf("  looked at %d mails, %d fit\n", (int)json_int(answer, "looked", 0), (int)json_int(answer, "fitted", 0));
	if (!none) {
		print_plain("  the last that fits: ", json_str(mail, "date", "no date"));
		print_plain(", from ", json_str(mail, "from", ""));
		print_plain(", \"", json_str(mail, "subject", ""));
		puts("\"");
		if (json_is(code, JV_KIND_STRING))
			print_plain("  its code: ", json_string(code, ""));
		else
			fputs(json_is(code, JV_KIND_TRUE) ? "  it holds a code (--reveal shows it)" : json_bool(mail, "picture", false) ?
			      "  no code in it, but a picture" : "  no code in it; --pattern tells what one looks like", stdout);
		putchar('\n');
	}
	jv_free(code);
	jv_free(mail);
}

static bool test_step(jv line)
{
	jv event = json_get(line, "event"), text = json_path(event, "data.text");
	bool step = json_is(event, JV_KIND_OBJECT);

	if (step && json_is(text, JV_KIND_STRING)) {
		print_plain("  ok: ", json_string(text, ""));
		putchar('\n');
	}
	jv_free(text);
	jv_free(event);
	return step;
}

/* True when it works; else the box has its trouble. */
static bool test_box(struct box *b, jv rules, bool reveal)
{
	int64_t deadline = clock_mono() + TEST_PATIENCE;
	jv line = jv_invalid(), own = default_rule(jv_copy(rules), "to", json_str(b->settings, "to", account));
	bool ok = false;

	if (!box_start(b)) {
		jv_free(own);
		return false;
	}
	puts("  ok: there is a driver, and it takes the settings");
	if (driver_send(&b->driver, json_obj("do", jv_string("test"), "rules", own, "reveal", reveal ? jv_true() : jv_false(), NULL), &b->trouble) == 0)
		do {
			jv_free(line);
			fflush(stdout);
			line = driver_recv(&b->driver, deadline, &b->trouble);
		} while (json_ok(line) && test_step(line));
	if (json_ok(line) && box_accept(b, jv_copy(line))) {
		print_last(line);
		ok = true;
	}
	jv_free(line);
	return ok;
}

int otp_test(jv rules, bool reveal)
{
	int status = 0;

	for (int i = 0; i < nboxes; i++) {
		struct box *b = &boxes[i];

		printf("inbox %d, %s:\n", i + 1, b->scheme);
		if (!test_box(b, rules, reveal)) {
			print_plain("  FAILED: ", b->trouble.text);
			putchar('\n');
			status = status ? status : b->trouble.status;
		}
		box_stop(b);
	}
	if (fflush(stdout) || ferror(stdout))
		die(EX_IOERR, "write standard output:");
	return status;
}
