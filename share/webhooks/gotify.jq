# Gotify; url: the server's root; token: the application's; options: priority (0 to 10) where wanted

if .settings.token then . else error("token is missing") end
| {path: "message", bearer: false, headers: {"X-Gotify-Key": .settings.token},
	body: ({title, message: .text, extras: {"client::display": {contentType: "text/plain"}}}
		+ if .settings.options.priority then {priority: (.settings.options.priority | tonumber)} else {} end)}
