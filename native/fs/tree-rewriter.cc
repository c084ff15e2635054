#include "fs/tree-rewriter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "fs/copy-file.h"
#include "fs/syscalls.h"

namespace airplant {

// What lies no farther apart is written with what is between: a system call costs more than a page.
static constexpr size_t kNear = 4096;

// Before the walk lists it: files are visited in the order of their new names.
void TreeRewriter::EnterDirectory(const TreeEntry& entry, int fd) {
  std::vector<std::pair<std::string, std::string>> renamed;
  if (!reader_.Open(fd)) Fail(errno, "lseek");
  DirectoryEntry item;
  int result;
  while ((result = reader_.Next(&item)) > 0) {
    cancellation_.Check();
    std::string name = item.name;
    if (const auto places = rewriter_.Rewrite(name); !places.empty()) {
      replaced_ += places.size();
      renamed.emplace_back(item.name, std::move(name));
    }
  }
  if (result < 0) Fail(errno, "readdir");
  for (const auto& [from, to] : renamed) Rename(fd, from, to);
  NarWriter::EnterDirectory(entry, fd);
}

void TreeRewriter::Target(const TreeEntry& entry, std::string_view target) {
  std::string rewritten(target);
  if (const auto places = rewriter_.Rewrite(rewritten); !places.empty()) {
    replaced_ += places.size();
    if (entry.depth > 0) MakeWritable(entry.parent);
    const std::string name = TemporaryName();
    if (symlinkat(rewritten.c_str(), entry.parent, name.c_str()) < 0) Fail(errno, "symlink");
    if (renameat(entry.parent, name.c_str(), entry.parent, entry.name) < 0) Fail(errno, "rename");
  }
  String(rewritten);
}

void TreeRewriter::Rewritten(const Piece& piece) {
  replaced_ += piece.places.size();
  const UniqueFd file = OpenToWrite(piece);
  for (size_t i = 0; i < piece.places.size();) {
    const size_t begin = piece.places[i];
    size_t end = begin;
    for (; i < piece.places.size() && piece.places[i] <= end + kNear; i++) end = piece.places[i] + kHashPartLength;
    WriteBytes(file.Get(), piece.bytes.subspan(begin, end - begin), piece.offset + begin);
  }
}

void TreeRewriter::WriteBytes(int fd, std::span<const uint8_t> bytes, uint64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Fail(errno, "write");
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
}

void TreeRewriter::Rename(int directory, const std::string& from, const std::string& to) const {
  MakeWritable(directory);
  if (sys_renameat2(directory, from.c_str(), directory, to.c_str(), RenameMode::no_replace) == 0) return;
  struct stat st;
  if (errno == EEXIST || fstatat(directory, to.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    Fail(EEXIST, "rename", "two names in it are the same once rewritten");
  }
  // A file system that has no such flag.
  if (renameat(directory, from.c_str(), directory, to.c_str()) < 0) Fail(errno, "rename");
}

UniqueFd TreeRewriter::OpenToWrite(const Piece& piece) const {
  MakeWritable(piece.fd);
  const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd file(openat(piece.entry.parent, piece.entry.name, flags));
  if (!file) Fail(errno, "open");
  struct stat read, written;
  if (fstat(piece.fd, &read) < 0 || fstat(file.Get(), &written) < 0) Fail(errno, "fstat");
  if (read.st_dev != written.st_dev || read.st_ino != written.st_ino) {
    Fail(EBUSY, "fstat", "was replaced while being read");
  }
  return file;
}

void TreeRewriter::MakeWritable(int fd) const {
  struct stat st;
  if (fstat(fd, &st) < 0) Fail(errno, "fstat");
  if ((st.st_mode & S_IWUSR) == 0 && fchmod(fd, (st.st_mode & 07777) | S_IWUSR) < 0) Fail(errno, "fchmod");
}

}  // namespace airplant
