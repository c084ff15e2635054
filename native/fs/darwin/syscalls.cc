#include "fs/syscalls.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace airplant {

int sys_renameat2(int from_dir, const char* from, int to_dir, const char* to, RenameMode mode) {
  if (mode == RenameMode::replace) return renameat(from_dir, from, to_dir, to);
  return renameatx_np(from_dir, from, to_dir, to, mode == RenameMode::no_replace ? RENAME_EXCL : RENAME_SWAP);
}

int sys_open_beneath(int, const char*) {
  errno = ENOSYS;
  return -1;
}

int sys_open_search(const char* path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

ssize_t sys_copy_file_range(int, int, size_t) {
  errno = ENOSYS;
  return -1;
}

struct timespec ModificationTime(const struct stat& st) { return st.st_mtimespec; }

struct timespec ChangeTime(const struct stat& st) { return st.st_ctimespec; }

ssize_t sys_send_now(int fd, const void* data, size_t size) {
  // There is no MSG_NOSIGNAL here.
  const int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) < 0) return -1;
  return send(fd, data, size, MSG_DONTWAIT);
}

int sys_open_unblocked_pipe(int) {
  errno = ENOSYS;  // what is opened in /dev/fd is a duplicate
  return -1;
}

void sys_advise_sequential(int fd) { fcntl(fd, F_RDAHEAD, 1); }

}  // namespace airplant
