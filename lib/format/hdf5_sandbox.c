/* SPDX-License-Identifier: Apache-2.0 */
/* Shutting a process in: limits, Landlock, seccomp. */
#include "format/hdf5_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util/child.h"

#ifdef WM_COVERAGE
#define IS_COUNTED true
void __gcov_dump(void); /* of the compiler */
#else
#define IS_COUNTED false
#endif

#ifdef __has_include
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif
#endif

enum { SPARE_BYTES = 256 << 20, FIRST_FREE = 10, MAPPED_BYTES = 128 << 10 };

bool sandbox_take_descriptors(int file, int pipe)
{
	/* Out of the way first: either may have the number that the other is to get. */
	const int f = fcntl(file, F_DUPFD, FIRST_FREE), p = fcntl(pipe, F_DUPFD, FIRST_FREE);
	struct rlimit now;

	if (f < 0 || p < 0 || dup2(f, SANDBOX_FILE) < 0 || dup2(p, SANDBOX_PIPE) < 0)
		return false;
#ifdef SYS_close_range
	if (syscall(SYS_close_range, SANDBOX_PIPE + 1U, ~0U, 0) == 0)
		return true;
#endif
	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return false;
	for (rlim_t fd = SANDBOX_PIPE + 1; fd < now.rlim_cur; fd++)
		close((int)fd);
	return true;
}

/* --- limits ------------------------------------------------------------------------------ */

/* The bytes of address space that the process has; 0 where nobody says. */
static uint64_t count_memory(void)
{
	const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	const long page = sysconf(_SC_PAGESIZE);
	char text[64] = "";
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n <= 0 || page <= 0 ? 0 : strtoull(text, NULL, 10) * (uint64_t)page;
}

/* Without /proc the process may have as much again as it is likely to have. */
static bool limit_memory(void)
{
	const uint64_t has = count_memory();

	return child_limit_memory((has ? has : SPARE_BYTES) + SPARE_BYTES);
}

/* Memory that libhdf5 has no more use for goes back, or each chunk would add to it. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES); /* sanitizers have no such thing */
#endif
}

bool sandbox_settle(pid_t parent, uint64_t seconds)
{
	/* A time zone that stands in no file. */
	if (clearenv() != 0 || setenv("TZ", "UTC0", 1) != 0)
		return false;
	tzset();
	give_memory_back();
	return child_settle(parent, seconds) && limit_memory() &&
	       (IS_COUNTED || child_limit(RLIMIT_FSIZE, 0));
}

void sandbox_leave(int status)
{
#ifdef WM_COVERAGE
	__gcov_dump();
#endif
	_exit(status);
}

/* --- Landlock ---------------------------------------------------------------------------- */

/* Takes away the file system. A kernel without Landlock leaves it to seccomp. */
static bool leave_files(void)
{
#if defined(LANDLOCK_CREATE_RULESET_VERSION) && defined(SYS_landlock_create_ruleset)
	/* All kinds of access that the first version knows: execute ... make_sym. */
	const struct landlock_ruleset_attr all = {
		.handled_access_fs = IS_COUNTED ? LANDLOCK_ACCESS_FS_EXECUTE : (1U << 13) - 1,
	};
	const long set = syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	bool done;

	if (set < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP;
	done = syscall(SYS_landlock_restrict_self, (int)set, 0) == 0;
	close((int)set);
	return done;
#else
	return true;
#endif
}

/* --- seccomp ----------------------------------------------------------------------------- */

/* What may be called with any arguments: none of them reaches beyond the process. */
static const int calls[] = {
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
	SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(sysinfo), SCMP_SYS(restart_syscall), SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),
#ifdef WM_COVERAGE /* what writing counts takes */
	SCMP_SYS(openat), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(lseek), SCMP_SYS(fcntl),
	SCMP_SYS(close), SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(ftruncate),
#endif
};

static bool allow(scmp_filter_ctx f, int call, unsigned n, struct scmp_arg_cmp first,
		  struct scmp_arg_cmp second)
{
	const struct scmp_arg_cmp arguments[] = { first, second };

	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, n, arguments) == 0;
}

static bool add_rules(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp file = SCMP_A0(SCMP_CMP_EQ, SANDBOX_FILE, 0);
	const struct scmp_arg_cmp pipe = SCMP_A0(SCMP_CMP_EQ, SANDBOX_PIPE, 0);
	const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp unnamed = SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS,
						    MAP_ANONYMOUS);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (seccomp_rule_add_array(f, SCMP_ACT_ALLOW, calls[i], 0, NULL) != 0)
			return false;
	return allow(f, SCMP_SYS(pread64), 1, file, file) &&
	       allow(f, SCMP_SYS(write), 1, pipe, pipe) &&
	       allow(f, SCMP_SYS(mmap), 2, data, unnamed) &&
	       allow(f, SCMP_SYS(mprotect), 1, data, data);
}

bool sandbox_close(void)
{
	scmp_filter_ctx f;
	bool done;

	if (!leave_files() || !(IS_COUNTED || child_limit(RLIMIT_NOFILE, 0)))
		return false;
	f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!f)
		return false;
	done = add_rules(f) && seccomp_load(f) == 0;
	seccomp_release(f);
	return done;
}
