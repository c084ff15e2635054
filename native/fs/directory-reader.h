#pragma once

#include <sys/types.h>

#include <memory>

#include "fs/file-type.h"

namespace airplant {

struct DirectoryEntry {
  const char* name;  // valid until the next call of Next
  FileType type;     // `unknown` where the file system does not tell
  ino_t inode;
};

// Reads directories by descriptor, without `.` and `..`, in the order of the file system. One reader serves any
// number of directories, one after another.
class DirectoryReader {
 public:
  DirectoryReader();
  ~DirectoryReader();

  // Starts at the first entry of the directory `fd`, which stays the caller's. False, with errno, on failure.
  bool Open(int fd);

  // 1 with an entry, 0 at the end, -1 with errno on failure.
  int Next(DirectoryEntry* entry);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airplant
