# Slack, and what takes the same: an incoming webhook; url: the whole address that Slack gave
# Of its signs & < and > are escaped; with mrkdwn off the others have no meaning.

{body: {text: ("\(.title)\n\(.text)" | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;")), mrkdwn: false}}
