#include "fs/output.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fs/syscalls.h"
#include "system-error.h"

namespace airplant {

static constexpr int kPollMilliseconds = 50;

Output::Output(int fd, const Cancellation& cancellation) : fd_(fd), cancellation_(cancellation) {
  struct stat st;
  if (fstat(fd, &st) < 0) throw SystemError(errno, "fstat", {});
  // The end of a pipe that is read from would never be ready, and the other end could be opened through it.
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) throw SystemError(errno, "fcntl", {});
  if ((flags & O_ACCMODE) == O_RDONLY) throw SystemError(EBADF, "write", {});
  if (S_ISFIFO(st.st_mode)) {
    kind_ = Kind::pipe;
    unblocked_.Reset(sys_open_unblocked_pipe(fd));
  }
  if (S_ISSOCK(st.st_mode)) kind_ = Kind::socket;
}

void Output::Write(const uint8_t* data, size_t size) {
  while (size > 0) {
    cancellation_.Check();
    if (kind_ == Kind::pipe && !unblocked_) AwaitRoom();
    const ssize_t written = WriteSome(data, size);
    if (written >= 0) {
      data += written;
      size -= static_cast<size_t>(written);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      AwaitRoom();
    } else if (errno != EINTR) {
      throw SystemError(errno, "write", {});
    }
  }
}

ssize_t Output::WriteSome(const uint8_t* data, size_t size) const {
  switch (kind_) {
    case Kind::pipe:
      if (unblocked_) return write(unblocked_.Get(), data, size);
      // poll(2) promises room for this much; more could block.
      return write(fd_, data, std::min<size_t>(size, PIPE_BUF));
    case Kind::socket:
      return sys_send_now(fd_, data, size);
    default:
      return write(fd_, data, size);
  }
}

void Output::AwaitRoom() const {
  for (;;) {
    struct pollfd poll_fd = {fd_, POLLOUT, 0};
    const int ready = poll(&poll_fd, 1, kPollMilliseconds);
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw SystemError(errno, "poll", {});
    cancellation_.Check();
  }
}

}  // namespace airplant
