#include "launch/linux/proc.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "launch/common/failure.h"

namespace airplant {

Proc::Proc() : directory_(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  Check(directory_.Get(), "open-proc", "/proc");
  struct statfs file_system{};
  Check(fstatfs(directory_.Get(), &file_system), "open-proc", "/proc");
  if (file_system.f_type != PROC_SUPER_MAGIC) Fail("open-proc", "/proc", ENOTSUP);
  // Only the first user namespace maps all ids.
  caller_is_host_root_ =
      geteuid() == 0 && Read("self/uid_map", "open-proc").find("4294967295") != std::string::npos;
}

int Proc::Write(const char* name, const std::string& text) const {
  const UniqueFd file(openat(directory_.Get(), name, O_WRONLY | O_CLOEXEC));
  if (!file) return -1;
  const ssize_t written = write(file.Get(), text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? 0 : -1;
}

std::string Proc::Read(const char* name, const char* step) const {
  const UniqueFd file(openat(directory_.Get(), name, O_RDONLY | O_CLOEXEC));
  Check(file.Get(), step, std::string("/proc/") + name);
  std::string text;
  char buffer[16384];
  ssize_t size;
  while ((size = Check(read(file.Get(), buffer, sizeof buffer), step, std::string("/proc/") + name)) > 0) {
    text.append(buffer, static_cast<size_t>(size));
  }
  return text;
}

std::string FdName(int fd) { return "self/fd/" + std::to_string(fd); }

}  // namespace airplant
