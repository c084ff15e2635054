#include "fs/canonicalise.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include "fs/attributes.h"
#include "fs/copy-file.h"
#include "fs/open-directory.h"
#include "fs/syscalls.h"
#include "fs/tree-walk.h"

namespace airplant {

namespace {

// utimensat(2): leave the access time, set the modification time to one second after the epoch.
constexpr struct timespec kTimes[2] = {{0, UTIME_OMIT}, {1, 0}};

bool HasCanonicalTime(const struct stat& st) {
  const struct timespec time = ModificationTime(st);
  return time.tv_sec == 1 && time.tv_nsec == 0;
}

// Names of a file within the tree, against all its names. Decided once, before any name is replaced.
struct Links {
  uint64_t inside = 0;
  uint64_t all = 0;
};

using LinkCounts = std::map<std::pair<dev_t, ino_t>, Links>;

// First pass: canonicalises everything but files with several names, which it only counts. Second pass: those.
class Canonicaliser final : public TreeVisitor {
 public:
  Canonicaliser(LinkCounts& links, bool counting, const Cancellation& cancellation)
      : links_(links), counting_(counting), cancellation_(cancellation) {}

 private:
  int OpenDirectory(const TreeEntry& entry) override {
    const int fd = OpenDirectoryBeneath(entry.parent, entry.name);
    if (fd >= 0 || errno != EACCES) return fd;
    if (fchmodat(entry.parent, entry.name, 0700, AT_SYMLINK_NOFOLLOW) < 0) Fail(errno, "chmod");
    return OpenDirectoryBeneath(entry.parent, entry.name);
  }

  // Write permission is needed to replace files in it, search permission to reach them.
  void EnterDirectory(const TreeEntry&, int fd) override {
    struct stat st;
    if (fstat(fd, &st) < 0) Fail(errno, "fstat");
    if ((st.st_mode & 0700) != 0700 && st.st_uid == geteuid() && fchmod(fd, 0700) < 0) Fail(errno, "fchmod");
  }

  void LeaveDirectory(const TreeEntry&, int fd) override {
    struct stat st;
    if (fstat(fd, &st) < 0) Fail(errno, "fstat");
    Finish(fd, st, 0555);
  }

  void Regular(const TreeEntry& entry) override {
    struct stat st;
    UniqueFd fd = OpenRegular(entry, &st);
    if (st.st_nlink > 1) {
      if (counting_) return CountLink(st);
      if (HasOutsideLinks(st)) {
        Replace(entry, CopyRegular);
        fd = OpenRegular(entry, &st);
      }
    }
    Finish(fd.Get(), st, st.st_mode & S_IXUSR ? 0555 : 0444);
  }

  void Symlink(const TreeEntry& entry) override {
    struct stat st = Status(entry);
    if (st.st_nlink > 1) {
      if (counting_) return CountLink(st);
      if (HasOutsideLinks(st)) {
        Replace(entry, [](FileAt from, FileAt to, const Cancellation&) { return CopySymlink(from, to); });
        st = Status(entry);
      }
    }
    FinishSymlink(entry, st);
  }

  // `st` gets the mode as it was found.
  UniqueFd OpenRegular(const TreeEntry& entry, struct stat* st) {
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    UniqueFd fd(openat(entry.parent, entry.name, flags));
    if (!fd && errno == EACCES) {
      const struct stat found = Status(entry);
      // An unreadable file with names outside is neither changed nor, so, copied.
      if (!S_ISREG(found.st_mode) || (found.st_nlink > 1 && !counting_ && HasOutsideLinks(found))) {
        Fail(EACCES, "open");
      }
      if (found.st_nlink > 1 && counting_) {
        *st = found;
        return UniqueFd();
      }
      const mode_t mode = S_IRUSR | (found.st_mode & S_IXUSR);
      if (fchmodat(entry.parent, entry.name, mode, AT_SYMLINK_NOFOLLOW) < 0) Fail(errno, "chmod");
      fd.Reset(openat(entry.parent, entry.name, flags));
    }
    if (!fd) Fail(errno, "open");
    if (fstat(fd.Get(), st) < 0) Fail(errno, "fstat");
    if (!S_ISREG(st->st_mode)) Fail(EBUSY, "fstat", "changed its type meanwhile");
    return fd;
  }

  struct stat Status(const TreeEntry& entry) const {
    struct stat st;
    if (fstatat(entry.parent, entry.name, &st, AT_SYMLINK_NOFOLLOW) < 0) Fail(errno, "lstat");
    return st;
  }

  void CountLink(const struct stat& st) {
    Links& links = links_[{st.st_dev, st.st_ino}];
    links.inside++;
    links.all = st.st_nlink;
  }

  // A file that the first pass did not meet has come from outside since.
  bool HasOutsideLinks(const struct stat& st) const {
    const auto found = links_.find({st.st_dev, st.st_ino});
    return found == links_.end() || found->second.inside < found->second.all;
  }

  template <class Copy>
  void Replace(const TreeEntry& entry, Copy copy) {
    const std::string name = TemporaryName();
    const CopyFailure failure = copy({entry.parent, entry.name}, {entry.parent, name.c_str()}, cancellation_);
    if (failure.call != nullptr) Fail(failure.error, failure.call);
    if (renameat(entry.parent, name.c_str(), entry.parent, entry.name) < 0) {
      const int error = errno;
      unlinkat(entry.parent, name.c_str(), 0);
      Fail(error, "rename");
    }
  }

  void Finish(int fd, const struct stat& st, mode_t mode) {
    if (st.st_uid != geteuid() && fchown(fd, geteuid(), getegid()) < 0) Fail(errno, "fchown");
    bool rewritten = st.st_uid != geteuid();
    if (HasAttributes(fd)) {
      // Removing one is writing to the file. An access control list also moves the bits of the mode.
      if (fchmod(fd, mode | S_IWUSR) < 0) Fail(errno, "fchmod");
      if (const char* call = RemoveAttributes(fd)) Fail(errno, call);
      rewritten = true;
    }
    if ((rewritten || (st.st_mode & 07777) != mode) && fchmod(fd, mode) < 0) Fail(errno, "fchmod");
    if (!HasCanonicalTime(st) && futimens(fd, kTimes) < 0) Fail(errno, "futimens");
  }

  void FinishSymlink(const TreeEntry& entry, const struct stat& st) {
    if (st.st_uid != geteuid() &&
        fchownat(entry.parent, entry.name, geteuid(), getegid(), AT_SYMLINK_NOFOLLOW) < 0) {
      Fail(errno, "lchown");
    }
    if (const char* call = RemoveLinkAttributes(entry.parent, entry.name)) Fail(errno, call);
    if (!HasCanonicalTime(st) && utimensat(entry.parent, entry.name, kTimes, AT_SYMLINK_NOFOLLOW) < 0) {
      Fail(errno, "utimensat");
    }
  }

  LinkCounts& links_;
  const bool counting_;
  const Cancellation& cancellation_;
};

}  // namespace

void CanonicaliseTree(const std::string& path, const Cancellation& cancellation) {
  CanonicaliseTree(Locate(path), cancellation);
}

void CanonicaliseTree(const Location& root, const Cancellation& cancellation) {
  LinkCounts links;
  Canonicaliser first(links, true, cancellation);
  TreeWalk(first, cancellation).Run(root);
  if (links.empty()) return;
  Canonicaliser second(links, false, cancellation);
  TreeWalk(second, cancellation).Run(root);
}

}  // namespace airplant
