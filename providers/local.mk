# nobase: each provider keeps its folder, below $(pkgdatadir)/providers
nobase_dist_pkgdata_DATA = \
	providers/practice/provider.yaml $(practice_pages) \
	providers/practice-api/provider.yaml $(practice_api_pages) \
	providers/vfs-global/provider.yaml

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
