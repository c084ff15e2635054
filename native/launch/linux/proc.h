#pragma once

#include <string>

#include "unique-fd.h"

namespace airplant {

// The host's /proc, opened once and known to be a procfs: what a path below /proc means could be anybody's
// invention (CVE-2019-16884), what a name below this descriptor means cannot. `self` stays this process after entering
// other namespaces, too.
class Proc {
 public:
  Proc();

  int Get() const { return directory_.Get(); }

  // True if this process was the host's real root when it opened /proc: root of a user namespace is somebody else outside.
  bool CallerIsHostRoot() const { return caller_is_host_root_; }

  // Writes a whole file such as `self/uid_map` in one write; the result is -1 with errno if that fails.
  int Write(const char* name, const std::string& text) const;

  // Everything in a file such as `self/mountinfo`. Throws SetupFailure with `step`.
  std::string Read(const char* name, const char* step) const;

 private:
  UniqueFd directory_;
  bool caller_is_host_root_ = false;
};

// The name, below a Proc, of one of this process's descriptors.
std::string FdName(int fd);

}  // namespace airplant
