#pragma once

#include <string>

#include "cancellation.h"

namespace airplant {

// Copies the tree `from` to new inodes at `to`, which must not exist (EEXIST): nothing is shared with the source.
// Of the modes only the owner's x bit of files is kept. On failure nothing is left at `to`.
void CopyTree(const std::string& from, const std::string& to, const Cancellation& cancellation);

}  // namespace airplant
