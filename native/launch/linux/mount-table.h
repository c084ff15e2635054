#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "launch/linux/proc.h"

namespace airplant {

// One line of /proc/self/mountinfo.
struct MountLine {
  int id = 0;
  int parent = 0;
  // Relative to the process's root.
  std::string path;
  // Per-mount options, as flags of mount(2): MS_RDONLY, MS_NOSUID…
  unsigned long flags = 0;
};

std::vector<MountLine> ParseMountTable(std::string_view text);

// The lines of the mount `root` and of all mounts below it that a path can reach: one that is covered by another at the
// very same place, and what is mounted inside it, cannot be reached (nor uncovered, without privileges).
std::vector<MountLine> ReachableSubtree(const std::vector<MountLine>& table, int root);

// The id, as in the table, of the mount that a descriptor is on. Throws SetupFailure with `step`.
int MountId(const Proc& proc, int fd, const char* step);

}  // namespace airplant
