#pragma once

#include <functional>
#include <vector>

#include "launch/backend.h"
#include "spec.h"
#include "unique-fd.h"

namespace airplant {

// The directories of a spec that belong to the builder while it lives, held open from before the sandbox until after it. All
// functions are for a process with every capability in the namespace where the builder and the caller both have ids.
class BuilderFiles {
 public:
  // There are none where the builder's files are the caller's anyway. Throws SetupFailure.
  explicit BuilderFiles(const SandboxSpec& spec);

  // Gives them, and the terminal of the log, to the builder, and from now on whatever this process makes. Throws
  // SetupFailure.
  void Give(const SandboxSpec& spec, const Launch& launch) const;

  // Everything the builder has left there becomes the caller's, as nobody else could remove it: for when it is dead.
  // Throws SetupFailure.
  void TakeBack() const;

  // The builder is somebody else.
  bool Needed() const { return needed_; }

  const std::vector<int>& Descriptors() const { return descriptors_; }

 private:
  void Open(const std::string& path);

  const bool needed_;
  std::vector<UniqueFd> directories_;
  std::vector<int> descriptors_;
};

// While this lives, files are reached with the caller's permissions and not with the builder's: sources of mounts may lie
// where the builder may not look.
class CallersPermissions {
 public:
  explicit CallersPermissions(bool needed);
  ~CallersPermissions();
  CallersPermissions(const CallersPermissions&) = delete;

 private:
  const bool needed_;
  int uid_ = 0;
  int gid_ = 0;
};

}  // namespace airplant
