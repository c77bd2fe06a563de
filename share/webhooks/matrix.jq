# Matrix; url: the home server's root; token: an access token; options: room (its id, "!…:example.org")
# The message's id is the transaction's, so that a repeat is not shown twice.

# an event has at most 64 KiB
def cut(most): if utf8bytelength <= most then . else .[0:most - 3] | until(utf8bytelength <= most - 3; .[0:length - 256]) + "…" end;

if .settings.options.room then . else error("options.room is missing") end
| if .settings.token then . else error("token is missing") end
| {method: "PUT", path: "_matrix/client/v3/rooms/\(.settings.options.room | @uri)/send/m.room.message/\(.id | @uri)",
	body: {msgtype: "m.text", body: ("\(.title)\n\(.text)" | cut(30000))}}
