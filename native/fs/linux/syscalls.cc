#include "fs/syscalls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace airplant {

// <linux/fs.h> has these, and clashes with <sys/mount.h>.
static constexpr unsigned kRenameNoReplace = 1;
static constexpr unsigned kRenameExchange = 2;

int sys_renameat2(int from_dir, const char* from, int to_dir, const char* to, RenameMode mode) {
  if (mode == RenameMode::replace) return renameat(from_dir, from, to_dir, to);
  const unsigned flags = mode == RenameMode::no_replace ? kRenameNoReplace : kRenameExchange;
  return static_cast<int>(syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int sys_open_beneath(int parent, const char* name) {
#ifdef SYS_openat2
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  return static_cast<int>(syscall(SYS_openat2, parent, name, &how, sizeof how));
#else
  errno = ENOSYS;
  return -1;
#endif
}

int sys_open_search(const char* path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

ssize_t sys_copy_file_range(int from, int to, size_t length) {
  return syscall(SYS_copy_file_range, from, nullptr, to, nullptr, length, 0u);
}

struct timespec ModificationTime(const struct stat& st) { return st.st_mtim; }

void sys_advise_sequential(int fd) { posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); }

}  // namespace airplant
