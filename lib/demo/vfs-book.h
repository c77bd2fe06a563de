/* Calls of the office "vfs" that make an appointment: an application, its applicants, a day, a time, the booking. Each answers one
 * (vfs-api.c). */
#ifndef DEMO_VFS_BOOK_H
#define DEMO_VFS_BOOK_H

#include "demo/visit.h"

void vfs_application_get(struct visit *v), vfs_application_post(struct visit *v);
void vfs_document_post(struct visit *v), vfs_applicants_post(struct visit *v), vfs_applicantotp_post(struct visit *v);
void vfs_calendar_post(struct visit *v), vfs_timeslot_post(struct visit *v);
void vfs_mapvas_post(struct visit *v), vfs_fees_post(struct visit *v), vfs_schedule_post(struct visit *v);

/* Mails that BOOKING (world_booking) is confirmed; the mail holds numbers, none of them a code. */
void vfs_mail_booked(struct visit *v, jv booking);

#endif
