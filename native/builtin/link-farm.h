#pragma once

#include <map>
#include <string>

namespace airplant {

// Merges directories into one of symlinks: a directory that only one of them has is a single symlink, one that several
// have is a directory of symlinks. Where several have a file, that of the lowest priority number counts.
class LinkFarm {
 public:
  // Links what is in `source` from the directory `target`, which exists. Throws BuiltinFailure where two files have the
  // same priority, or a file meets a directory; what has been made by then stays.
  void Add(const std::string& source, const std::string& target, int priority);

 private:
  void AddEntry(const std::string& source, const std::string& target, int priority);
  void AddDirectory(const std::string& source, const std::string& target, int priority);
  void AddFile(const std::string& source, const std::string& target, int priority);
  void Link(const std::string& source, const std::string& target, int priority);

  // Of each symlink.
  std::map<std::string, int> priorities_;
};

}  // namespace airplant
