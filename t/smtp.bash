# Mail as it goes: ab → Dovecot's submission service (STARTTLS, TLS, AUTH) → a relay (t/mail-relay.py) → Dovecot's LMTP → a mailbox, all on
# loopback. start_mail and stop_mail; a mailbox's user is the whole address, everybody's password is "sesame".

load dovecot

# The Debian modules are for Debian's Python.
relay_python=/usr/bin/python3

# start_relay FOLDER LMTP-PORT: sets RELAY (its folder), RELAY_PORT, RELAY_PID
start_relay() {
	RELAY=$1
	mkdir -p "$RELAY"
	rm -f "$RELAY/port"
	"$relay_python" "$top_srcdir/t/mail-relay.py" "$RELAY" "$2" >>"$RELAY/out" 2>&1 3>&- &
	RELAY_PID=$!
	until_true 20 test -s "$RELAY/port" || { cat "$RELAY/out"; return 1; }
	RELAY_PORT=$(cat "$RELAY/port")
	export RELAY RELAY_PORT RELAY_PID
}
# relay_does JSON: how it behaves from now on
relay_does() {
	rm -f "$RELAY/once"
	: >"$RELAY/log"
	printf '%s\n' "$1" >"$RELAY/settings.new"
	mv "$RELAY/settings.new" "$RELAY/settings"
}
relay_logged() { jq -se "any(.[]; $1)" "$RELAY/log" >/dev/null; } # relay_logged JQ-CONDITION

# start_mail: Dovecot with IMAP, LMTP and submission, and the relay; sets SUBMISSION and SUBMISSIONS (ports), LMTP, and what start_dovecot does
start_mail() {
	read -r SUBMISSION SUBMISSIONS LMTP < <(free_ports 3)
	start_relay "$(mktemp -d "${TMPDIR:-/tmp}/ab-r.XXXXXX")" "$LMTP" || return 1
	dovecot_users
	start_dovecot "$(mail_config)" || return 1
	until_true 10 tcp_open "$LMTP"
	export SUBMISSION SUBMISSIONS LMTP
}
stop_mail() {
	stop_dovecot
	[ -z "${RELAY_PID:-}" ] || kill "$RELAY_PID" 2>/dev/null || :
	rm -rf "$RELAY"
}
tcp_open() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

mail_config() {
	cat <<-END
		protocols = imap lmtp submission
		hostname = mail.example.org
		submission_relay_host = 127.0.0.1
		submission_relay_port = $RELAY_PORT
		submission_relay_ssl = no
		recipient_delimiter = +
		lmtp_save_to_detail_mailbox = yes
		postmaster_address = postmaster@example.org
		service lmtp {
		  inet_listener lmtp {
		    address = 127.0.0.1
		    port = $LMTP
		  }
		}
		service submission-login {
		  chroot =
		  inet_listener submission {
		    address = 127.0.0.1, 127.0.0.2, 127.0.0.3
		    port = $SUBMISSION
		  }
		  inet_listener submissions {
		    address = 127.0.0.1, 127.0.0.2, 127.0.0.3
		    port = $SUBMISSIONS
		    ssl = yes
		  }
		}
	END
}

# mailbox_count USER [FOLDER]: mails in it
mailbox_count() {
	local box=$DOVECOT/mail/$1
	[ "${2:-INBOX}" = INBOX ] || box=$box/.$2
	find "$box/new" "$box/cur" -type f 2>/dev/null | wc -l
}
mailbox_holds() { [ "$(mailbox_count "$1" "${3:-INBOX}")" -ge "$2" ]; } # mailbox_holds USER N [FOLDER]
# the_mail USER [FOLDER]: the file of the mailbox's one mail
the_mail() {
	local box=$DOVECOT/mail/$1
	[ "${2:-INBOX}" = INBOX ] || box=$box/.$2
	find "$box/new" "$box/cur" -type f
}
# mail_json FILE: a mail as Python's email package and python3-icalendar understand it:
# {headers: [[NAME, VALUE]…], lines: the longest line's bytes, text, parts: [type…], events: [{uid, start, summary}…]}
mail_json() {
	"$relay_python" - "$1" <<-'END'
		import email, email.policy, icalendar, json, sys
		raw = open(sys.argv[1], "rb").read()
		m = email.message_from_bytes(raw, policy=email.policy.default)
		assert not m.defects and not [d for v in m.values() for d in v.defects], m.defects
		events = []
		for part in m.walk():
		    assert not part.defects, part.defects
		    if part.get_content_type() == "text/calendar":
		        assert part.get_param("method") == "PUBLISH" and part.get_filename() == "appointment.ics" and part.is_attachment()
		        calendar = icalendar.Calendar.from_ical(part.get_content())
		        assert calendar["method"] == "PUBLISH"
		        events += [{"uid": str(e["uid"]), "start": e["dtstart"].dt.isoformat(), "summary": str(e["summary"])} for e in calendar.walk("VEVENT")]
		print(json.dumps({"headers": [[k, str(v)] for k, v in m.items()], "lines": max(map(len, raw.splitlines())),
		                  "text": m.get_body(("plain",)).get_content(), "parts": [p.get_content_type() for p in m.walk()], "events": events}))
	END
}
