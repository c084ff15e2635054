#include "fs/open-directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs/syscalls.h"

namespace airplant {

static int OpenOnSameDevice(int parent, const char* name);

int OpenDirectoryBeneath(int parent, const char* name) {
  const int fd = sys_open_beneath(parent, name);
  // EPERM: container runtimes refuse system calls they do not know so.
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  return OpenOnSameDevice(parent, name);
}

// Notices mounts of other file systems, though not bind mounts of the same one.
static int OpenOnSameDevice(int parent, const char* name) {
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fd;
  struct stat outer, inner;
  int error = 0;
  if (fstat(parent, &outer) < 0 || fstat(fd, &inner) < 0) {
    error = errno;
  } else if (outer.st_dev != inner.st_dev) {
    error = EXDEV;
  }
  if (error == 0) return fd;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace airplant
