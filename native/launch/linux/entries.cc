#include "launch/linux/entries.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "launch/common/failure.h"
#include "launch/linux/bind.h"
#include "launch/linux/reversed-copy.h"

namespace airplant {

static void MakeDirectory(const Entry& entry, TargetTree& tree);
static void MakeFile(const Entry& entry, TargetTree& tree);
static void MakeSymlink(const Entry& entry, TargetTree& tree);
static void MountProc(const Entry& entry, TargetTree& tree);
static void MountTmpfs(const Entry& entry, TargetTree& tree);
static void MountDevpts(const Entry& entry, TargetTree& tree);

// A file system of its own, at a directory of the tree.
struct FileSystem {
  const char* type;
  const char* step;
  unsigned long flags;
  std::string options;
};
static void Mount(const FileSystem& what, const Entry& entry, TargetTree& tree);

void MakeEntry(const Entry& entry, TargetTree& tree, const Proc& proc) {
  switch (entry.kind) {
    case EntryKind::directory: return MakeDirectory(entry, tree);
    case EntryKind::file: return MakeFile(entry, tree);
    case EntryKind::symlink: return MakeSymlink(entry, tree);
    case EntryKind::bind: return Bind(entry, tree, proc);
    case EntryKind::proc: return MountProc(entry, tree);
    case EntryKind::tmpfs: return MountTmpfs(entry, tree);
    case EntryKind::devpts: return MountDevpts(entry, tree);
    case EntryKind::reversed: return CopyReversed(entry, tree, proc);
  }
}

static void MakeDirectory(const Entry& entry, TargetTree& tree) {
  constexpr char kStep[] = "make-directory";
  const TargetTree::Place place = tree.Locate(entry.target, kStep);
  const bool is_root = place.name == ".";
  const bool made = !is_root && mkdirat(place.parent, place.name.c_str(), 0700) == 0;
  if (!is_root && !made && errno != EEXIST) Fail(kStep, entry.target);
  const UniqueFd directory(
      openat(place.parent, place.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Check(directory.Get(), kStep, entry.target);
  // What was there before may have been mounted from the host, and its mode is not ours to change.
  if (is_root || made) Check(fchmod(directory.Get(), entry.mode), kStep, entry.target);
}

static void MakeFile(const Entry& entry, TargetTree& tree) {
  constexpr char kStep[] = "make-file";
  const TargetTree::Place place = tree.Locate(entry.target, kStep);
  const UniqueFd file(
      openat(place.parent, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  Check(file.Get(), kStep, entry.target);
  for (size_t done = 0; done < entry.text.size();) {
    const ssize_t size = write(file.Get(), entry.text.data() + done, entry.text.size() - done);
    if (size < 0 && errno == EINTR) continue;
    done += static_cast<size_t>(Check(size, kStep, entry.target));
  }
  Check(fchmod(file.Get(), entry.mode), kStep, entry.target);
}

static void MakeSymlink(const Entry& entry, TargetTree& tree) {
  constexpr char kStep[] = "make-symlink";
  const TargetTree::Place place = tree.Locate(entry.target, kStep);
  Check(symlinkat(entry.text.c_str(), place.parent, place.name.c_str()), kStep, entry.target);
}

static void MountProc(const Entry& entry, TargetTree& tree) {
  Mount({"proc", "mount-proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""}, entry, tree);
}

static void MountTmpfs(const Entry& entry, TargetTree& tree) {
  constexpr char kStep[] = "mount-tmpfs";
  // The size must not smuggle in further options.
  if (entry.text.find_first_not_of("0123456789kKmMgG%") != std::string::npos) Fail(kStep, entry.text, EINVAL);
  char mode[16];
  snprintf(mode, sizeof mode, "mode=%04o", entry.mode);
  const std::string options = entry.text.empty() ? mode : std::string(mode) + ",size=" + entry.text;
  Mount({"tmpfs", kStep, MS_NOSUID | MS_NODEV, options}, entry, tree);
}

static void MountDevpts(const Entry& entry, TargetTree& tree) {
  // Device nodes work here: the kernel makes them, nobody else can.
  Mount({"devpts", "mount-devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"}, entry, tree);
}

static void Mount(const FileSystem& what, const Entry& entry, TargetTree& tree) {
  const UniqueFd target = tree.MakeDirectory(entry.target, what.step);
  Check(fchdir(target.Get()), what.step, entry.target);
  Check(mount(what.type, ".", what.type, what.flags, what.options.c_str()), what.step, entry.target);
  tree.Forget(entry.target);
}

}  // namespace airplant
