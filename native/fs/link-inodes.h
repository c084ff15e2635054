#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <unordered_set>

namespace airplant {

// Inodes of the files that a store has in `.links`: whatever has one of them is linked already. Used by several threads.
class LinkInodes {
 public:
  void Add(ino_t inode) {
    const std::lock_guard lock(mutex_);
    inodes_.insert(inode);
  }
  bool Has(ino_t inode) const {
    const std::lock_guard lock(mutex_);
    return inodes_.contains(inode);
  }
  size_t Size() const {
    const std::lock_guard lock(mutex_);
    return inodes_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<ino_t> inodes_;
};

// Reads the directory `path`; nothing if it does not exist. Throws SystemError.
void LoadLinkInodes(const std::string& path, LinkInodes& inodes);

}  // namespace airplant
