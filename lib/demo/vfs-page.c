#include "demo/vfs-page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "demo/html.h"
#include "demo/picture.h"
#include "demo/vfs-book.h"
#include "demo/vfs-files.h"

#define PAY "/vfs/pay/"

void vfs_page_cookie(struct visit *v)
{
	visit_set_cookie(v, VFS_COOKIE, v->session.token, "Path=/; HttpOnly; SameSite=Lax");
}

static void as(struct visit *v, const char *type)
{
	visit_header(v, "Content-Type", type);
	visit_header(v, "Cache-Control", "no-store");
}

/* A page without a script, that says one thing. */
static void plain(struct visit *v, int status, const char *title, const char *id, const char *text)
{
	str_reset(&v->out->body);
	v->out->status = status;
	as(v, "text/html; charset=utf-8");
	html_add(&v->out->body,
		 "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<link rel=\"stylesheet\" href=\"/vfs/app.css\">\n"
		 "</head>\n<body>\n<main id=\"{}\">\n<h1>{}</h1>\n<p>{}</p>\n</main>\n</body>\n</html>\n",
		 title, id, title, text, NULL);
}

void vfs_page_blocked(struct visit *v)
{
	plain(v, 403, "Access Denied", "blocked", "You have been blocked: this request was not made by our page.");
}

/* The same page under each of its addresses: which of its screens is shown, its script decides. */
static void app_get(struct visit *v)
{
	char idle[24];

	if (fault_hits(v->faults, "maintenance", &v->at, NULL)) {
		plain(v, 200, "Maintenance", "maintenance", "The site is under maintenance. Please come back later.");
		return;
	}
	if (!v->session.id) {
		v->session = door_new(v->world, VFS);
		vfs_page_cookie(v);
	}
	snprintf(idle, sizeof idle, "%lld", (long long)v->idle);
	as(v, "text/html; charset=utf-8");
	html_add(&v->out->body, vfs_page_html, str_starts(v->path, "/tur/tr/") ? "tr" : "en", idle, v->session.csrf, NULL);
}

static void css_get(struct visit *v)
{
	as(v, "text/css; charset=utf-8");
	str_puts(&v->out->body, vfs_page_css);
}

static void js_get(struct visit *v)
{
	as(v, "text/javascript; charset=utf-8");
	str_puts(&v->out->body, vfs_page_js);
}

static void challenge_get(struct visit *v)
{
	char *answer = door_picture(v->world, &v->session);

	if (strlen(answer) == PICTURE_DIGITS) {
		as(v, "image/bmp");
		picture_add(&v->out->body, answer);
	} else {
		v->out->status = 404;
	}
	free(answer);
}

/* Paying is the person's: a page of its own, as a bank's would be. */

static bool turkish(struct visit *v)
{
	char l[8];

	return visit_query(v, "l", l, sizeof l) && strcmp(l, "tr") == 0;
}

static void pay_form(struct visit *v, jv b)
{
	bool tr = turkish(v);
	char left[24];

	snprintf(left, sizeof left, "%lld", (long long)(json_int(b, "until", 0) - clock_wall()) / 1000);
	as(v, "text/html; charset=utf-8");
	html_add(&v->out->body,
		 "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
		 "<link rel=\"stylesheet\" href=\"/vfs/app.css\">\n</head>\n<body>\n<main id=\"payment\">\n<h1>{}</h1>\n"
		 "<p>{} <strong id=\"reference\">{}</strong></p>\n<p>{} <span id=\"seconds-left\">{}</span></p>\n",
		 tr ? "tr" : "en", tr ? "Ödeme" : "Payment", tr ? "Deneme ödemesi: gerçek para yok" : "A practice payment: no real money",
		 tr ? "Referans numarası:" : "Reference number:", json_str(b, "reference", ""),
		 tr ? "Kalan saniye:" : "Seconds left:", left, NULL);
	html_add(&v->out->body,
		 "<form id=\"pay-form\" method=\"post\">\n<input type=\"hidden\" name=\"_token\" value=\"{}\">\n"
		 "<label for=\"card\">{}</label>\n<input id=\"card\" name=\"card\" value=\"\" autocomplete=\"off\" required>\n"
		 "<button type=\"submit\" id=\"pay\">{}</button>\n</form>\n</main>\n</body>\n</html>\n",
		 v->session.csrf, tr ? "Kart (ne yazarsanız)" : "Card (whatever you type)", tr ? "Öde" : "Pay", NULL);
}

static void pay_post(struct visit *v, jv b)
{
	const char *reference = json_str(b, "reference", "");
	char *where;

	if (strcmp(visit_value(v, "_token"), v->session.csrf) || !*visit_value(v, "card")) {
		pay_form(v, b);
		return;
	}
	world_pay(v->world, VFS, v->session.account, reference);
	vfs_mail_booked(v, b);
	if (fault_hits(v->faults, "lost-answer", &v->at, NULL))
		v->out->ending = HTTPD_CUT;
	where = xasprintf("/tur/%s/fra/confirmation?ref=%s", turkish(v) ? "tr" : "en", reference);
	visit_redirect(v, where);
	free(where);
}

static void pay_visit(struct visit *v)
{
	jv b = jv_null();

	if (v->session.stage == STAGE_IN)
		b = world_booking(v->world, VFS, v->session.account, v->path + strlen(PAY));
	if (strcmp(json_str(b, "state", ""), "pending"))
		plain(v, 200, turkish(v) ? "Ödenecek bir şey yok" : "Nothing to pay", "nothing-to-pay",
		      turkish(v) ? "Bu randevu ödendi, ya da süresi doldu." : "This appointment has been paid for, or was not held any longer.");
	else if (strcmp(v->at.method, "POST") == 0)
		pay_post(v, b);
	else
		pay_form(v, b);
	jv_free(b);
}

static void nothing(struct visit *v)
{
	plain(v, 404, "Page not found", "page-not-found", "There is nothing here.");
}

static void home_get(struct visit *v)
{
	visit_redirect(v, str_starts(v->path, "/tur/tr/") ? "/tur/tr/fra/login" : "/tur/en/fra/login");
}

void vfs_page_visit(struct visit *v)
{
	static const struct {
		const char *path;
		void (*answer)(struct visit *v);
	} files[] = {{"/tur/tr/fra", home_get}, {"/tur/tr/fra/", home_get}, {"/tur/en/fra", home_get}, {"/tur/en/fra/", home_get},
		     {"/vfs/app.css", css_get}, {"/vfs/app.js", js_get}, {"/vfs/challenge.bmp", challenge_get}};

	if (str_starts(v->path, PAY) && (visit_is(v, "POST", v->path) || visit_is(v, "GET", v->path))) {
		pay_visit(v);
		return;
	}
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (visit_is(v, "GET", files[i].path)) {
			files[i].answer(v);
			return;
		}
	if (visit_is(v, "GET", v->path) && (str_starts(v->path, "/tur/tr/fra/") || str_starts(v->path, "/tur/en/fra/")))
		app_get(v);
	else
		nothing(v);
}
