# ntfy, published as JSON, which takes every character in the title; url: the server's root, https://ntfy.example.org/
# options: topic; priority (1 to 5) and tags (with commas) where wanted. token: an access token, where the server asks for one

# what is longer would become a file
def cut(most): if utf8bytelength <= most then . else .[0:most - 3] | until(utf8bytelength <= most - 3; .[0:length - 8]) + "…" end;

.settings.options as $o
| if $o.topic then . else error("options.topic is missing") end
| {body: ({topic: $o.topic, title, message: (.text | cut(4096))}
	+ if $o.priority then {priority: ($o.priority | tonumber)} else {} end
	+ if $o.tags then {tags: ($o.tags / ",")} else {} end)}
