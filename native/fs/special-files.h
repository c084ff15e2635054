#pragma once

#include <string>

#include "cancellation.h"

namespace airplant {

struct SpecialSearch {
  // Path of the first socket, FIFO or device found, relative to the root of the search; empty if there is none.
  std::string found;
  // All directories and when they last changed, for the next search of the same root. Bytes for this machine only.
  std::string directories;
};

// Looks for files that are neither regular, nor directories, nor symlinks in the directory `root` and all below it,
// mounts included. A directory that has not changed since the search that made `known` (whole, or empty) is not
// read again: putting a file into a directory always changes its ctime, which nobody can set. Directories that the
// caller may neither read nor search are passed over, those it may only search are EACCES; more than a
// million are EOVERFLOW. Works by names below `root`: whoever renames directories meanwhile can hide a file from it.
SpecialSearch FindSpecialFile(const std::string& root, const std::string& known, const Cancellation& cancellation);

}  // namespace airplant
