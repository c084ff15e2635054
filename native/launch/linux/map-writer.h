#pragma once

#include <string>
#include <vector>

#include "launch/linux/proc.h"
#include "spec.h"
#include "unique-fd.h"

namespace airplant {

// Writes id maps of this process's next user namespace. Nobody in that namespace may map ids other than its own, so a
// child that stays outside does it: directly, with the capabilities it has there, or by running newuidmap or newgidmap.
class MapWriter {
 public:
  struct File {
    // Below /proc/PID: `uid_map`, `gid_map`.
    const char* name;
    IdMap map;
  };

  // Forks the child; to be called before the namespace is made.
  MapWriter(const Proc& proc, const std::vector<File>& files);

  // To be called in the namespace, by a process that is dumpable: its maps belong to root otherwise. Returns when they are
  // written, and throws SetupFailure when they cannot be.
  void Write();

 private:
  pid_t child_ = 0;
  UniqueFd socket_;
};

}  // namespace airplant
