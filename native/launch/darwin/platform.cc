#include "launch/platform.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "system-error.h"

namespace airplant {

// Between making a descriptor and marking it another thread may fork; what it starts closes all it was not given.
static void CloseOnExec(const FdPair& pair) {
  fcntl(pair.first.Get(), F_SETFD, FD_CLOEXEC);
  fcntl(pair.second.Get(), F_SETFD, FD_CLOEXEC);
}

FdPair MakeSocketPair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) throw SystemError(errno, "socketpair", {});
  FdPair pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
  CloseOnExec(pair);
  // There is no MSG_NOSIGNAL here.
  for (const int fd : fds) {
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) != 0) throw SystemError(errno, "setsockopt", {});
  }
  return pair;
}

FdPair MakePipe() {
  int fds[2];
  if (pipe(fds) != 0) throw SystemError(errno, "pipe", {});
  FdPair pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
  CloseOnExec(pair);
  return pair;
}

UniqueFd MakeAnonymousFile(const std::string& bytes) {
  const char* directory = getenv("TMPDIR");
  std::string name = std::string(directory != nullptr ? directory : "/tmp") + "/airplant-request-XXXXXX";
  UniqueFd file(mkstemp(name.data()));
  if (!file) throw SystemError(errno, "mkstemp", name);
  unlink(name.c_str());
  fcntl(file.Get(), F_SETFD, FD_CLOEXEC);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = pwrite(file.Get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw SystemError(errno, "pwrite", name);
    done += static_cast<size_t>(written);
  }
  return file;
}

UniqueFd OpenPtySlave(int master) {
  char name[128];
  if (ioctl(master, TIOCPTYGNAME, name) != 0) throw SystemError(errno, "ioctl", {});
  UniqueFd slave(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) throw SystemError(errno, "open", name);
  return slave;
}

// There is neither close_range nor a list that could be read without allocating; the table is small by default.
void CloseRange(unsigned first, unsigned last) {
  const auto limit = static_cast<unsigned>(std::max(getdtablesize(), 256));
  for (unsigned fd = first; fd <= last && fd < limit; fd++) close(static_cast<int>(fd));
}

// No process here is bound to processors.
void UseAllProcessors() {}
bool UseOnlyProcessors(const std::vector<uint32_t>&) {
  errno = ENOTSUP;
  return false;
}

int SendFlags() { return 0; }
int ReceiveFlags() { return 0; }

int LandlockAbi() { return 0; }

uint64_t MaxResidentBytes(const rusage& usage) { return static_cast<uint64_t>(usage.ru_maxrss); }

}  // namespace airplant
