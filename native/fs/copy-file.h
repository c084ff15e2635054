#pragma once

#include <string>

#include "cancellation.h"

namespace airplant {

// A file as its directory and a single component.
struct FileAt {
  int parent;
  const char* name;
};

// What went wrong with a copy: the system call, with errno in `error`; `call` is null on success.
struct CopyFailure {
  const char* call = nullptr;
  int error = 0;
};

// Copies a regular file to a new inode that must not exist yet: content (holes stay holes) and, of the mode, only
// the owner's x bit; the rest is 0666 under the umask. On failure the new file is gone again.
CopyFailure CopyRegular(FileAt from, FileAt to, const Cancellation& cancellation);

CopyFailure CopySymlink(FileAt from, FileAt to);

// A name that nobody else uses, for a file that is renamed soon.
std::string TemporaryName();

}  // namespace airplant
