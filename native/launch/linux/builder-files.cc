#include "launch/linux/builder-files.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/common/failure.h"
#include "launch/linux/chown-tree.h"

namespace airplant {

static constexpr char kGiveStep[] = "give-files";
static constexpr char kTakeBackStep[] = "take-back-files";

static bool BuilderIsSomebodyElse(const SandboxSpec& spec);
static void GiveTerminal(int terminal, uid_t uid, gid_t gid);

BuilderFiles::BuilderFiles(const SandboxSpec& spec) : needed_(BuilderIsSomebodyElse(spec)) {
  if (!needed_) return;
  if (spec.root_kind == RootKind::directory) Open(spec.root);
  for (const Entry& entry : spec.entries) {
    if (entry.for_builder) Open(entry.text);
  }
}

void BuilderFiles::Give(const SandboxSpec& spec, const Launch& launch) const {
  if (!needed_) return;
  for (const int directory : descriptors_) ChownTree(directory, spec.uid, spec.gid, kGiveStep);
  GiveTerminal(launch.stdio[1], spec.uid, spec.gid);
  setfsgid(spec.gid);
  setfsuid(spec.uid);
  // They report no failure: the next call tells what the last one came to.
  if (setfsgid(spec.gid) != static_cast<int>(spec.gid) || setfsuid(spec.uid) != static_cast<int>(spec.uid)) {
    Fail("set-ids", {}, EPERM);
  }
}

void BuilderFiles::TakeBack() const {
  for (const int directory : descriptors_) ChownTree(directory, geteuid(), getegid(), kTakeBackStep);
}

void BuilderFiles::Open(const std::string& path) {
  UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  descriptors_.push_back(Check(directory.Get(), kGiveStep, path));
  directories_.push_back(std::move(directory));
}

// Seen from inside the namespaces of `spec`, where the caller has an id, too.
static bool BuilderIsSomebodyElse(const SandboxSpec& spec) {
  if (!spec.uid_map) return false;
  return spec.id_count > 1 || geteuid() != spec.uid || getegid() != spec.gid;
}

// Builders open it by name (/dev/stderr) as well. Its group is the one that terminals have on the host: an owner may change
// it for its own, and only files whose owner and group both have ids here can be given away.
static void GiveTerminal(int terminal, uid_t uid, gid_t gid) {
  if (!isatty(terminal)) return;
  Check(fchown(terminal, static_cast<uid_t>(-1), getegid()), kGiveStep, "the terminal of the log");
  Check(fchown(terminal, uid, gid), kGiveStep, "the terminal of the log");
}

CallersPermissions::CallersPermissions(bool needed) : needed_(needed) {
  if (!needed_) return;
  uid_ = setfsuid(geteuid());
  gid_ = setfsgid(getegid());
}

CallersPermissions::~CallersPermissions() {
  if (!needed_) return;
  setfsgid(static_cast<gid_t>(gid_));
  setfsuid(static_cast<uid_t>(uid_));
}

}  // namespace airplant
