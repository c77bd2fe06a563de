#!/usr/bin/env python3
"""Inboxes on the web, for tests: mail-server.py FOLDER [CERTIFICATE KEY]

Shows the mails in FOLDER/mails (one file each, RFC 5322, newest first), shaped as public documentation has it:
  /api/v1/messages, /api/v1/message/ID[/raw]   Mailpit (its OpenAPI document; opening a message marks it as read, raw does not)
  /api/v2/messages                             MailHog
  /rest/mails                                  any REST API; wants "Authorization: Bearer sesame" or "Basic alice:sesame"
  /web                                         a page with a table; /web/ID the mail as a page
POST /_fault pushes {"path", "status", "type", "headers", "body", "cut", "count", "delay"}; GET /_log tells the requests since the start.
Prints its port."""
import base64, email, email.policy, email.utils, fnmatch, hashlib, html, json, os, ssl, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = sys.argv[1]
log, faults, read, lock = [], [], set(), threading.Lock()


def mails():
    found = []
    for name in os.listdir(folder + "/mails"):
        path = folder + "/mails/" + name
        try:
            raw, when = open(path, "rb").read(), os.stat(path).st_mtime_ns
        except OSError:
            continue
        found.append((when, name, raw, email.message_from_bytes(raw, policy=email.policy.default)))
    return sorted(found, reverse=True)


def address(text):
    name, at = email.utils.parseaddr(str(text))
    return {"Name": name, "Address": at}


def path_of(text):
    box, _, domain = email.utils.parseaddr(str(text))[1].partition("@")
    return {"Relays": None, "Mailbox": box, "Domain": domain, "Params": ""}


def text_of(m, kind):
    part = m.get_body(preferencelist=(kind,))
    return part.get_content() if part and part.get_content_subtype() == kind else ""


def iso(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + ".%03dZ" % (ns // 10**6 % 1000)


def mailpit_list():
    items = [{"ID": n, "MessageID": str(m["Message-ID"] or "").strip("<>"), "Read": n in read, "From": address(m["From"]), "To": [address(m["To"])],
              "Cc": [], "Bcc": [], "ReplyTo": [], "Subject": str(m["Subject"]), "Created": iso(t), "Username": "", "Tags": [], "Size": len(raw),
              "Attachments": 0, "Snippet": text_of(m, "plain")[:50]} for t, n, raw, m in mails()]
    return {"total": len(items), "unread": len([i for i in items if not i["Read"]]), "count": len(items), "messages_count": len(items),
            "messages_unread": 0, "start": 0, "tags": [], "messages": items}


def mailpit_message(t, n, raw, m):
    read.add(n)
    return {"ID": n, "From": address(m["From"]), "To": [address(m["To"])], "Subject": str(m["Subject"]), "Date": iso(t),
            "Text": text_of(m, "plain"), "HTML": text_of(m, "html"), "Size": len(raw)}


def mailhog_list():
    items = [{"ID": n, "From": path_of(m["From"]), "To": [path_of(m["To"])],
              "Content": {"Headers": {k: [str(v)] for k, v in m.items()}, "Body": text_of(m, "plain"), "Size": len(raw), "MIME": None},
              "Created": iso(t), "MIME": None,
              "Raw": {"From": email.utils.parseaddr(str(m["From"]))[1], "To": [str(m["To"])], "Data": raw.decode("utf-8", "replace"), "Helo": "test"}}
             for t, n, raw, m in mails()]
    return {"total": len(items), "count": len(items), "start": 0, "items": items}


def rest_list():
    return {"data": [{"id": t, "sender": str(m["From"]), "recipients": [str(m["To"])], "subject": str(m["Subject"]),
                      "received": t // 10**9, "body": {"text": text_of(m, "plain"), "html": text_of(m, "html")}} for t, n, raw, m in mails()]}


def web_list():
    rows = "".join("<tr><td><a href='/web/%s?x=1'>%s</a><td>%s<td>%s</tr>" %
                   (n, html.escape(str(m["Subject"])), html.escape(str(m["From"])), html.escape(text_of(m, "plain"))) for t, n, raw, m in mails())
    return "<!doctype html><title>My  inbox</title><table><tr><th>Subject<th>From<th>Text</tr>" + rows + "</table>"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, kind, body, headers={}, cut=False):
        body = body if isinstance(body, bytes) else body.encode()
        (self.send_response_only if "Date" in headers else self.send_response)(status)
        self.send_header("Content-Type", kind)
        for k, v in headers.items():
            self.send_header(k, v)
        if cut:
            self.send_header("Connection", "close")
            self.close_connection = True
        elif status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)
        return status

    def fault(self, path):
        with lock:
            for f in faults:
                if fnmatch.fnmatch(path, f.get("path", "*")):
                    f["count"] = f.get("count", 1) - 1
                    if f["count"] <= 0:
                        faults.remove(f)
                    return f

    def page(self, path):
        for t, n, raw, m in mails():
            if path == "/api/v1/message/" + n + "/raw":
                return self.answer(200, "text/plain; charset=utf-8", raw)
            if path == "/api/v1/message/" + n:
                return self.answer(200, "application/json", json.dumps(mailpit_message(t, n, raw, m)))
            if path == "/web/" + n:
                return self.answer(200, "text/html; charset=utf-8", "<html><style>.a{code:999999}</style><p>" + html.escape(text_of(m, "plain")))
        if path == "/rest/mails":
            known = ("Bearer sesame", "Basic " + base64.b64encode(b"alice:sesame").decode())
            if self.headers.get("Authorization") not in known or self.headers.get("X-Kind", "codes") != "codes":
                return self.answer(401, "application/json", "{}")
        body = {"/api/v1/messages": mailpit_list, "/api/v2/messages": mailhog_list, "/rest/mails": rest_list}.get(path)
        if path == "/web":
            return self.answer(200, "text/html", web_list())
        if not body:
            return self.answer(404, "text/plain", "no such page")
        text = json.dumps(body())
        tag = '"' + hashlib.md5(text.encode()).hexdigest() + '"'
        if self.headers.get("If-None-Match") == tag:
            return self.answer(304, "application/json", "", {"ETag": tag})
        return self.answer(200, "application/json", text, {"ETag": tag})

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/_log":
            return self.answer(200, "application/json", json.dumps(log))
        entry = {"path": self.path, "mono": time.monotonic(), "headers": dict(self.headers), "status": 0}
        f = self.fault(path)
        with lock:
            log.append(entry)
        if f:
            time.sleep(f.get("delay", 0))
            if f.get("status") == 0:
                self.close_connection = True
                return
        entry["status"] = self.answer(f["status"], f.get("type", "application/json"), f.get("body", ""), f.get("headers", {}), f.get("cut", False)) \
            if f and f.get("status") else self.page(path)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            faults.append(body)
        self.answer(200, "application/json", "{}")


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
