dist_man_MANS +=
dist_man_MANS += man/ab-login.1
dist_man_MANS += man/ab-poll.1
dist_man_MANS += man/ab-book.1
