#pragma once

#include <string>

#include "fs/syscalls.h"

namespace airplant {

// rename(2), also of directories that are not writable: moving one to another directory changes its `..`, for which
// an ordinary user needs write permission on it. The mode is the same again afterwards. `exchange` swaps both
// atomically or not at all; `no_replace` refuses an existing target (EEXIST), on file systems that cannot do that
// atomically as far as link(2) and a look beforehand can. Another file system is EXDEV.
void MoveTree(const std::string& from, const std::string& to, RenameMode mode);

}  // namespace airplant
