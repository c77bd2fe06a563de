/* mail-test FILE [PATTERN]: prints what is read out of a mail, one field a line: code (or "-"), from, to, subject, date, and the type and
 * size of the picture that stands for the code (or "-"). */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "mail/code.h"
#include "mail/picture.h"

int main(int argc, char **argv)
{
	struct code_pattern pattern = {0};
	const struct mime_picture *picture;
	struct err e;
	struct mime m;
	struct str raw;
	char *code;

	prog = "mail-test";
	if (argc < 2)
		die(EX_USAGE, "mail-test FILE [PATTERN]");
	if (argc > 2 && pattern_compile(&pattern, argv[2], &e))
		die_err(&e);
	if (fs_read(argv[1], MIME_MAIL_MAX * 4, &raw, &e) || mime_parse(&m, raw.s, raw.len, &e))
		die_err(&e);
	code = code_in_mail(&m, &pattern);
	printf("%s\n%s\n%s\n%s\n%lld\n", code ? code : "-", m.from, m.nto ? m.to[0] : "-", m.subject, (long long)m.date);
	picture = code ? NULL : picture_in_mail(&m);
	printf("%s %zu\n", picture ? picture->type : "-", picture ? picture->len : 0);
	code_free(code);
	mime_free(&m);
	str_free(&raw);
	pattern_free(&pattern);
	return 0;
}
