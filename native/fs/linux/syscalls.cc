#include "fs/syscalls.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace airplant {

// <linux/fs.h> has these, and clashes with <sys/mount.h>.
static constexpr unsigned kRenameNoReplace = 1;
static constexpr unsigned kRenameExchange = 2;

// <linux/openat2.h> is newer than the oldest systems we are compiled on; the number is the same on all of them.
static constexpr long kOpenat2 = 437;
static constexpr uint64_t kResolveNoCrossMount = 0x01;
static constexpr uint64_t kResolveNoSymlinks = 0x04;
static constexpr uint64_t kResolveBeneath = 0x08;

namespace {

struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

}  // namespace

int sys_renameat2(int from_dir, const char* from, int to_dir, const char* to, RenameMode mode) {
  if (mode == RenameMode::replace) return renameat(from_dir, from, to_dir, to);
  const unsigned flags = mode == RenameMode::no_replace ? kRenameNoReplace : kRenameExchange;
  return static_cast<int>(syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int sys_open_beneath(int parent, const char* name) {
  const OpenHow how = {O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0,
                       kResolveBeneath | kResolveNoSymlinks | kResolveNoCrossMount};
  return static_cast<int>(syscall(kOpenat2, parent, name, &how, sizeof how));
}

int sys_open_search(const char* path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

ssize_t sys_copy_file_range(int from, int to, size_t length) {
  return syscall(SYS_copy_file_range, from, nullptr, to, nullptr, length, 0u);
}

struct timespec ModificationTime(const struct stat& st) { return st.st_mtim; }

struct timespec ChangeTime(const struct stat& st) { return st.st_ctim; }

ssize_t sys_send_now(int fd, const void* data, size_t size) {
  return send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int sys_open_unblocked_pipe(int fd) {
  char path[sizeof "/proc/self/fd/" + 10];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

void sys_advise_sequential(int fd) { posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); }

}  // namespace airplant
