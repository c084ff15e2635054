#include "launch/linux/reversed-copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "launch/common/failure.h"
#include "launch/linux/bind.h"
#include "launch/linux/restrict.h"
#include "launch/linux/syscalls.h"
#include "unique-fd.h"

namespace airplant {

namespace {

constexpr char kStep[] = "copy-reversed";

// Some kernels list the newest entry of a tmpfs first, others the oldest.
enum class Listing : bool { newest_first, oldest_first };

UniqueFd MountTmpfs(const Entry& entry, TargetTree& tree);
void MakeReadOnly(int mounted, const TargetTree& tree, const Proc& proc);

class Copier {
 public:
  explicit Copier(int top) : top_(top), listing_(ListingOf(top)) {}

  // Fills the top, which is empty, and gives it the mode and times of `from`.
  void Tree(int from, const struct stat& info) { Directory(from, top_, info, ""); }

 private:
  // `place`: where `to` is below the top, with a slash at its end unless it is the top.
  void Directory(int from, int to, const struct stat& info, const std::string& place);

  static Listing ListingOf(int directory);

  void Entry(int from, int to, const std::string& name, const std::string& place);
  bool Linked(int to, const std::string& name, const std::string& place, const struct stat& info);
  void Regular(int from, int to, const struct stat& info);
  static void Symlink(int from, int to, const std::string& name);
  static void SetTimes(int directory, const std::string& name, const struct stat& info);

  const int top_;
  const Listing listing_;
  // Where the first of several names of a file is, by device and inode.
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::vector<char> buffer_ = std::vector<char>(128 * 1024);
};

std::vector<std::string> NamesIn(int directory);

}  // namespace

void CopyReversed(const Entry& entry, TargetTree& tree, const Proc& proc) {
  const UniqueFd source(open(entry.text.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!source) {
    if (errno != ENOTDIR && errno != ELOOP) Fail(kStep, entry.text);
    airplant::Entry bind = entry;
    bind.kind = EntryKind::bind;
    return Bind(bind, tree, proc);
  }
  struct stat info{};
  Check(fstat(source.Get(), &info), kStep, entry.text);
  const UniqueFd target = MountTmpfs(entry, tree);
  Copier(target.Get()).Tree(source.Get(), info);
  if (entry.read_only) MakeReadOnly(target.Get(), tree, proc);
}

namespace {

// A descriptor of the mount's root.
UniqueFd MountTmpfs(const Entry& entry, TargetTree& tree) {
  const UniqueFd target = tree.MakeDirectory(entry.target, kStep);
  Check(fchdir(target.Get()), kStep, entry.target);
  Check(mount("tmpfs", ".", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"), kStep, entry.target);
  tree.Forget(entry.target);
  const UniqueFd mounted = tree.Open(entry.target, kStep);
  return UniqueFd(Check(openat(mounted.Get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), kStep, entry.target));
}

void MakeReadOnly(int mounted, const TargetTree& tree, const Proc& proc) {
  if (sys_mount_setattr(mounted, kMountReadOnly) == 0) return;
  if (errno != ENOSYS) Fail(kStep);
  RestrictByRemount(proc, tree.Root(), mounted, kMountReadOnly);
}

void Copier::Directory(int from, int to, const struct stat& info, const std::string& place) {
  std::vector<std::string> names = NamesIn(from);
  if (listing_ == Listing::oldest_first) std::reverse(names.begin(), names.end());
  for (const std::string& name : names) Entry(from, to, name, place);
  Check(fchmod(to, info.st_mode & 07777), kStep);
  const timespec times[] = {info.st_atim, info.st_mtim};
  Check(futimens(to, times), kStep);
}

Listing Copier::ListingOf(int directory) {
  constexpr const char* kOlder = "a";
  constexpr const char* kNewer = "b";
  for (const char* name : {kOlder, kNewer}) Check(mkdirat(directory, name, 0700), kStep);
  const bool newest_first = NamesIn(directory).front() == kNewer;
  for (const char* name : {kOlder, kNewer}) Check(unlinkat(directory, name, AT_REMOVEDIR), kStep);
  return newest_first ? Listing::newest_first : Listing::oldest_first;
}

void Copier::Entry(int from, int to, const std::string& name, const std::string& place) {
  const UniqueFd source(openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source) {
    if (errno != ELOOP) Fail(kStep, name);
    return Symlink(from, to, name);
  }
  struct stat info{};
  Check(fstat(source.Get(), &info), kStep, name);
  if (S_ISDIR(info.st_mode)) {
    Check(mkdirat(to, name.c_str(), 0700), kStep, name);
    const UniqueFd target(openat(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    Check(target.Get(), kStep, name);
    return Directory(source.Get(), target.Get(), info, place + name + '/');
  }
  if (!S_ISREG(info.st_mode)) Fail(kStep, name, EINVAL);
  if (Linked(to, name, place, info)) return;
  const UniqueFd target(openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  Check(target.Get(), kStep, name);
  Regular(source.Get(), target.Get(), info);
}

// Several names of one file stay that. Those outside of the tree are lost.
bool Copier::Linked(int to, const std::string& name, const std::string& place, const struct stat& info) {
  if (info.st_nlink == 1) return false;
  const auto [first, is_new] = linked_.emplace(std::pair(info.st_dev, info.st_ino), place + name);
  if (is_new) return false;
  Check(linkat(top_, first->second.c_str(), to, name.c_str(), 0), kStep, name);
  return true;
}

void Copier::Regular(int from, int to, const struct stat& info) {
  for (;;) {
    const ssize_t size = read(from, buffer_.data(), buffer_.size());
    if (size < 0 && errno == EINTR) continue;
    if (Check(size, kStep) == 0) break;
    for (ssize_t done = 0; done < size;) {
      const ssize_t written = write(to, buffer_.data() + done, static_cast<size_t>(size - done));
      if (written < 0 && errno == EINTR) continue;
      done += Check(written, kStep);
    }
  }
  Check(fchmod(to, info.st_mode & 07777), kStep);
  const timespec times[] = {info.st_atim, info.st_mtim};
  Check(futimens(to, times), kStep);
}

void Copier::Symlink(int from, int to, const std::string& name) {
  char text[PATH_MAX];
  const ssize_t length = Check(readlinkat(from, name.c_str(), text, sizeof text - 1), kStep, name);
  text[length] = '\0';
  Check(symlinkat(text, to, name.c_str()), kStep, name);
  struct stat info{};
  Check(fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW), kStep, name);
  SetTimes(to, name, info);
}

void Copier::SetTimes(int directory, const std::string& name, const struct stat& info) {
  const timespec times[] = {info.st_atim, info.st_mtim};
  Check(utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW), kStep, name);
}

std::vector<std::string> NamesIn(int directory) {
  const int own = Check(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), kStep);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own), closedir);
  if (!stream) {
    close(own);
    Fail(kStep);
  }
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = readdir(stream.get()); errno = 0) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) Fail(kStep);
  return names;
}

}  // namespace

}  // namespace airplant
