# Discord, a channel's webhook; url: the whole address that Discord gave
# wait=true: it answers when the message is there, or says why not. Nobody is called by an @ in the text.

# signs of Discord's Markdown, but not in addresses, which would no longer be found
def escaped: gsub("(?<address>https?://\\S+)|(?<sign>[[\\\\*_~`|>#])"; .address // "\\" + .sign);
def units: explode | map(if . > 65535 then 2 else 1 end) | add // 0;
def cut(most): .[0:most] | if escaped | units <= most then escaped else until(escaped | units < most; .[0:length - 50]) | escaped + "…" end;

{query: {wait: "true"}, body: {content: ("\(.title)\n\(.text)" | cut(2000)), allowed_mentions: {parse: []}}}
