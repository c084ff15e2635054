#pragma once

#include <string>

#include "cancellation.h"
#include "fs/location.h"

namespace airplant {

// Makes a tree canonical, as Nix 2.8 does to every store path: regular files, directories and symlinks only
// (kUnsupportedFileType), no attributes beyond mode and time, the caller's own, mode 0444 or 0555, mtime 1.
// Unlike Nix it never changes a file that also has a name outside the tree: such a file is replaced by a copy.
void CanonicaliseTree(const std::string& path, const Cancellation& cancellation);
void CanonicaliseTree(const Location& root, const Cancellation& cancellation);

}  // namespace airplant
