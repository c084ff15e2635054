#include "launch/linux/bind.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "launch/common/failure.h"
#include "launch/linux/builder-files.h"
#include "launch/linux/open-resolved.h"
#include "launch/linux/restrict.h"
#include "launch/linux/syscalls.h"

namespace airplant {

namespace {

constexpr char kStep[] = "bind";

// No descriptor: errno says why.
struct Source {
  UniqueFd fd;
  // A copy of the mounts, not attached anywhere yet; otherwise only the place to bind from.
  bool detached = false;
  struct stat info{};
};

Source OpenSource(const Entry& entry, const TargetTree& tree);
Source FromPath(const Entry& entry);
Source FromResolved(const std::string& path);
bool IsMissing(int error) { return error == ENOENT || error == ENOTDIR; }
void VerifyDevice(const Entry& entry, const struct stat& info);
uint64_t Attributes(const Entry& entry, const struct stat& info);
void CopySymlink(const Entry& entry, const Source& source, TargetTree& tree);
void AttachDetached(const Entry& entry, const Source& source, const UniqueFd& target, uint64_t attributes,
                    TargetTree& tree, const Proc& proc);
void AttachByPath(const Entry& entry, const Source& source, const UniqueFd& target, uint64_t attributes,
                  TargetTree& tree, const Proc& proc);

}  // namespace

void Bind(const Entry& entry, TargetTree& tree, const Proc& proc) {
  const Source source = OpenSource(entry, tree);
  if (!source.fd) return;
  if (S_ISLNK(source.info.st_mode)) return CopySymlink(entry, source, tree);
  VerifyDevice(entry, source.info);

  const UniqueFd target = S_ISDIR(source.info.st_mode) ? tree.MakeDirectory(entry.target, kStep)
                                                       : tree.MakeFile(entry.target, kStep);
  const uint64_t attributes = Attributes(entry, source.info);
  if (source.detached) {
    AttachDetached(entry, source, target, attributes, tree, proc);
  } else {
    AttachByPath(entry, source, target, attributes, tree, proc);
  }
  tree.Forget(entry.target);
}

namespace {

// An empty descriptor for an optional source that is missing.
Source OpenSource(const Entry& entry, const TargetTree& tree) {
  const CallersPermissions permissions(tree.ForBuilder());
  Source source = entry.resolved ? FromResolved(entry.text) : FromPath(entry);
  if (!source.fd && errno == ENOSPC) Fail(kCopyMountsStep, entry.text);
  if (!source.fd) {
    if (!entry.optional || !IsMissing(errno)) Fail(kStep, entry.text);
    return source;
  }
  Check(fstat(source.fd.Get(), &source.info), kStep, entry.text);
  return source;
}

Source FromPath(const Entry& entry) {
  const char* path = entry.text.c_str();
  const unsigned no_follow = entry.follow ? 0 : AT_SYMLINK_NOFOLLOW;
  UniqueFd copy(sys_open_tree(AT_FDCWD, path, kOpenTreeClone | kAtRecursive | no_follow));
  if (copy || errno != ENOSYS) return {std::move(copy), true};
  return {UniqueFd(open(path, O_PATH | O_CLOEXEC | (entry.follow ? 0 : O_NOFOLLOW))), false};
}

// Nothing is looked up a second time: what was reached without a symlink is what is copied.
Source FromResolved(const std::string& path) {
  UniqueFd place = OpenResolved(path);
  if (!place) return {};
  UniqueFd copy(sys_open_tree(place.Get(), "", kOpenTreeClone | kAtRecursive | AT_EMPTY_PATH));
  if (copy || errno != ENOSYS) return {std::move(copy), true};
  return {std::move(place), false};
}

void VerifyDevice(const Entry& entry, const struct stat& info) {
  if (!entry.device) return;
  const bool same = S_ISCHR(info.st_mode) && major(info.st_rdev) == entry.device->major &&
                    minor(info.st_rdev) == entry.device->minor;
  if (!same) Fail("verify-device", entry.text, ENODEV);
}

uint64_t Attributes(const Entry& entry, const struct stat& info) {
  const bool is_device = S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode) || entry.text == "/dev" ||
                         entry.text.starts_with("/dev/");
  return kMountNoSuid | (is_device ? 0 : kMountNoDev) | (entry.read_only ? kMountReadOnly : 0);
}

// As Nix does: a symlink to a store path stays one, with its times.
void CopySymlink(const Entry& entry, const Source& source, TargetTree& tree) {
  char link[PATH_MAX];
  const ssize_t length = Check(readlinkat(source.fd.Get(), "", link, sizeof link - 1), kStep, entry.text);
  link[length] = '\0';
  const TargetTree::Place place = tree.Locate(entry.target, kStep);
  Check(symlinkat(link, place.parent, place.name.c_str()), "make-symlink", entry.target);
  const timespec times[] = {source.info.st_atim, source.info.st_mtim};
  Check(utimensat(place.parent, place.name.c_str(), times, AT_SYMLINK_NOFOLLOW), kStep, entry.target);
}

void AttachDetached(const Entry& entry, const Source& source, const UniqueFd& target, uint64_t attributes,
                    TargetTree& tree, const Proc& proc) {
  // Restricted first, then shown. Kernels 5.2 to 5.11 have the one call without the other.
  const bool restricted = sys_mount_setattr_recursive(source.fd.Get(), attributes) == 0;
  if (!restricted && errno != ENOSYS) Fail("read-only", entry.text);
  Check(sys_move_mount(source.fd.Get(), target.Get()), kStep, entry.target);
  if (!restricted) RestrictByRemount(proc, tree.Root(), source.fd.Get(), attributes);
}

// What mount(2) takes are names: those of our own descriptors.
void AttachByPath(const Entry& entry, const Source& source, const UniqueFd& target, uint64_t attributes,
                  TargetTree& tree, const Proc& proc) {
  Check(fchdir(proc.Get()), kStep);
  Check(mount(FdName(source.fd.Get()).c_str(), FdName(target.Get()).c_str(), nullptr, MS_BIND | MS_REC, nullptr),
        kStep, entry.text);
  tree.Forget(entry.target);
  const UniqueFd mounted = tree.Open(entry.target, kStep);
  if (sys_mount_setattr_recursive(mounted.Get(), attributes) == 0) return;
  if (errno != ENOSYS) Fail("read-only", entry.text);
  RestrictByRemount(proc, tree.Root(), mounted.Get(), attributes);
}

}  // namespace
}  // namespace airplant
