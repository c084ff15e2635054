#include "launch/linux/open-resolved.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "launch/linux/syscalls.h"

namespace airplant {

static UniqueFd Walk(const std::string& path);
static UniqueFd Step(int directory, const char* name);

UniqueFd OpenResolved(const std::string& path) {
  UniqueFd place(sys_open_without_symlinks(path.c_str()));
  // EPERM: container runtimes refuse system calls they do not know so.
  if (place || (errno != ENOSYS && errno != EPERM)) return place;
  return Walk(path);
}

static UniqueFd Walk(const std::string& path) {
  UniqueFd place(open("/", O_PATH | O_CLOEXEC));
  for (size_t at = 1; place && at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (end > at) place = Step(place.Get(), path.substr(at, end - at).c_str());
    at = end + 1;
  }
  return place;
}

static UniqueFd Step(int directory, const char* name) {
  UniqueFd place(openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info;
  if (!place || fstat(place.Get(), &info) != 0) return {};
  if (!S_ISLNK(info.st_mode)) return place;
  place.Reset();
  errno = ELOOP;
  return place;
}

}  // namespace airplant
