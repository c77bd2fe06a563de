dist_man_MANS +=
dist_man_MANS += man/ab-login.1
dist_man_MANS += man/ab-poll.1
dist_man_MANS += man/ab-book.1
dist_man_MANS += man/ab-demo.1
dist_man_MANS += man/ab-run.1 man/ab.7
dist_man_MANS += man/ab-otp.1 man/ab-answer.1
