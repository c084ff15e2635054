#include "launch/pty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launch/platform.h"
#include "system-error.h"

namespace airplant {

Pty OpenPty(PtyMode mode) {
  Pty pty;
  pty.master = UniqueFd(posix_openpt(O_RDWR | O_NOCTTY));
  if (!pty.master) throw SystemError(errno, "posix_openpt", "/dev/ptmx");
  // Another thread may fork in between; nothing we start inherits descriptors that it was not given, though.
  fcntl(pty.master.Get(), F_SETFD, FD_CLOEXEC);
  fcntl(pty.master.Get(), F_SETFL, O_RDWR | O_NONBLOCK);
  if (grantpt(pty.master.Get()) != 0) throw SystemError(errno, "grantpt", {});
  if (unlockpt(pty.master.Get()) != 0) throw SystemError(errno, "unlockpt", {});
  pty.slave = OpenPtySlave(pty.master.Get());
  if (mode == PtyMode::usual) return pty;
  termios settings{};
  if (tcgetattr(pty.slave.Get(), &settings) != 0) throw SystemError(errno, "tcgetattr", {});
  cfmakeraw(&settings);
  if (tcsetattr(pty.slave.Get(), TCSANOW, &settings) != 0) throw SystemError(errno, "tcsetattr", {});
  return pty;
}

std::string MakeTerminalRaw(int terminal) {
  termios settings{};
  if (tcgetattr(terminal, &settings) != 0) throw SystemError(errno, "tcgetattr", {});
  const std::string before(reinterpret_cast<const char*>(&settings), sizeof settings);
  cfmakeraw(&settings);
  if (tcsetattr(terminal, TCSADRAIN, &settings) != 0) throw SystemError(errno, "tcsetattr", {});
  return before;
}

void SetTerminal(int terminal, const std::string& bytes) {
  termios settings{};
  if (bytes.size() != sizeof settings) throw SystemError(EINVAL, "tcsetattr", {});
  memcpy(&settings, bytes.data(), sizeof settings);
  if (tcsetattr(terminal, TCSADRAIN, &settings) != 0) throw SystemError(errno, "tcsetattr", {});
}

void SetTerminalSize(int terminal, unsigned short columns, unsigned short rows) {
  winsize size{};
  size.ws_col = columns;
  size.ws_row = rows;
  if (ioctl(terminal, TIOCSWINSZ, &size) != 0) throw SystemError(errno, "ioctl", {});
}

size_t ReadAvailable(int fd, void* buffer, size_t size) {
  ssize_t got;
  do {
    got = read(fd, buffer, size);
  } while (got < 0 && errno == EINTR);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

}  // namespace airplant
