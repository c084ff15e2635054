#include "fs/location.h"

#include <cerrno>

#include "fs/syscalls.h"
#include "system-error.h"

namespace airplant {

Location Locate(const std::string& path) {
  const size_t last = path.find_last_not_of('/');
  const std::string trimmed = last == std::string::npos ? "" : path.substr(0, last + 1);
  const size_t slash = trimmed.rfind('/');
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    throw SystemError(EINVAL, "open", path, "the last component of the path names no file");
  }
  const std::string parent = slash == std::string::npos ? "." : trimmed.substr(0, slash + 1);
  UniqueFd fd(sys_open_search(parent.c_str()));
  if (!fd) throw SystemError(errno, "open", path);
  return {std::move(fd), name, path};
}

}  // namespace airplant
