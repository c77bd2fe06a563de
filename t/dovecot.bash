# A Dovecot of the test's own on loopback, as root and as an ordinary user: start_dovecot, then mails by dovecot_deliver.
# Everybody's password is "sesame". End it with stop_dovecot.

load tls

# Ports of services of one listening configuration; another may take one before it is used, so starting is tried again.
free_ports() { # free_ports N
	python3 -c 'import socket, sys
s = [socket.socket() for _ in range(int(sys.argv[1]))]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])' "$1"
}

# Root's Dovecot takes other users for what strangers reach and for the mail; a user's does all as that user.
dovecot_users() {
	if [ "$(id -u)" = 0 ]; then
		dovecot_login=dovenull dovecot_internal=dovecot dovecot_group=dovecot dovecot_owner=nobody
	else
		dovecot_login=$(id -un) dovecot_internal=$(id -un) dovecot_group=$(id -gn) dovecot_owner=$(id -un)
	fi
}

dovecot_config() { # dovecot_config EXTRA
	cat <<-END
		base_dir = $DOVECOT/run
		state_dir = $DOVECOT/state
		log_path = $DOVECOT/log
		protocols = imap
		default_login_user = $dovecot_login
		default_internal_user = $dovecot_internal
		default_internal_group = $dovecot_group
		mail_uid = $(id -u "$dovecot_owner")
		mail_gid = $(id -g "$dovecot_owner")
		first_valid_uid = 1
		first_valid_gid = 1
		mail_location = maildir:$DOVECOT/mail/%u
		disable_plaintext_auth = no
		auth_failure_delay = 0
		ssl_cert = <$DOVECOT/good.pem
		ssl_key = <$DOVECOT/good.key
		service anvil {
		  chroot =
		}
		service imap-login {
		  chroot =
		  inet_listener imap {
		    address = 127.0.0.1, 127.0.0.2, 127.0.0.3
		    port = $IMAP
		  }
		  inet_listener imaps {
		    address = 127.0.0.1, 127.0.0.2, 127.0.0.3
		    port = $IMAPS
		    ssl = yes
		  }
		}
		local 127.0.0.2 {
		  ssl_cert = <$DOVECOT/old.pem
		  ssl_key = <$DOVECOT/old.key
		}
		local 127.0.0.3 {
		  ssl_cert = <$DOVECOT/foreign.pem
		  ssl_key = <$DOVECOT/foreign.key
		}
		passdb {
		  driver = static
		  args = password=sesame
		}
		userdb {
		  driver = static
		  args = home=$DOVECOT/mail/%u
		}
		namespace inbox {
		  inbox = yes
		  mailbox Junk {
		    auto = create
		  }
		}
		$1
	END
}

# A key pair each for: the name localhost; 127.0.0.2, expired; 127.0.0.3, of an authority that nobody knows.
dovecot_certificates() {
	authority "$DOVECOT/ca"
	authority "$DOVECOT/other"
	certificate "$DOVECOT/good" "$DOVECOT/ca" localhost 10
	certificate "$DOVECOT/old" "$DOVECOT/ca" old.example.org -1 IP:127.0.0.2
	certificate "$DOVECOT/foreign" "$DOVECOT/other" foreign.example.org 10 IP:127.0.0.3
}

dovecot_listens() { (exec 9<>"/dev/tcp/127.0.0.1/$IMAPS") 2>/dev/null; }

# run_dovecot [EXTRA-CONFIGURATION]: starts it (again) on the ports that it has; sets DOVECOT_PID
run_dovecot() {
	dovecot_config "${1:-}" >"$DOVECOT/conf"
	dovecot -F -c "$DOVECOT/conf" >>"$DOVECOT/out" 2>&1 3>&- &
	DOVECOT_PID=$!
	until_true 10 dovecot_listens
}

# start_dovecot [EXTRA-CONFIGURATION]: sets DOVECOT (its folder), IMAP and IMAPS (ports), DOVECOT_PID
start_dovecot() {
	command -v dovecot >/dev/null || PATH=$PATH:/usr/sbin
	# not below the test's folder: other users must get there, and socket names are short
	DOVECOT=$(mktemp -d "${TMPDIR:-/tmp}/ab-d.XXXXXX")
	chmod 711 "$DOVECOT"
	dovecot_users
	mkdir "$DOVECOT/mail"
	chown "$dovecot_owner" "$DOVECOT/mail"
	dovecot_certificates
	read -r IMAP IMAPS < <(free_ports 2)
	run_dovecot "${1:-}" || { cat "$DOVECOT/out" "$DOVECOT/log"; return 1; }
	export PATH DOVECOT IMAP IMAPS DOVECOT_PID dovecot_login dovecot_internal dovecot_group dovecot_owner
}
end_dovecot() {
	end_pid "${DOVECOT_PID:-}"
	DOVECOT_PID=
}
# What one process started, another may have to stop: not our child then.
stop_dovecot() {
	[ -z "${DOVECOT_PID:-}" ] || kill "$DOVECOT_PID" 2>/dev/null || :
	until_true 10 not kill -0 "$DOVECOT_PID" 2>/dev/null || :
	rm -rf "$DOVECOT"
}

# dovecot_box USER [FOLDER]: the folder on disk, made if it is not there
dovecot_box() {
	local box=$DOVECOT/mail/$1 sub
	[ "${2:-INBOX}" = INBOX ] || box=$box/.$2
	for sub in "$DOVECOT/mail/$1" "$box" "$box"/{tmp,new,cur}; do
		[ -d "$sub" ] || { mkdir "$sub" && chown "$dovecot_owner" "$sub"; }
	done
	echo "$box"
}

# mail_text CODE [SECONDS-AGO [TO]]: a mail on stdout
mail_text() {
	printf '%s\n' "From: Example <codes@example.org>" "To: ${3:-alice@example.org}" "Subject: Your code" \
		"Date: $(date -R -d "@$(($(date +%s) - ${2:-0}))")" "Message-ID: <$BASHPID.$RANDOM.$(date +%s%N)@example.org>" \
		"" "Your verification code is $1."
}

# dovecot_put USER FOLDER <MAIL: delivered as by a delivery agent, under the names that sort by time
dovecot_put() {
	local box name
	box=$(dovecot_box "$1" "$2")
	name=$(date +%s).M$(date +%N)P$BASHPID$RANDOM.host
	cat >"$box/tmp/$name"
	chmod 644 "$box/tmp/$name"
	chown "$dovecot_owner" "$box/tmp/$name"
	mv "$box/tmp/$name" "$box/new/$name"
}
# dovecot_deliver USER CODE [SECONDS-AGO [TO [FOLDER]]]
dovecot_deliver() {
	mail_text "$2" "${3:-0}" "${4:-alice@example.org}" | dovecot_put "$1" "${5:-INBOX}"
}
