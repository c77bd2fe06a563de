#include "page/fail.h"

#include <stdarg.h>
#include <stdio.h>

int fail_set(struct fail *f, const char *code, const char *fmt, ...)
{
	va_list ap;

	f->code = code;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return -1;
}

int fail_err(struct fail *f, const char *code, const struct err *e)
{
	return fail_set(f, code, "%s", e->text);
}
