#include "fs/lock.h"

#include <sys/file.h>

#include <cerrno>

#include "system-error.h"

namespace airplant {

static int Flock(int fd, int operation) {
  int result;
  do {
    result = flock(fd, operation);
  } while (result < 0 && errno == EINTR);
  return result;
}

bool TryLock(int fd, LockMode mode) {
  if (Flock(fd, (mode == LockMode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw SystemError(errno, "flock", {});
}

void Unlock(int fd) {
  if (Flock(fd, LOCK_UN) < 0) throw SystemError(errno, "flock", {});
}

}  // namespace airplant
