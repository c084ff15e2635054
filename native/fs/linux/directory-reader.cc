#include "fs/directory-reader.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace airplant {

namespace {

// What getdents64(2) fills in; C libraries disagree on whether and how they declare it.
struct Record {
  uint64_t inode;
  int64_t next;
  unsigned short length;
  unsigned char type;
  char name[];
};

}  // namespace

// getdents64(2) itself: opendir would allocate and stat for every directory.
struct DirectoryReader::State {
  int fd = -1;
  long used = 0;
  long next = 0;
  alignas(Record) char buffer[32 * 1024];
};

DirectoryReader::DirectoryReader() : state_(new State) {}
DirectoryReader::~DirectoryReader() = default;

bool DirectoryReader::Open(int fd) {
  state_->fd = fd;
  state_->used = state_->next = 0;
  return lseek(fd, 0, SEEK_SET) == 0;
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
    if (state_->next >= state_->used) {
      state_->next = 0;
      state_->used = syscall(SYS_getdents64, state_->fd, state_->buffer, sizeof state_->buffer);
      if (state_->used <= 0) return static_cast<int>(state_->used);
    }
    const auto* record = reinterpret_cast<const Record*>(state_->buffer + state_->next);
    state_->next += record->length;
    if (strcmp(record->name, ".") == 0 || strcmp(record->name, "..") == 0) continue;
    *entry = {record->name, TypeOf(record->type), static_cast<ino_t>(record->inode)};
    return 1;
  }
}

}  // namespace airplant
