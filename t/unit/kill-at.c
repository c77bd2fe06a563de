/* Kills a program just before its Nth step that changes anything on a disk, or in the middle of its Nth write.
 *
 *   kill-at N PROGRAM [ARGUMENT…]
 *   kill-at Nh PROGRAM [ARGUMENT…]
 *
 * The steps are its calls of write, open with O_CREAT, rename, link, unlink, rmdir and ftruncate. (Not mkdir, which is often
 * tried in vain, nor fsync: to be killed before it leaves the same as to be killed before what follows.) With "h" only writes
 * count, and half of the Nth is written. The exit status is the program's, or 137 when it was killed; it is not followed into its children. So a
 * test sees every state that a crash can leave: N = 1, 2, … until the status is not 137. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/proc.h"
#include "base/str.h"

static bool is_write(const struct ptrace_syscall_info *call)
{
	return call->entry.nr == SYS_write || call->entry.nr == SYS_pwrite64;
}

/* Half as many bytes for the call that is about to be made. */
static void halve(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec io = {&regs, sizeof regs};

	ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io);
#if defined __x86_64__
	regs.rdx /= 2;
#elif defined __aarch64__
	regs.regs[2] /= 2;
#elif defined __riscv
	regs.a2 /= 2;
#else
#error "which register holds the third argument of a system call?"
#endif
	ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &io);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	waitpid(pid, NULL, 0);
}

static bool is_step(const struct ptrace_syscall_info *call)
{
	switch (call->entry.nr) {
	case SYS_write: case SYS_pwrite64: case SYS_ftruncate: case SYS_renameat: case SYS_renameat2: case SYS_linkat: case SYS_unlinkat:
#ifdef SYS_rename
	case SYS_rename: case SYS_link: case SYS_unlink: case SYS_rmdir:
#endif
		return true;
	case SYS_openat:
		return (call->entry.args[2] & O_CREAT) != 0;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	struct ptrace_syscall_info call;
	long long left;
	bool half = false;
	int status;
	pid_t pid;

	if (argc > 2 && str_ends(argv[1], "h")) {
		half = true;
		argv[1][strlen(argv[1]) - 1] = '\0';
	}
	if (argc < 3 || str_long(argv[1], 1, 1 << 30, &left))
		die(EX_USAGE, "kill-at N[h] PROGRAM [ARGUMENT...]");
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die(EX_OSERR, "%s could not be traced", argv[2]);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (long signal_no = 0;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)signal_no) || waitpid(pid, &status, 0) != pid)
			die(EX_OSERR, "trace %s:", argv[2]);
		if (WIFEXITED(status) || WIFSIGNALED(status))
			return proc_exit_status(status);
		signal_no = WSTOPSIG(status) == (SIGTRAP | 0x80) || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof call, &call);
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY && (half ? is_write(&call) : is_step(&call)) && --left == 0) {
			if (half)
				halve(pid);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return 137;
		}
	}
}
