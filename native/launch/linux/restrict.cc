#include "launch/linux/restrict.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "launch/common/failure.h"
#include "launch/linux/mount-table.h"
#include "launch/linux/syscalls.h"

namespace airplant {

static constexpr char kStep[] = "read-only";

static unsigned long ToMountFlags(uint64_t attributes);
static std::vector<MountLine> Unrestricted(const std::vector<MountLine>& table, int mount, unsigned long flags);
static std::string PathOf(const std::vector<MountLine>& table, int mount);
static void Remount(const Proc& proc, int at, unsigned long flags);

void RestrictByRemount(const Proc& proc, int root, int mounted, uint64_t attributes) {
  const unsigned long flags = ToMountFlags(attributes);
  const int mount_id = MountId(proc, mounted, kStep);
  const int root_id = MountId(proc, root, kStep);

  for (size_t left_before = SIZE_MAX;;) {
    const auto table = ParseMountTable(proc.Read("self/mountinfo", kStep));
    const auto left = Unrestricted(table, mount_id, flags);
    if (left.empty()) return;
    if (left.size() >= left_before) Fail(kStep, left.front().path, EBUSY);
    left_before = left.size();

    const std::string root_path = PathOf(table, root_id);
    for (const MountLine& mount : left) {
      // Opened from the root, and only if that leads to this very mount: another one may lie over it.
      std::string path = mount.path.substr(root_path == "/" ? 0 : root_path.size());
      path = path.empty() ? "." : path.substr(1);
      const UniqueFd at(openat(root, path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      Check(at.Get(), kStep, mount.path);
      if (MountId(proc, at.Get(), kStep) == mount.id) Remount(proc, at.Get(), mount.flags | flags);
    }
  }
}

void RestrictOneByRemount(const Proc& proc, int mounted, uint64_t attributes) {
  const int mount_id = MountId(proc, mounted, kStep);
  const auto table = ParseMountTable(proc.Read("self/mountinfo", kStep));
  const auto has_id = [&](const MountLine& line) { return line.id == mount_id; };
  const auto mount = std::find_if(table.begin(), table.end(), has_id);
  if (mount == table.end()) Fail(kStep, "/proc/self/mountinfo", ENOENT);
  Remount(proc, mounted, mount->flags | ToMountFlags(attributes));
}

static unsigned long ToMountFlags(uint64_t attributes) {
  unsigned long flags = 0;
  if (attributes & kMountReadOnly) flags |= MS_RDONLY;
  if (attributes & kMountNoSuid) flags |= MS_NOSUID;
  if (attributes & kMountNoDev) flags |= MS_NODEV;
  return flags;
}

static std::vector<MountLine> Unrestricted(const std::vector<MountLine>& table, int mount, unsigned long flags) {
  std::vector<MountLine> left;
  const std::vector<MountLine> reachable = ReachableSubtree(table, mount);
  if (reachable.empty()) Fail(kStep, "/proc/self/mountinfo", ENOENT);
  for (const MountLine& line : reachable) {
    if ((line.flags & flags) != flags) left.push_back(line);
  }
  return left;
}

static std::string PathOf(const std::vector<MountLine>& table, int mount) {
  for (const MountLine& line : table) {
    if (line.id == mount) return line.path;
  }
  Fail(kStep, "/proc/self/mountinfo", ENOENT);
}

// `flags` repeats those the mount has: leaving out a locked one would be refused.
static void Remount(const Proc& proc, int at, unsigned long flags) {
  Check(fchdir(proc.Get()), kStep);
  const std::string name = FdName(at);
  Check(mount(nullptr, name.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr), kStep, name);
}

}  // namespace airplant
