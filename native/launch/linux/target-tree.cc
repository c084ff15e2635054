#include "launch/linux/target-tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "launch/common/failure.h"

namespace airplant {

static constexpr char kMakeStep[] = "make-target";

static std::string Normalise(const std::string& target, const char* step);
static UniqueFd Enter(int parent, const std::string& name, const std::string& target, const char* step);
static UniqueFd OpenDirectory(int parent, const char* name);
static UniqueFd OpenAny(int parent, const std::string& name, const std::string& target, const char* step);

UniqueFd TargetTree::MakeDirectory(const std::string& target, const char* step) {
  const Place place = Locate(target, step);
  return Enter(place.parent, place.name, target, step);
}

UniqueFd TargetTree::MakeFile(const std::string& target, const char* step) {
  const Place place = Locate(target, step);
  UniqueFd file(
      openat(place.parent, place.name.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
  if (file) return file;
  if (errno != EEXIST) Fail(kMakeStep, target);
  return OpenAny(place.parent, place.name, target, step);
}

UniqueFd TargetTree::Open(const std::string& target, const char* step) {
  const Place place = Locate(target, step);
  return OpenAny(place.parent, place.name, target, step);
}

TargetTree::Place TargetTree::Locate(const std::string& target, const char* step) {
  const std::string path = Normalise(target, step);
  if (path.empty()) return {root_.Get(), "."};
  const size_t slash = path.rfind('/');
  const std::string parent_path = path.substr(0, slash);
  if (parent_path.empty()) return {root_.Get(), path.substr(1)};

  if (!parent_ || parent_path != parent_path_) {
    UniqueFd directory;
    for (size_t at = 0; at < parent_path.size();) {
      const size_t end = std::min(parent_path.find('/', at + 1), parent_path.size());
      const int from = directory ? directory.Get() : root_.Get();
      directory = Enter(from, parent_path.substr(at + 1, end - at - 1), target, step);
      at = end;
    }
    parent_ = std::move(directory);
    parent_path_ = parent_path;
  }
  return {parent_.Get(), path.substr(slash + 1)};
}

void TargetTree::Forget(const std::string& target) {
  const std::string path = Normalise(target, "bind");
  const bool hidden = parent_path_.starts_with(path) &&
                      (parent_path_.size() == path.size() || parent_path_[path.size()] == '/');
  if (hidden) parent_.Reset();
}

// "/a//b/" becomes "/a/b" and "/" becomes "".
static std::string Normalise(const std::string& target, const char* step) {
  if (target.empty() || target[0] != '/') Fail(step, target, EINVAL);
  std::string path;
  for (size_t at = 0; at < target.size();) {
    const size_t end = std::min(target.find('/', at + 1), target.size());
    const std::string_view name = std::string_view(target).substr(at + 1, end - at - 1);
    if (name == "." || name == "..") Fail(step, target, EINVAL);
    if (!name.empty()) path.append("/").append(name);
    at = end;
  }
  return path;
}

static UniqueFd Enter(int parent, const std::string& name, const std::string& target, const char* step) {
  // Where a directory is, EROFS or EACCES may come before EEXIST.
  const bool made = mkdirat(parent, name.c_str(), 0755) == 0;
  const int error = errno;
  UniqueFd directory = OpenDirectory(parent, name.c_str());
  if (!directory && !made && errno == ENOENT) Fail(kMakeStep, target, error);
  Check(directory.Get(), step, target);
  return directory;
}

static UniqueFd OpenDirectory(int parent, const char* name) {
  return UniqueFd(openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Opened O_PATH, a symlink is itself; and nothing may be mounted on one.
static UniqueFd OpenAny(int parent, const std::string& name, const std::string& target, const char* step) {
  UniqueFd file(Check(openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC), step, target));
  struct stat info{};
  Check(fstat(file.Get(), &info), step, target);
  if (S_ISLNK(info.st_mode)) Fail(step, target, ELOOP);
  return file;
}

}  // namespace airplant
