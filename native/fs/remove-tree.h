#pragma once

#include <cstdint>
#include <string>

#include "cancellation.h"
#include "fs/location.h"

namespace airplant {

// Removes a tree of any depth and returns the bytes freed: the disk blocks of files that had no other name.
// A missing tree is done. Works by descriptors and single names only, so that whoever renames files meanwhile cannot
// lead it out of the tree; never crosses a mount point (EXDEV); gives itself permission on directories of its own.
uint64_t RemoveTree(const std::string& path, const Cancellation& cancellation);
uint64_t RemoveTree(const Location& root, const Cancellation& cancellation);

}  // namespace airplant
