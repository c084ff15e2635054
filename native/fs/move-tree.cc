#include "fs/move-tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fs/location.h"
#include "system-error.h"

namespace airplant {

namespace {

// Makes a directory writable for its owner for as long as this lives; anything else is left alone.
class WritableDirectory {
 public:
  explicit WritableDirectory(const Location& location)
      : fd_(openat(location.parent.Get(), location.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    struct stat st;
    if (!fd_ || fstat(fd_.Get(), &st) < 0 || (st.st_mode & S_IWUSR) != 0) return;
    mode_ = st.st_mode & 07777;
    changed_ = fchmod(fd_.Get(), mode_ | S_IWUSR) == 0;
  }
  ~WritableDirectory() {
    if (changed_) fchmod(fd_.Get(), mode_);
  }
  WritableDirectory(const WritableDirectory&) = delete;

 private:
  UniqueFd fd_;
  mode_t mode_ = 0;
  bool changed_ = false;
};

}  // namespace

// All return 0 or an errno value.
static int Rename(const Location& from, const Location& to, RenameMode mode);
static int RenameToAbsent(const Location& from, const Location& to);

void MoveTree(const std::string& from_path, const std::string& to_path, RenameMode mode) {
  const Location from = Locate(from_path);
  const Location to = Locate(to_path);
  int error = Rename(from, to, mode);
  if (error == EACCES) {
    const WritableDirectory moved(from);
    if (mode == RenameMode::exchange) {
      const WritableDirectory other(to);
      error = Rename(from, to, mode);
    } else {
      error = Rename(from, to, mode);
    }
  }
  if (error != 0) throw SystemError(error, "rename", error == EEXIST ? to_path : from_path);
}

static int Rename(const Location& from, const Location& to, RenameMode mode) {
  if (sys_renameat2(from.parent.Get(), from.name.c_str(), to.parent.Get(), to.name.c_str(), mode) == 0) return 0;
  // EINVAL: this file system has no such flag.
  const bool missing = errno == ENOSYS || errno == EINVAL || errno == ENOTSUP;
  if (mode == RenameMode::no_replace && missing) return RenameToAbsent(from, to);
  return errno;
}

static int RenameToAbsent(const Location& from, const Location& to) {
  struct stat st;
  if (fstatat(from.parent.Get(), from.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return errno;
  if (!S_ISDIR(st.st_mode)) {
    // link(2) never replaces anything.
    if (linkat(from.parent.Get(), from.name.c_str(), to.parent.Get(), to.name.c_str(), 0) < 0) return errno;
    return unlinkat(from.parent.Get(), from.name.c_str(), 0) < 0 ? errno : 0;
  }
  // rename(2) of a directory replaces an empty directory at most, and that only if it appears just now.
  if (fstatat(to.parent.Get(), to.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  if (errno != ENOENT) return errno;
  const int result = renameat(from.parent.Get(), from.name.c_str(), to.parent.Get(), to.name.c_str());
  return result < 0 ? errno : 0;
}

}  // namespace airplant
