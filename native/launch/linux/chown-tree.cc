#include "launch/linux/chown-tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "fs/open-directory.h"
#include "launch/common/failure.h"
#include "unique-fd.h"

namespace airplant {

namespace {

// Directories deeper than this below the innermost one keep no descriptor; they are reopened as `..`.
constexpr size_t kOpenDirectories = 64;

// Subdirectories remembered at once; of a directory with more the rest is read later.
constexpr size_t kMostPending = 4096;

class Walk {
 public:
  Walk(uid_t uid, gid_t gid, const char* step) : uid_(uid), gid_(gid), step_(step) {}

  void Run(int directory);

 private:
  struct Frame {
    UniqueFd fd;  // none while too far from the innermost directory
    dev_t device;
    ino_t inode;
    std::vector<std::string> pending;  // subdirectories still to be entered
    off_t next = 0;                    // where reading goes on
    bool read = false;                 // to its end
  };

  void Enter(UniqueFd fd, const std::string& name);
  void Read(Frame& frame);
  void Leave();
  void Chown(int directory, const char* name, const struct stat& st);

  const uid_t uid_;
  const gid_t gid_;
  const uid_t caller_ = geteuid();
  const char* const step_;
  std::vector<Frame> frames_;
  alignas(dirent64) char buffer_[32768];
};

void Walk::Run(int directory) {
  Enter(UniqueFd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), ".");
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.pending.empty() && !frame.read) Read(frame);
    if (frame.pending.empty()) {
      if (frame.read) Leave();
      continue;
    }
    const std::string name = std::move(frame.pending.back());
    frame.pending.pop_back();
    Enter(UniqueFd(OpenDirectoryBeneath(frame.fd.Get(), name.c_str())), name);
  }
}

void Walk::Enter(UniqueFd fd, const std::string& name) {
  Check(fd.Get(), step_, name);
  struct stat st{};
  Check(fstat(fd.Get(), &st), step_, name);
  Chown(fd.Get(), "", st);
  if (frames_.size() >= kOpenDirectories) frames_[frames_.size() - kOpenDirectories].fd.Reset();
  frames_.push_back({std::move(fd), st.st_dev, st.st_ino, {}});
}

// Files are dealt with at once, directories remembered.
void Walk::Read(Frame& frame) {
  const int fd = frame.fd.Get();
  Check(lseek(fd, frame.next, SEEK_SET), step_);
  for (;;) {
    const long size = Check(syscall(SYS_getdents64, fd, buffer_, sizeof buffer_), step_);
    if (size == 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer_ + at);
      at += entry->d_reclen;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat st{};
      Check(fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW), step_, name);
      if (!S_ISDIR(st.st_mode)) {
        Chown(fd, entry->d_name, st);
        continue;
      }
      frame.pending.emplace_back(name);
      if (frame.pending.size() < kMostPending) continue;
      frame.next = entry->d_off;
      return;
    }
  }
  frame.read = true;
}

void Walk::Leave() {
  const UniqueFd inner = std::move(frames_.back().fd);
  frames_.pop_back();
  if (frames_.empty() || frames_.back().fd) return;
  Frame& outer = frames_.back();
  outer.fd = UniqueFd(Check(openat(inner.Get(), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), step_));
  struct stat st{};
  Check(fstat(outer.fd.Get(), &st), step_);
  // Somebody outside the sandbox has moved it.
  if (st.st_dev != outer.device || st.st_ino != outer.inode) Fail(step_, {}, EBUSY);
}

// An empty `name` is the directory itself.
//
// A file of the caller's with another name may be one of its own files outside the tree, which whoever filled the tree (a
// pre-build hook) has linked into it: given away, the original would be the builder's to change. The builder finds it as
// somebody else's. What a builder links is either its own, as it makes files with its ids and has been given those with one
// name, and so comes back; or such a file, and has never gone. Third parties have no ids in the namespaces of a builder:
// the kernel lets nobody here change the owner of theirs.
void Walk::Chown(int directory, const char* name, const struct stat& st) {
  if (!S_ISDIR(st.st_mode) && st.st_nlink > 1 && st.st_uid == caller_) return;
  if (st.st_uid == uid_ && st.st_gid == gid_) return;
  Check(fchownat(directory, name, uid_, gid_, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), step_, name);
}

}  // namespace

void ChownTree(int directory, uid_t uid, gid_t gid, const char* step) { Walk(uid, gid, step).Run(directory); }

}  // namespace airplant
