/* Files: whole reads, writes that survive a crash, locks that say who holds them, and where things are.
 *
 * Everything made here is for its owner alone (0600, 0700). */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/die.h"
#include "base/str.h"

/* Reads a regular file of at most MAX bytes into *OUT (which is initialised here). -1 sets errno too
 * (ENOENT tells "not there" apart). */
int fs_read(const char *path, size_t max, struct str *out, struct err *e);
/* The same from a descriptor, to its end; pipes too. NAME is for messages. */
int fs_read_fd(int fd, const char *name, size_t max, struct str *out, struct err *e);
/* All of it, through EINTR and EAGAIN; -1 sets errno. */
int fs_write_all(int fd, const void *data, size_t len);
/* Replaces PATH: a temporary file beside it, fsync, rename, fsync of the folder. After a crash there is
 * the old or the new file, whole. */
int fs_replace(const char *path, const void *data, size_t len, struct err *e);
/* Appends all of it, or nothing: what was written when the disk filled up is cut off again. SYNC: fdatasync, too. -1 sets errno. */
int fs_append(int fd, const void *data, size_t len, bool sync);
/* Makes room for LEN more bytes behind the end of the file, whose size stays, so that what must be written there later can be,
 * on a full disk too. -1 sets errno (ENOSPC); file systems that can't do it promise nothing. */
int fs_reserve(int fd, size_t len);
/* Opens PATH for appending (made 0600 if missing); -1 with *e. */
int fs_open_append(const char *path, struct err *e);
/* Makes PATH and what is missing above it, 0700. An existing last folder must be ours and closed to
 * others' writing. */
int fs_mkdirs(const char *path, struct err *e);
/* fsync of a folder, so that names made or removed in it stay so. */
int fs_sync_dir(const char *path, struct err *e);
/* Removes a file; missing is fine. */
int fs_unlink(const char *path, struct err *e);
/* Removes a folder with all that is in it, as far as that can be removed; links are not followed. */
void fs_remove_all(const char *path);

/* Takes PATH's flock without waiting and writes our pid into it. Returns the descriptor, to be kept open
 * as long as the lock is wanted; -1 with EX_TEMPFAIL and the holder's pid in the message (WHAT names the
 * thing held: "alice's ab-poll"). On a full disk the lock is taken all the same, and the holder not known. */
int fs_lock(const char *path, const char *what, struct err *e);
/* The same, waiting; for short critical sections. */
int fs_lock_wait(const char *path, struct err *e);
/* The pid of the process that holds PATH's lock, 0 when nobody does. */
pid_t fs_lock_holder(const char *path);

/* The folders of design.md, "On disk"; each caller frees; made when missing. NULL with *e.
 *   state   $AB_STATE | $XDG_STATE_HOME/ab | ~/.local/state/ab
 *   run     $AB_RUNTIME | $XDG_RUNTIME_DIR/ab | /run/user/UID/ab | /tmp/ab-UID
 *   vault   $AB_VAULT | $XDG_DATA_HOME/ab/vault | ~/.local/share/ab/vault   (not made)
 * SESSION and NAME may be NULL; otherwise the result is FOLDER/SESSION/NAME, with FOLDER/SESSION made. */
char *path_state(const char *session, const char *name, struct err *e);
char *path_run(const char *session, const char *name, struct err *e);
char *path_vault(const char *name, struct err *e);

/* A memfd with LEN bytes, sealed against change, close-on-exec, position 0; -1 with errno. */
int fs_memfd(const char *name, const void *data, size_t len);

#endif
