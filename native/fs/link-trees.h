#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cancellation.h"
#include "fs/link-inodes.h"
#include "system-error.h"

namespace airplant {

// Something that is told of, and no failure.
struct LinkNotice {
  enum class Kind {
    writable,  // `path` is not linked, as its owner may write to it
    corrupt,   // the link `path` was not what its name says, and has been removed
    full,      // the directory of the links takes no more
    many,      // the link `path` has as many names as the file system allows
  };
  Kind kind;
  std::string path;
};

struct LinkedTrees {
  uint64_t files_linked = 0;
  uint64_t bytes_freed = 0;
  std::vector<LinkNotice> notices;
  std::vector<SystemError> failures;  // of trees that were given up
};

struct LinkOptions {
  // What has one of these inodes is passed over, and what becomes a link is added. Null: every file is looked at.
  LinkInodes* known = nullptr;
  // Links are read before files are replaced by them, and removed if they are not what they are called.
  bool check_links = false;
  // Files below `X.app/Contents` are left alone: macOS does not let them be linked.
  bool spare_applications = false;
};

// Replaces files and symlinks of trees in the directory `store` by hard links to equal ones in `store/.links`, which gets
// those that are the first of their kind, by the name of the hash of their archive. Directories are 0555 and have mtime 1
// afterwards, if something in them was replaced. A link that differs in size, mode or type, or in content where its mtime
// differs, is replaced by the file at hand.
//
// Throws SystemError for what lies outside the trees; a tree that cannot be worked through is in `failures`.
LinkedTrees LinkTrees(const std::string& store, const std::vector<std::string>& names, const LinkOptions& options,
                      const Cancellation& cancellation);

}  // namespace airplant
