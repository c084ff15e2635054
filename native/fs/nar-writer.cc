#include "fs/nar-writer.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "fs/syscalls.h"
#include "unique-fd.h"

namespace airplant {

// A file longer than this is worth telling the kernel about.
static constexpr uint64_t kLargeFile = 1024 * 1024;

static void AppendLength(std::string& bytes, uint64_t length) {
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(length >> shift));
}

// Several strings of the format at once: length (64 bits, little endian), bytes, zeros up to a multiple of 8.
static std::string Encode(std::initializer_list<std::string_view> strings) {
  std::string bytes;
  for (const std::string_view string : strings) {
    AppendLength(bytes, string.size());
    bytes.append(string);
    bytes.append((8 - string.size() % 8) % 8, '\0');
  }
  return bytes;
}

static const std::string kMagic = Encode({"nix-archive-1"});
static const std::string kEntry = Encode({"entry", "(", "name"});
static const std::string kNode = Encode({"node"});
static const std::string kDirectory = Encode({"(", "type", "directory"});
static const std::string kRegular = Encode({"(", "type", "regular", "contents"});
static const std::string kExecutable = Encode({"(", "type", "regular", "executable", "", "contents"});
static const std::string kSymlink = Encode({"(", "type", "symlink", "target"});
static const std::string kClose = Encode({")"});

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
  Contents(fd.Get(), static_cast<uint64_t>(st.st_size));
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
  String({target, static_cast<size_t>(length)});
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
  String(name);
  Raw(kNode);
}

void NarWriter::EndEntry(const TreeEntry& entry) {
  if (entry.depth > 0) Raw(kClose);
}

void NarWriter::Contents(int fd, uint64_t size) {
  Length(size);
  Count(size);
  if (size > kLargeFile) sys_advise_sequential(fd);
  for (uint64_t left = size; left > 0;) {
    const ssize_t got = read(fd, pipe_.Room(), std::min<uint64_t>(left, pipe_.RoomSize()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Fail(errno, "read");
    if (got == 0) Fail(EBUSY, "read", "shrank while being read");
    left -= static_cast<uint64_t>(got);
    pipe_.Commit(static_cast<size_t>(got));
    if (left > 0) cancellation_.Check();
  }
  struct stat st;
  if (fstat(fd, &st) < 0) Fail(errno, "fstat");
  if (static_cast<uint64_t>(st.st_size) != size) Fail(EBUSY, "fstat", "changed its size while being read");
  Padding(size);
}

void NarWriter::Raw(std::string_view bytes) {
  Count(bytes.size());
  pipe_.Write(bytes);
}

void NarWriter::String(std::string_view bytes) {
  Length(bytes.size());
  Raw(bytes);
  Padding(bytes.size());
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
