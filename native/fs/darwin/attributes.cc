#include "fs/attributes.h"

#include <fcntl.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "unique-fd.h"

namespace airplant {

static const char* RemoveExtended(int fd) {
  const ssize_t length = flistxattr(fd, nullptr, 0, 0);
  if (length < 0) return errno == ENOTSUP || errno == EPERM ? nullptr : "listxattr";
  std::string names(static_cast<size_t>(length), '\0');
  const ssize_t got = flistxattr(fd, names.data(), names.size(), 0);
  if (got < 0) return "listxattr";
  names.resize(static_cast<size_t>(got));
  for (size_t at = 0; at < names.size(); at += strlen(names.c_str() + at) + 1) {
    if (fremovexattr(fd, names.c_str() + at, 0) == 0 || errno == ENOATTR) continue;
    // com.apple.provenance and its like are the system's and cannot be removed.
    if (errno != EPERM) return "removexattr";
  }
  return nullptr;
}

const char* RemoveAttributes(int fd) {
  if (fchflags(fd, 0) < 0 && errno != ENOTSUP) return "fchflags";
  acl_t empty = acl_init(0);
  if (empty == nullptr) return "acl_init";
  const bool cleared = acl_set_fd_np(fd, empty, ACL_TYPE_EXTENDED) == 0 || errno == ENOTSUP;
  const int error = errno;
  acl_free(empty);
  errno = error;
  if (!cleared) return "acl_set_fd";
  return RemoveExtended(fd);
}

const char* RemoveLinkAttributes(int parent, const char* name) {
  const UniqueFd link(openat(parent, name, O_RDONLY | O_SYMLINK | O_CLOEXEC));
  if (!link) return "openat";
  return RemoveAttributes(link.Get());
}

bool HasAttributes(int) { return true; }

}  // namespace airplant
