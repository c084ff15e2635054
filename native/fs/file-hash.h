#pragma once

#include <sys/stat.h>

#include <string>

#include "cancellation.h"

namespace airplant {

// A system call that failed, or null, with errno.
struct FileHash {
  std::string name;
  const char* failure = nullptr;
};

// SHA-256 of the archive of a regular file or symlink by itself, in Nix's base 32 (52 digits); `st` is what lstat said of
// it. A file that changes meanwhile is EBUSY. For many small files: nothing is started or allocated for one.
FileHash HashFile(int parent, const char* name, const struct stat& st, const Cancellation& cancellation);

}  // namespace airplant
