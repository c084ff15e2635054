#include "fs/remove-tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "fs/directory-reader.h"
#include "fs/open-directory.h"
#include "system-error.h"
#include "unique-fd.h"

namespace airplant {

namespace {

// Directories deeper than this below the innermost one keep no descriptor; they are reopened as `..`.
constexpr size_t kOpenDirectories = 64;

// Subdirectories remembered at once; a directory with more is read again.
constexpr size_t kMostPending = 4096;

// A directory that keeps changing has somebody working against us; so many attempts are enough.
constexpr int kAttempts = 1000;

class Remover {
 public:
  Remover(const Location& root, const Cancellation& cancellation) : root_(root), cancellation_(cancellation) {}

  RemovedTree Run();

 private:
  struct Frame {
    UniqueFd fd;  // none while too far from the innermost directory
    dev_t device;
    ino_t inode;
    uint64_t size;  // of the directory file itself
    std::string name;
    std::vector<std::string> pending;  // subdirectories still to be removed
    int failures = 0;                  // times it changed under our hands
  };

  enum class Removal { done, directory };

  Removal RemoveFile(int parent, const char* name);
  void Enter(int parent, std::string name);
  int Open(int parent, const char* name);
  void ReadInnermost();
  void LeaveInnermost();
  void ReopenOuter(int inner);
  void CountFailure(int error, const char* syscall);
  [[noreturn]] void Fail(int error, const char* syscall, const char* name) const;

  const Location& root_;
  const Cancellation& cancellation_;
  DirectoryReader reader_;
  std::vector<Frame> frames_;
  RemovedTree removed_;
};

RemovedTree Remover::Run() {
  for (int attempt = 0; RemoveFile(root_.parent.Get(), root_.name.c_str()) == Removal::directory; attempt++) {
    if (attempt == kAttempts) Fail(EBUSY, "rmdir", root_.name.c_str());
    Enter(root_.parent.Get(), root_.name);
    while (!frames_.empty()) {
      cancellation_.Check();
      Frame& frame = frames_.back();
      if (frame.pending.empty()) ReadInnermost();
      if (frame.pending.empty()) {
        LeaveInnermost();
      } else {
        std::string name = std::move(frame.pending.back());
        frame.pending.pop_back();
        Enter(frame.fd.Get(), std::move(name));
      }
    }
  }
  return removed_;
}

// Removes whatever is no directory; says so if it is one, or was a moment ago.
Remover::Removal Remover::RemoveFile(int parent, const char* name) {
  struct stat st;
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return Removal::done;
    Fail(errno, "lstat", name);
  }
  if (S_ISDIR(st.st_mode)) return Removal::directory;
  if (unlinkat(parent, name, 0) < 0) {
    const int error = errno;
    if (error == ENOENT) return Removal::done;
    // Swapped for a directory in between. It may have been swapped back by now, so looking again would tell nothing.
    if (error == EISDIR) return Removal::directory;
    // What POSIX says instead also means that it must not be removed.
    if (error == EPERM && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
      return Removal::directory;
    }
    Fail(error, "unlink", name);
  }
  if (st.st_nlink == 1) removed_.freed += static_cast<uint64_t>(st.st_blocks) * 512;
  if (st.st_nlink <= 2) removed_.likely_freed += static_cast<uint64_t>(st.st_size);
  return Removal::done;
}

// What is no directory any more is left to the next reading of `parent`, as is what is gone.
void Remover::Enter(int parent, std::string name) {
  UniqueFd fd(Open(parent, name.c_str()));
  if (!fd) {
    const int error = errno;
    if (error == ENOENT || error == ELOOP || error == ENOTDIR || error == EAGAIN) {
      return CountFailure(error, "open");
    }
    errno = error;
    Fail(errno, "open", name.c_str());
  }
  struct stat st;
  if (fstat(fd.Get(), &st) < 0) Fail(errno, "fstat", name.c_str());
  if ((st.st_mode & 0700) != 0700 && st.st_uid == geteuid() && fchmod(fd.Get(), 0700) < 0) {
    Fail(errno, "fchmod", name.c_str());
  }
  if (frames_.size() >= kOpenDirectories) frames_[frames_.size() - kOpenDirectories].fd.Reset();
  const auto size = static_cast<uint64_t>(st.st_blocks) * 512;
  frames_.push_back({std::move(fd), st.st_dev, st.st_ino, size, std::move(name), {}, 0});
}

int Remover::Open(int parent, const char* name) {
  const int fd = OpenDirectoryBeneath(parent, name);
  if (fd >= 0 || errno != EACCES) return fd;
  if (fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) < 0) {
    // Not a directory any more: a symlink, whose mode cannot be changed.
    if (errno == EOPNOTSUPP) errno = ELOOP;
    return -1;
  }
  return OpenDirectoryBeneath(parent, name);
}

void Remover::ReadInnermost() {
  Frame& frame = frames_.back();
  if (!reader_.Open(frame.fd.Get())) Fail(errno, "lseek", nullptr);
  DirectoryEntry entry;
  int result = 1;
  while (frame.pending.size() < kMostPending && (result = reader_.Next(&entry)) > 0) {
    if (entry.type == FileType::directory || RemoveFile(frame.fd.Get(), entry.name) == Removal::directory) {
      frame.pending.emplace_back(entry.name);
    }
  }
  if (result < 0) Fail(errno, "readdir", nullptr);
}

void Remover::LeaveInnermost() {
  Frame& inner = frames_.back();
  if (frames_.size() > 1 && !frames_[frames_.size() - 2].fd) ReopenOuter(inner.fd.Get());
  const int parent = frames_.size() > 1 ? frames_[frames_.size() - 2].fd.Get() : root_.parent.Get();
  if (unlinkat(parent, inner.name.c_str(), AT_REMOVEDIR) < 0) {
    const int error = errno;
    if (error == ENOTEMPTY || error == EEXIST) {
      // Somebody is adding files, or has put another directory here.
      CountFailure(error, "rmdir");
      struct stat st;
      const bool same = fstatat(parent, inner.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                        st.st_dev == inner.device && st.st_ino == inner.inode;
      if (same) return;  // and read it again
    } else if (error != ENOENT && error != ENOTDIR) {
      Fail(error, "rmdir", nullptr);
    }
  } else {
    removed_.freed += inner.size;
  }
  frames_.pop_back();
}

void Remover::CountFailure(int error, const char* syscall) {
  if (!frames_.empty() && ++frames_.back().failures >= kAttempts) Fail(error, syscall, nullptr);
}

// `..` of a directory that was moved meanwhile is another one: then everything stops.
void Remover::ReopenOuter(int inner) {
  Frame& outer = frames_[frames_.size() - 2];
  outer.fd.Reset(openat(inner, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!outer.fd) Fail(errno, "open", nullptr);
  struct stat st;
  if (fstat(outer.fd.Get(), &st) < 0) Fail(errno, "fstat", nullptr);
  if (st.st_dev != outer.device || st.st_ino != outer.inode) {
    outer.fd.Reset();
    Fail(EBUSY, "open", nullptr);
  }
}

// Of the path of a very deep directory the start is enough.
void Remover::Fail(int error, const char* syscall, const char* name) const {
  constexpr size_t kMostShown = 4096;
  std::string path = root_.path;
  for (size_t i = 1; i < frames_.size() && path.size() < kMostShown; i++) path += "/" + frames_[i].name;
  if (name != nullptr && !frames_.empty() && path.size() < kMostShown) path += std::string("/") + name;
  throw SystemError(error, syscall, path);
}

}  // namespace

RemovedTree RemoveTree(const std::string& path, const Cancellation& cancellation) {
  Location root;
  try {
    root = Locate(path);
  } catch (const SystemError& error) {
    if (error.error == ENOENT) return {};  // not even its directory is there
    throw;
  }
  return RemoveTree(root, cancellation);
}

RemovedTree RemoveTree(const Location& root, const Cancellation& cancellation) {
  return Remover(root, cancellation).Run();
}

}  // namespace airplant
