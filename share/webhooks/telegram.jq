# Telegram, sendMessage of the Bot API; url: the API's root; token: the bot's; options: chat_id
# Without a parse_mode the text is taken as it is, so nothing in it needs escaping.

# characters as Telegram counts them: in UTF-16
def units: explode | map(if . > 65535 then 2 else 1 end) | add // 0;
def cut(most): if units <= most then . else .[0:most - 1] | until(units <= most - 1; .[0:length - 8]) + "…" end;

if .settings.options.chat_id then . else error("options.chat_id is missing") end
| if .settings.token // "" | test("^[0-9]+:[A-Za-z0-9_-]+$") then . else error("token is not that of a bot") end
| {path: "bot\(.settings.token)/sendMessage", bearer: false,
	body: {chat_id: .settings.options.chat_id, text: ("\(.title)\n\(.text)" | cut(4096)), link_preview_options: {is_disabled: true}}}
