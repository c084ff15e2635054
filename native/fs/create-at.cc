#include "fs/create-at.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "system-error.h"

namespace airplant {

static void CheckName(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    throw SystemError(EINVAL, "open", name, "not a single path component");
  }
}

int OpenDirectory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw SystemError(errno, "open", path);
  return fd;
}

int MakeDirectoryAt(int parent, const std::string& name) {
  CheckName(name);
  if (mkdirat(parent, name.c_str(), 0777) < 0) throw SystemError(errno, "mkdir", name);
  const int fd = openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) throw SystemError(errno, "open", name);
  return fd;
}

int CreateFileAt(int parent, const std::string& name, bool executable) {
  CheckName(name);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int fd = openat(parent, name.c_str(), flags, executable ? 0777 : 0666);
  if (fd < 0) throw SystemError(errno, "open", name);
  return fd;
}

void SymlinkAt(const std::string& target, int parent, const std::string& name) {
  CheckName(name);
  if (symlinkat(target.c_str(), parent, name.c_str()) < 0) throw SystemError(errno, "symlink", name);
}

}  // namespace airplant
