#!/usr/bin/python3
"""A mail server for tests (python3-aiosmtpd): mail-relay.py FOLDER LMTP-PORT

Takes mail on a free loopback port and hands each to the LMTP server on that port of this machine, one recipient at a time. Writes its port
to FOLDER/port and what happens to FOLDER/log, a JSON object a line. How it behaves is in FOLDER/settings, JSON that is read whenever
something comes:
  into    {ADDRESS: ADDRESS}   delivered to another mailbox
  junk    [ADDRESS…]           … into the folder Junk
  refuse  {ADDRESS: REPLY}     this answer to RCPT, as "550 5.1.1 no such user"
  mail    REPLY                this answer to DATA
  once    REPLY                … to the next one alone (FOLDER/once is made when it was)
  silent  "greeting", "RCPT" or "DATA": where it says nothing any more
  token   TOKEN                a login by XOAUTH2 with it is demanded
  delay   SECONDS              before a mail is handed on"""
import asyncio, base64, json, os, smtplib, sys
from aiosmtpd.smtp import SMTP, AuthResult, MISSING

folder, lmtp_port = sys.argv[1], int(sys.argv[2])


def settings():
    try:
        return json.load(open(folder + "/settings"))
    except FileNotFoundError:
        return {}


def log(**what):
    with open(folder + "/log", "a") as f:
        f.write(json.dumps(what) + "\n")


async def silence(where):
    if settings().get("silent") == where:
        log(silent=where)
        await asyncio.sleep(3600)


def hand_on(s, sender, to, data):
    box = s.get("into", {}).get(to, to)
    if to in s.get("junk", []):
        box = box.replace("@", "+Junk@")
    with smtplib.LMTP("127.0.0.1", lmtp_port) as lmtp:
        # the recipient as it was: the mailbox may be shared
        lmtp.sendmail(sender, [box], b"Delivered-To: " + to.encode() + b"\r\n" + data)


class Relay:
    async def handle_RCPT(self, server, session, envelope, address, options):
        await silence("RCPT")
        reply = settings().get("refuse", {}).get(address)
        log(to=address, reply=reply)
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        await silence("DATA")
        s = settings()
        reply = s.get("mail")
        if s.get("once") and not os.path.exists(folder + "/once"):
            open(folder + "/once", "w").close()
            reply = s["once"]
        log(sender=envelope.mail_from, recipients=envelope.rcpt_tos, bytes=len(envelope.content), reply=reply)
        if reply:
            return reply
        await asyncio.sleep(s.get("delay", 0))
        for to in envelope.rcpt_tos:
            await asyncio.to_thread(hand_on, s, envelope.mail_from, to, envelope.content)
        return "250 taken"

    async def auth_XOAUTH2(self, server, args):
        blob = await server.challenge_auth("") if len(args) == 1 else base64.b64decode(args[1])
        if blob is MISSING:
            return AuthResult(success=False)
        parts = dict(p.split("=", 1) for p in blob.decode().split("\x01") if p)
        good = parts.get("auth") == "Bearer " + settings()["token"]
        log(auth="XOAUTH2", user=parts.get("user"), good=good)
        return AuthResult(success=good, handled=False, auth_data=parts.get("user"))


class Server(SMTP):
    async def _handle_client(self):
        await silence("greeting")
        await super()._handle_client()


def connection():
    return Server(Relay(), hostname="relay.example.org", auth_required="token" in settings(), auth_require_tls="token" not in settings(),
                  auth_exclude_mechanism=["PLAIN", "LOGIN"])


async def serve():
    server = await asyncio.get_running_loop().create_server(connection, host="127.0.0.1", port=0)
    with open(folder + "/port.new", "w") as f:
        print(server.sockets[0].getsockname()[1], file=f)
    os.rename(folder + "/port.new", folder + "/port")
    await server.serve_forever()


asyncio.run(serve())
