#pragma once

#include <cstdint>
#include <string>

#include "cancellation.h"
#include "fs/location.h"

namespace airplant {

struct RemovedTree {
  // Disk blocks of files that had no other name, and of directories.
  uint64_t freed = 0;
  // Sizes of the files that had no other name or a single one: what Nix takes for freed, since that name is likely the
  // one in `.links`, which goes when nothing else is left.
  uint64_t likely_freed = 0;
};

// Removes a tree of any depth. A missing tree is done. Works by descriptors and single names only, so that whoever renames
// files meanwhile cannot lead it out of the tree; never crosses a mount point (EXDEV); gives itself permission on
// directories of its own.
RemovedTree RemoveTree(const std::string& path, const Cancellation& cancellation);
RemovedTree RemoveTree(const Location& root, const Cancellation& cancellation);

}  // namespace airplant
