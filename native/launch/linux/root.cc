#include "launch/linux/root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "launch/common/failure.h"
#include "launch/linux/builder-files.h"
#include "launch/linux/entries.h"
#include "launch/linux/restrict.h"
#include "launch/linux/syscalls.h"
#include "launch/linux/target-tree.h"

namespace airplant {

static constexpr char kStep[] = "mount-root";

static UniqueFd MountRoot(const SandboxSpec& spec, const Proc& proc, bool for_builder);
static UniqueFd MountDirectory(const std::string& path, const Proc& proc);
static UniqueFd MountTmpfs();
static void MakeReadOnly(int root, const Proc& proc);

void EnterRoot(const SandboxSpec& spec, const Proc& proc, bool for_builder) {
  // Otherwise mounts made here could show up on the host, and the host's here.
  Check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount-private", "/");

  TargetTree tree(MountRoot(spec, proc, for_builder), for_builder);
  for (const Entry& entry : spec.entries) MakeEntry(entry, tree, proc);
  if (spec.read_only_root) MakeReadOnly(tree.Root(), proc);

  // The old root lands on top of the new one, and is taken off from there: no directory is needed to keep it.
  Check(fchdir(tree.Root()), "pivot-root");
  Check(sys_pivot_root(".", "."), "pivot-root");
  Check(umount2(".", MNT_DETACH), "detach-host-root");
  Check(chdir("/"), "pivot-root");
}

// A descriptor of the mount's root.
static UniqueFd MountRoot(const SandboxSpec& spec, const Proc& proc, bool for_builder) {
  if (spec.root_kind == RootKind::tmpfs) return MountTmpfs();
  const CallersPermissions permissions(for_builder);
  return MountDirectory(spec.root, proc);
}

// pivot_root takes mounts only, so the directory is bound onto itself.
static UniqueFd MountDirectory(const std::string& path, const Proc& proc) {
  constexpr uint64_t kAttributes = kMountNoSuid | kMountNoDev;
  const UniqueFd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Check(directory.Get(), kStep, path);
  UniqueFd root(sys_open_tree(directory.Get(), "", kOpenTreeClone | kAtRecursive | AT_EMPTY_PATH));
  if (root) {
    Check(sys_move_mount(root.Get(), directory.Get()), kStep, path);
  } else {
    if (errno != ENOSYS) Fail(errno == ENOSPC ? kCopyMountsStep : kStep, path);
    Check(fchdir(directory.Get()), kStep, path);
    Check(mount(".", ".", nullptr, MS_BIND | MS_REC, nullptr), kStep, path);
    // `.` is still the directory below; its name is looked up once more, and must lead onto the mount.
    root = UniqueFd(Check(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), kStep, path));
  }
  if (sys_mount_setattr_recursive(root.Get(), kAttributes) != 0) {
    if (errno != ENOSYS) Fail(kStep, path);
    RestrictByRemount(proc, root.Get(), root.Get(), kAttributes);
  }
  return root;
}

// Mounted over `/`, which every process has: absolute paths still start below it, at the root this process has, so
// that sources keep their meaning; `/..` climbs onto it.
static UniqueFd MountTmpfs() {
  Check(mount("tmpfs", "/", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"), kStep, "tmpfs");
  return UniqueFd(Check(open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC), kStep, "tmpfs"));
}

// The root alone: what is mounted inside it has been given its own attributes.
static void MakeReadOnly(int root, const Proc& proc) {
  if (sys_mount_setattr(root, kMountReadOnly) == 0) return;
  if (errno != ENOSYS) Fail("read-only", "/");
  RestrictOneByRemount(proc, root, kMountReadOnly);
}

}  // namespace airplant
