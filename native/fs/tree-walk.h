#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "cancellation.h"
#include "fs/directory-reader.h"
#include "fs/file-type.h"
#include "fs/location.h"
#include "system-error.h"
#include "unique-fd.h"

namespace airplant {

// Files that are inside one another, the root of the tree being the first. Nix's reader refuses a NAR nested deeper,
// so a deeper tree could never be restored (ts/formats/nar/event.ts has the same number).
inline constexpr size_t kMaxDepth = 64;

// Also of a name in a NAR; some file systems allow more.
inline constexpr size_t kMaxName = 255;

// One file of a tree, as a descriptor of its directory and a single path component.
struct TreeEntry {
  int parent;
  const char* name;
  size_t depth;  // 0 for the root of the tree
};

// What to do at each file. Every function may throw SystemError; `Fail` makes one with the whole path.
class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;

  // Opens a directory that is about to be entered; -1 with errno on failure.
  virtual int OpenDirectory(const TreeEntry& entry);

  // Before and after what is in a directory; `fd` is the directory itself.
  virtual void EnterDirectory(const TreeEntry& entry, int fd) = 0;
  virtual void LeaveDirectory(const TreeEntry& entry, int fd) = 0;

  virtual void Regular(const TreeEntry& entry) = 0;
  virtual void Symlink(const TreeEntry& entry) = 0;

  // Whether nothing is to be done at a file, which is told by what its directory says of it alone.
  virtual bool Passes(ino_t inode) const { return false; }

  // What a name on disk stands for: its first bytes, all of them unless told otherwise. Files of a directory are visited
  // in the order of these, and must differ in them.
  virtual std::string_view NameOf(std::string_view on_disk) const { return on_disk; }

 protected:
  // Throws for the file being visited.
  [[noreturn]] void Fail(int error, const char* syscall, const char* detail = "") const;

  // Of the file being visited.
  std::string PathOf() const;

 private:
  friend class TreeWalk;
  const class TreeWalk* walk_ = nullptr;
};

// Visits a tree in the order of a NAR: names sorted by bytes, a directory before what is in it. Iterative, and with
// at most kMaxDepth descriptors. Symlinks are never followed, and files of other types never opened: they,
// and trees nested too deep, are a SystemError.
class TreeWalk {
 public:
  TreeWalk(TreeVisitor& visitor, const Cancellation& cancellation);

  void Run(const Location& root);

 private:
  friend class TreeVisitor;

  struct Item {
    size_t name;    // offset in `names`
    size_t length;  // of what it stands for
    FileType type;
  };
  struct Frame {
    UniqueFd fd;
    std::string names;
    std::vector<Item> items;
    size_t next = 0;
  };

  void Visit(const TreeEntry& entry, FileType type);
  void Descend(const TreeEntry& entry);
  void List(Frame& frame);
  TreeEntry EntryOf(size_t depth) const;
  std::string CurrentPath() const;

  TreeVisitor& visitor_;
  const Cancellation& cancellation_;
  const Location* root_ = nullptr;
  DirectoryReader reader_;
  std::vector<Frame> frames_;  // kept for reuse; the first `depth_` are open directories
  size_t depth_ = 0;
  bool leaving_ = false;  // the current file is the innermost open directory, not an item of it
};

}  // namespace airplant
