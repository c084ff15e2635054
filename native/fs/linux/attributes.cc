#include "fs/attributes.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace airplant {

static bool IsKept(const char* name) {
  return strcmp(name, "security.selinux") == 0 || strcmp(name, "system.nfs4_acl") == 0 ||
         strcmp(name, "security.csm") == 0;
}

// POSIX access control lists are extended attributes too (system.posix_acl_*).
template <class List, class Remove>
static const char* RemoveAll(List list, Remove remove) {
  // XATTR_LIST_MAX is 64 KiB, so the second call never fails for want of room unless somebody adds meanwhile.
  const ssize_t length = list(nullptr, 0);
  if (length < 0) return errno == ENOTSUP || errno == ENODATA ? nullptr : "listxattr";
  if (length == 0) return nullptr;
  std::string names(static_cast<size_t>(length), '\0');
  const ssize_t got = list(names.data(), names.size());
  if (got < 0) return "listxattr";
  names.resize(static_cast<size_t>(got));
  for (size_t at = 0; at < names.size(); at += strlen(names.c_str() + at) + 1) {
    const char* name = names.c_str() + at;
    if (!IsKept(name) && remove(name) < 0 && errno != ENODATA) return "removexattr";
  }
  return nullptr;
}

const char* RemoveAttributes(int fd) {
  return RemoveAll([&](char* buffer, size_t size) { return flistxattr(fd, buffer, size); },
                   [&](const char* name) { return fremovexattr(fd, name); });
}

const char* RemoveLinkAttributes(int parent, const char* name) {
  // There is no *at form before Linux 6.13; the magic link stands for the directory itself, whatever its path is.
  const std::string path = "/proc/self/fd/" + std::to_string(parent) + "/" + name;
  return RemoveAll([&](char* buffer, size_t size) { return llistxattr(path.c_str(), buffer, size); },
                   [&](const char* attribute) { return lremovexattr(path.c_str(), attribute); });
}

bool HasAttributes(int fd) { return flistxattr(fd, nullptr, 0) != 0; }

}  // namespace airplant
