#!/usr/bin/env python3
"""A webhook, for tests: hook-server.py FOLDER [CERTIFICATE KEY]

Appends each request to FOLDER/requests (NDJSON: method, path, headers, body), then answers as FOLDER/answer says: {"status", "headers", "body",
"delay" (s, before the answer), "size" (bytes of rubbish instead of the body), "end" ("request": the connection ends without an answer; "answer": within it)}.
Prints its port."""
import json, os, ssl, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = sys.argv[1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def take(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        line = json.dumps({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}) + "\n"
        fd = os.open(folder + "/requests", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, line.encode())
        os.close(fd)
        with open(folder + "/answer") as f:
            self.reply(json.load(f))

    def reply(self, a):
        time.sleep(a.get("delay", 0))
        if a.get("end") == "request":
            self.close_connection = True
            return
        body = b"x" * a["size"] if "size" in a else a.get("body", "{}").encode()
        headers = a.get("headers", {})
        (self.send_response_only if "Date" in headers else self.send_response)(a.get("status", 200))
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body) + (100 if a.get("end") else 0)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass
        self.close_connection |= "end" in a

    do_GET = do_POST = do_PUT = take


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
