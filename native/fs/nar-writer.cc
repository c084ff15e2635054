#include "fs/nar-writer.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fs/nar-text.h"
#include "fs/syscalls.h"
#include "unique-fd.h"

namespace airplant {

// A file longer than this is worth telling the kernel about.
static constexpr uint64_t kLargeFile = 1024 * 1024;

uint64_t NarWriter::Write(const Location& root) {
  TreeWalk(*this, cancellation_).Run(root);
  pipe_.Finish();
  return size_;
}

void NarWriter::EnterDirectory(const TreeEntry& entry, int) {
  BeginEntry(entry);
  Raw(kDirectory);
}

void NarWriter::LeaveDirectory(const TreeEntry& entry, int) {
  Raw(kClose);
  EndEntry(entry);
}

void NarWriter::Regular(const TreeEntry& entry) {
  // O_NONBLOCK: what was a regular file may have become a FIFO.
  const UniqueFd fd(openat(entry.parent, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) Fail(errno, "open");
  struct stat st;
  if (fstat(fd.Get(), &st) < 0) Fail(errno, "fstat");
  if (!S_ISREG(st.st_mode)) Fail(EBUSY, "fstat", "changed its type while being read");

  BeginEntry(entry);
  Raw(st.st_mode & S_IXUSR ? kExecutable : kRegular);
  const off_t size = st.st_size;
  if (size > static_cast<off_t>(kLargeFile)) sys_advise_sequential(fd.Get());
  Contents(entry, fd.Get(), static_cast<uint64_t>(size));
  if (fstat(fd.Get(), &st) < 0) Fail(errno, "fstat");
  if (st.st_size != size) Fail(EBUSY, "fstat", "changed its size while being read");
  Raw(kClose);
  EndEntry(entry);
}

void NarWriter::Symlink(const TreeEntry& entry) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(entry.parent, entry.name, target, sizeof target);
  if (length < 0) Fail(errno, "readlink");
  if (length == 0 || length >= PATH_MAX) Fail(ENAMETOOLONG, "readlink", "a target has 1 to 4095 bytes");

  BeginEntry(entry);
  Raw(kSymlink);
  Target(entry, {target, static_cast<size_t>(length)});
  Raw(kClose);
  EndEntry(entry);
}

// As Nix does: from the first suffix on, whatever follows it.
std::string_view NarWriter::NameOf(std::string_view on_disk) const {
  return case_hack_ ? on_disk.substr(0, on_disk.find(kCaseHackSuffix)) : on_disk;
}

void NarWriter::BeginEntry(const TreeEntry& entry) {
  if (entry.depth == 0) return Raw(kMagic);
  const std::string_view name = NameOf(entry.name);
  if (name.empty()) Fail(EINVAL, "readdir", "its name is nothing but the suffix of the case hack");
  Raw(kEntry);
  Name(name);
  Raw(kNode);
}

void NarWriter::EndEntry(const TreeEntry& entry) {
  if (entry.depth > 0) Raw(kClose);
}

void NarWriter::Contents(const TreeEntry&, int fd, uint64_t size) {
  BeginString(size);
  for (uint64_t left = size; left > 0;) {
    const size_t got = ReadSome(fd, pipe_.Room(), std::min<uint64_t>(left, pipe_.RoomSize()));
    left -= got;
    pipe_.Commit(got);
    if (left > 0) cancellation_.Check();
  }
  EndString(size);
}

size_t NarWriter::ReadSome(int fd, uint8_t* buffer, uint64_t room) const {
  ssize_t got;
  do got = read(fd, buffer, room);
  while (got < 0 && errno == EINTR);
  if (got < 0) Fail(errno, "read");
  if (got == 0) Fail(EBUSY, "read", "shrank while being read");
  return static_cast<size_t>(got);
}

void NarWriter::Raw(std::string_view bytes) {
  Count(bytes.size());
  pipe_.Write(bytes);
}

void NarWriter::String(std::string_view bytes) {
  BeginString(bytes.size());
  pipe_.Write(bytes);
  EndString(bytes.size());
}

uint64_t NarWriter::BeginString(uint64_t length) {
  Length(length);
  const uint64_t position = size_;
  Count(length);
  return position;
}

void NarWriter::Length(uint64_t length) {
  char bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = static_cast<char>(length >> 8 * i);
  Raw({bytes, sizeof bytes});
}

void NarWriter::Padding(uint64_t length) { Raw(std::string_view("\0\0\0\0\0\0\0", (8 - length % 8) % 8)); }

void NarWriter::Count(uint64_t length) {
  if (length > limit_ - size_) Fail(EFBIG, "read", "the archive would be longer than allowed");
  size_ += length;
}

}  // namespace airplant
