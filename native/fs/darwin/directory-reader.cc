#include "fs/directory-reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace airplant {

struct DirectoryReader::State {
  ~State() { Close(); }
  void Close() {
    if (stream != nullptr) closedir(stream);
    stream = nullptr;
  }
  DIR* stream = nullptr;
};

DirectoryReader::DirectoryReader() : state_(new State) {}
DirectoryReader::~DirectoryReader() = default;

bool DirectoryReader::Open(int fd) {
  state_->Close();
  // closedir closes its descriptor, so it gets one of its own; both share the position.
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return false;
  state_->stream = fdopendir(own);
  if (state_->stream == nullptr) {
    const int error = errno;
    close(own);
    errno = error;
    return false;
  }
  rewinddir(state_->stream);
  return true;
}

static FileType TypeOf(unsigned char type) {
  switch (type) {
    case DT_REG:
      return FileType::regular;
    case DT_DIR:
      return FileType::directory;
    case DT_LNK:
      return FileType::symlink;
    case DT_UNKNOWN:
      return FileType::unknown;
    default:
      return FileType::other;
  }
}

int DirectoryReader::Next(DirectoryEntry* entry) {
  for (;;) {
    errno = 0;
    const struct dirent* record = readdir(state_->stream);
    if (record == nullptr) return errno == 0 ? 0 : -1;
    if (strcmp(record->d_name, ".") == 0 || strcmp(record->d_name, "..") == 0) continue;
    *entry = {record->d_name, TypeOf(record->d_type), record->d_ino};
    return 1;
  }
}

}  // namespace airplant
