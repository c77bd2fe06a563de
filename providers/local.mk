# nobase: each provider keeps its folder, below $(pkgdatadir)/providers
nobase_dist_pkgdata_DATA = \
	providers/practice/provider.yaml $(practice_pages) \
	providers/practice-api/provider.yaml $(practice_api_pages) \
	providers/vfs-global/provider.yaml $(vfs_global_pages)

practice_pages = \
	providers/practice/pages/already.html \
	providers/practice/pages/appointment-cancelled.html \
	providers/practice/pages/appointment.html \
	providers/practice/pages/calendar-changed.html \
	providers/practice/pages/calendar-none.html \
	providers/practice/pages/calendar.html \
	providers/practice/pages/code-wrong.html \
	providers/practice/pages/code.html \
	providers/practice/pages/confirmation.html \
	providers/practice/pages/form-expired.html \
	providers/practice/pages/incomplete.html \
	providers/practice/pages/login-locked.html \
	providers/practice/pages/login-wrong.html \
	providers/practice/pages/login.html \
	providers/practice/pages/maintenance.html \
	providers/practice/pages/my-cancelled.html \
	providers/practice/pages/my-none.html \
	providers/practice/pages/my.html \
	providers/practice/pages/rejected.html \
	providers/practice/pages/slot-istanbul.html \
	providers/practice/pages/slot.html \
	providers/practice/pages/taken.html \
	providers/practice/pages/tests.yaml \
	providers/practice/pages/waiting-room.html

practice_api_pages = \
	providers/practice-api/pages/absent.json \
	providers/practice-api/pages/already.json \
	providers/practice-api/pages/booked.json \
	providers/practice-api/pages/booking-cancelled.json \
	providers/practice-api/pages/booking.json \
	providers/practice-api/pages/cancelled.json \
	providers/practice-api/pages/days-ankara.json \
	providers/practice-api/pages/days-istanbul.json \
	providers/practice-api/pages/days-izmir.json \
	providers/practice-api/pages/days-none.json \
	providers/practice-api/pages/hours-ankara.json \
	providers/practice-api/pages/hours-izmir.json \
	providers/practice-api/pages/hours-none.json \
	providers/practice-api/pages/login-needed.json \
	providers/practice-api/pages/login-wrong.json \
	providers/practice-api/pages/login.json \
	providers/practice-api/pages/me.json \
	providers/practice-api/pages/missing.json \
	providers/practice-api/pages/page.html \
	providers/practice-api/pages/taken.json \
	providers/practice-api/pages/tests.yaml

vfs_global_pages = \
	providers/vfs-global/pages/absent-verify-02-get.html \
	providers/vfs-global/pages/absent-verify-commands.json \
	providers/vfs-global/pages/book-other-time.json \
	providers/vfs-global/pages/book-taken.json \
	providers/vfs-global/pages/book-to-pay.json \
	providers/vfs-global/pages/book.json \
	providers/vfs-global/pages/check-401.json \
	providers/vfs-global/pages/check-already-booked.json \
	providers/vfs-global/pages/check-blocked.json \
	providers/vfs-global/pages/check-day-differs.json \
	providers/vfs-global/pages/check-day-gone.json \
	providers/vfs-global/pages/check-expired-tr.json \
	providers/vfs-global/pages/check-maintenance.json \
	providers/vfs-global/pages/check-none-denied.json \
	providers/vfs-global/pages/check-none-unheard.json \
	providers/vfs-global/pages/check-one-seat.json \
	providers/vfs-global/pages/check-other-days.json \
	providers/vfs-global/pages/check-other-times.json \
	providers/vfs-global/pages/check-payment-due.json \
	providers/vfs-global/pages/check-silent.json \
	providers/vfs-global/pages/check-throttled.json \
	providers/vfs-global/pages/check-too-early.json \
	providers/vfs-global/pages/free-book-01-listen.html \
	providers/vfs-global/pages/free-book-02-get.html \
	providers/vfs-global/pages/free-book-03-click.html \
	providers/vfs-global/pages/free-book-05-click.html \
	providers/vfs-global/pages/free-book-06-click.html \
	providers/vfs-global/pages/free-book-08-click.html \
	providers/vfs-global/pages/free-book-10-check.html \
	providers/vfs-global/pages/free-book-11-check.html \
	providers/vfs-global/pages/free-book-commands.json \
	providers/vfs-global/pages/free-check-02-get.html \
	providers/vfs-global/pages/free-check-03-get.html \
	providers/vfs-global/pages/free-check-05-choose.html \
	providers/vfs-global/pages/free-check-06-choose.html \
	providers/vfs-global/pages/free-check-07-choose.html \
	providers/vfs-global/pages/free-check-09-click.html \
	providers/vfs-global/pages/free-check-11-fill.html \
	providers/vfs-global/pages/free-check-12-choose.html \
	providers/vfs-global/pages/free-check-13-click.html \
	providers/vfs-global/pages/free-check-15-click.html \
	providers/vfs-global/pages/free-check-17-click.html \
	providers/vfs-global/pages/free-check-19-click.html \
	providers/vfs-global/pages/free-check-commands.json \
	providers/vfs-global/pages/login-already.json \
	providers/vfs-global/pages/login-banner-late.json \
	providers/vfs-global/pages/login-challenge.json \
	providers/vfs-global/pages/login-code.json \
	providers/vfs-global/pages/login-locked.json \
	providers/vfs-global/pages/login-picture.json \
	providers/vfs-global/pages/login-wrong.json \
	providers/vfs-global/pages/mine-confirmed.json \
	providers/vfs-global/pages/mine-expired.json \
	providers/vfs-global/pages/mine-pending.json \
	providers/vfs-global/pages/none-check-01-listen.html \
	providers/vfs-global/pages/none-check-03-get.html \
	providers/vfs-global/pages/none-check-05-choose.html \
	providers/vfs-global/pages/none-check-06-choose.html \
	providers/vfs-global/pages/none-check-07-choose.html \
	providers/vfs-global/pages/none-check-commands.json \
	providers/vfs-global/pages/tests.yaml \
	providers/vfs-global/pages/there-verify-02-get.html \
	providers/vfs-global/pages/there-verify-commands.json \
	providers/vfs-global/pages/tr-free-check-02-get.html \
	providers/vfs-global/pages/tr-free-check-03-get.html \
	providers/vfs-global/pages/tr-free-check-05-choose.html \
	providers/vfs-global/pages/tr-free-check-06-choose.html \
	providers/vfs-global/pages/tr-free-check-07-choose.html \
	providers/vfs-global/pages/tr-free-check-09-click.html \
	providers/vfs-global/pages/tr-free-check-11-fill.html \
	providers/vfs-global/pages/tr-free-check-12-choose.html \
	providers/vfs-global/pages/tr-free-check-13-click.html \
	providers/vfs-global/pages/tr-free-check-15-click.html \
	providers/vfs-global/pages/tr-free-check-17-click.html \
	providers/vfs-global/pages/tr-free-check-19-click.html \
	providers/vfs-global/pages/tr-free-check-commands.json \
	providers/vfs-global/pages/tr-none-check-01-listen.html \
	providers/vfs-global/pages/tr-none-check-03-get.html \
	providers/vfs-global/pages/tr-none-check-05-choose.html \
	providers/vfs-global/pages/tr-none-check-06-choose.html \
	providers/vfs-global/pages/tr-none-check-07-choose.html \
	providers/vfs-global/pages/tr-none-check-commands.json
