/* The flow of t/bench/browse with ab-page-browser: browse-ours AGENT ADDRESS CENTRE DAY TIME. Says and hears what browse-theirs.mjs
 * does. It waits for nothing by itself: each command is answered when it is done. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *to, *from;
static char *answer;
static size_t size;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "browse-ours: %s\n", what);
	exit(1);
}

static void start(const char *agent)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		fail("no pipe");
	switch (fork()) {
	case -1:
		fail("no process");
	case 0:
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		for (int i = 0; i < 2; i++) {
			close(in[i]);
			close(out[i]);
		}
		execl(agent, agent, (char *)NULL);
		fail(agent);
	}
	close(in[0]);
	close(out[1]);
	to = fdopen(in[1], "w");
	from = fdopen(out[0], "r");
}

/* A command: JSON with ' for ". Ends us unless it is answered with "ok". */
__attribute__((format(printf, 1, 2))) static void page(const char *format, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof text)
		fail("a command too long");
	for (char *c = text; (c = strchr(c, '\''));)
		*c = '"';
	fprintf(to, "%s\n", text);
	fflush(to);
	if (getline(&answer, &size, from) < 0 || !strstr(answer, "\"ok\":true")) {
		fprintf(stderr, "%s: ", text);
		fail(answer ? answer : "no answer");
	}
}

static void click(const char *selector)
{
	page("{'do':'click','sel':'%s'}", selector);
}

/* What the bench says. */
static void hear(char *text, size_t len)
{
	if (!fgets(text, (int)len, stdin))
		exit(0);
	text[strcspn(text, "\n")] = '\0';
}

int main(int argc, char **argv)
{
	char line[64], *end;

	if (argc != 6)
		fail("AGENT ADDRESS CENTRE DAY TIME");
	setvbuf(stdout, NULL, _IOLBF, 0);
	start(argv[1]);
	end = strchr(strstr(argv[2], "://") + 3, '/');
	page("{'do':'begin','program':'bench','settings':{'base':'%.*s/'}}", (int)(end - argv[2]), argv[2]);
	page("{'do':'restore','state':{'cookies':[]}}"); /* the browser starts */
	puts("ready");
	hear(line, sizeof line);
	page("{'do':'get','url':'%s'}", argv[2]);
	click("#onetrust-accept-btn-handler");
	page("{'do':'fill','fields':{'#Email':'alice@example.org','#Password':'practice'}}");
	click("#login-form button");
	page("{'do':'wait','until':{'css':'#otp'}}");
	puts("code");
	hear(line, sizeof line);
	page("{'do':'fill','sel':'#otp','value':'%s'}", line);
	click("#otp-form button");
	click("#start-new-booking");
	page("{'do':'choose','sel':'[formcontrolname=centerCode]','option':'%s'}", argv[3]);
	page("{'do':'choose','sel':'[formcontrolname=selectedSubvisaCategory]','option':'Short Stay Visa'}");
	page("{'do':'choose','sel':'[formcontrolname=visaCategoryCode]','option':'Tourism'}");
	click("#continue");
	page("{'do':'fill','fields':{'#contactNumber-1':'3120000000','#dateOfBirth-1':'01/02/1990','#dialCode-1':'90',"
	     "'#emailId-1':'alice@example.org','#firstName-1':'ALICE','#lastName-1':'EXAMPLE','#passportExpirtyDate-1':'31/05/2032',"
	     "'#passportNumber-1':'P0000001'}}");
	page("{'do':'choose','fields':{'#gender-1':'Female','#nationalityCode-1':'TURKEY'}}");
	click("#save");
	click("main#details-saved #continue");
	page("{'do':'click','sel':'#calendar a.free[aria-label=\\'%s\\']'}", argv[4]);
	page("{'do':'click','sel':'#times .slot[data-time=\\'%s\\'] button'}", argv[5]);
	click("main#book-appointment #continue");
	click("main#services #continue");
	page("{'do':'check','sel':'#consent-terms'}");
	page("{'do':'check','sel':'#consent-privacy'}");
	click("#confirm");
	page("{'do':'wait','until':{'css':'#reference-number'}}");
	page("{'do':'find','css':'#reference-number'}");
	end = strstr(answer, "\"value\":\"");
	if (!end)
		fail(answer);
	end += strlen("\"value\":\"");
	printf("done %.*s\n", (int)strcspn(end, "\""), end);
	hear(line, sizeof line);
	return 0;
}
