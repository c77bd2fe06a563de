# One static archive per floor; the linker takes from each only what a program uses.
include lib/base/local.mk
include lib/ext/local.mk
include lib/wire/local.mk
include lib/site/local.mk
include lib/page/local.mk
include lib/store/local.mk
include lib/mail/local.mk
include lib/plan/local.mk
include lib/work/local.mk
include lib/run/local.mk
include lib/demo/local.mk

# A program's libraries, from the top floor down
BASE = lib/libbase.a
JSON = lib/libext.a $(BASE) $(JQ_LIBS)
WIRE = lib/libwire.a $(JSON)
STORE = lib/libstore.a $(WIRE) $(SODIUM_LIBS)
MAIL = lib/libmail.a $(WIRE)
PLAN = lib/libplan.a $(WIRE)
SITE = lib/libsite.a $(WIRE) $(YAML_LIBS)
PAGE = lib/libpage.a $(WIRE) $(CURL_LIBS) $(XML_LIBS)
WORK = lib/libwork.a lib/libsite.a lib/libstore.a lib/libplan.a $(WIRE) $(SODIUM_LIBS) $(YAML_LIBS)
RUN = lib/librun.a $(STORE)
DEMO = lib/libdemo.a $(JSON) $(HTTPD_LIBS) $(SQLITE_LIBS) $(CURL_LIBS)
