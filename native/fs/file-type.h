#pragma once

#include <sys/stat.h>

namespace airplant {

enum class FileType { unknown, regular, directory, symlink, other };

inline FileType FileTypeOf(mode_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::symlink;
  return FileType::other;
}

}  // namespace airplant
