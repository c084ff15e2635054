#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "unique-fd.h"

namespace airplant {

// The sandbox's root while it is being filled. A target is reached component by component from the root's descriptor,
// never through a symlink, `.` or `..`; missing parents are made with mode 0755. Functions throw SetupFailure with the
// step of the entry, or "make-target" where something could not be made to mount over or to put it in: a full disk is
// another matter than a refused mount.
class TargetTree {
 public:
  // `for_builder`: it is filled with files of a builder who is not the caller.
  TargetTree(UniqueFd root, bool for_builder) : root_(std::move(root)), for_builder_(for_builder) {}

  int Root() const { return root_.Get(); }
  bool ForBuilder() const { return for_builder_; }

  // The directory at `target`, made with mode 0755 if missing.
  UniqueFd MakeDirectory(const std::string& target, const char* step);

  // A file to mount over: made empty if nothing is there.
  UniqueFd MakeFile(const std::string& target, const char* step);

  // What is at `target` now: the mount, if one was put there.
  UniqueFd Open(const std::string& target, const char* step);

  // Where to create `target`: the directory it will be in (valid until the next call), and its last component.
  struct Place {
    int parent = -1;
    std::string name;
  };
  Place Locate(const std::string& target, const char* step);

  // Must be called when something was mounted at `target`: descriptors held below it are of what it now hides.
  void Forget(const std::string& target);

 private:
  UniqueFd root_;
  const bool for_builder_;
  // Targets come sorted, so the parent of the last one is mostly the parent of the next.
  std::string parent_path_;
  UniqueFd parent_;
};

}  // namespace airplant
