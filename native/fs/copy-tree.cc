#include "fs/copy-tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "fs/copy-file.h"
#include "fs/remove-tree.h"
#include "fs/tree-walk.h"

namespace airplant {

namespace {

class Copier final : public TreeVisitor {
 public:
  Copier(const Location& target, const Cancellation& cancellation) : target_(target), cancellation_(cancellation) {}

  // Something has been made at the target.
  bool Started() const { return started_; }

 private:
  void EnterDirectory(const TreeEntry& entry, int) override {
    const FileAt to = TargetOf(entry);
    if (mkdirat(to.parent, to.name, 0777) < 0) Fail(errno, "mkdir");
    started_ = true;
    UniqueFd fd(openat(to.parent, to.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) Fail(errno, "open");
    directories_.push_back(std::move(fd));
  }

  void LeaveDirectory(const TreeEntry&, int) override { directories_.pop_back(); }

  void Regular(const TreeEntry& entry) override {
    Finish(CopyRegular({entry.parent, entry.name}, TargetOf(entry), cancellation_));
  }

  void Symlink(const TreeEntry& entry) override {
    Finish(CopySymlink({entry.parent, entry.name}, TargetOf(entry)));
  }

  void Finish(const CopyFailure& failure) {
    if (failure.call != nullptr) Fail(failure.error, failure.call);
    started_ = true;
  }

  FileAt TargetOf(const TreeEntry& entry) const {
    if (entry.depth == 0) return {target_.parent.Get(), target_.name.c_str()};
    return {directories_.back().Get(), entry.name};
  }

  const Location& target_;
  const Cancellation& cancellation_;
  std::vector<UniqueFd> directories_;
  bool started_ = false;
};

}  // namespace

void CopyTree(const std::string& from, const std::string& to, const Cancellation& cancellation) {
  const Location source = Locate(from);
  const Location target = Locate(to);
  Copier copier(target, cancellation);
  try {
    TreeWalk(copier, cancellation).Run(source);
  } catch (...) {
    if (copier.Started()) {
      try {
        RemoveTree(target, Cancellation());
      } catch (const SystemError&) {
        // The first failure is the one to report.
      }
    }
    throw;
  }
}

}  // namespace airplant
