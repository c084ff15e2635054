#pragma once

namespace airplant {

// Opens the directory `name` of `parent` for reading, for code that changes what it finds: a symlink is ELOOP or
// ENOTDIR, and a mount point, whose files belong to somebody else, EXDEV. -1 with errno on failure.
int OpenDirectoryBeneath(int parent, const char* name);

}  // namespace airplant
