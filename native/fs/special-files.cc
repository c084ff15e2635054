#include "fs/special-files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <unordered_map>
#include <vector>

#include "fs/directory-reader.h"
#include "fs/syscalls.h"
#include "system-error.h"
#include "unique-fd.h"

namespace airplant {

namespace {

constexpr size_t kMostDirectories = 1000000;
constexpr char kMagic[] = "airplant directories 1";

// What a directory was when it was last read. `changed` is nanoseconds of ctime.
struct Stamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t changed = 0;
  bool operator==(const Stamp&) const = default;
};
using Directories = std::unordered_map<std::string, Stamp>;

// Of a directory that changed so lately that another change might leave the same time, or that was closed: never equal to a
// real one.
constexpr int64_t kTooFresh = -1;
constexpr int64_t kSecond = 1000000000;

class Search {
 public:
  Search(const std::string& root, Directories known, const Cancellation& cancellation)
      : path_(root), known_(std::move(known)), cancellation_(cancellation) {}
  SpecialSearch Run();

 private:
  bool Unchanged(const std::string& directory, const Stamp& before) const;
  // True when a special file was found in it.
  bool Read(const std::string& directory);
  UniqueFd Open(const std::string& directory) const;
  FileType TypeOf(int parent, const DirectoryEntry& entry) const;

  const std::string path_;
  const Directories known_;
  const Cancellation& cancellation_;
  UniqueFd root_;
  int64_t fresh_ = 0;
  DirectoryReader reader_;
  std::vector<std::string> pending_;
  Directories seen_;
  std::string found_;
};

Stamp StampOf(const struct stat& info);
int64_t Nanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }
std::string Join(const std::string& directory, const char* name);
std::string Serialise(const Directories& directories);
Directories Parse(const std::string& bytes);

}  // namespace

SpecialSearch FindSpecialFile(const std::string& root, const std::string& known, const Cancellation& cancellation) {
  return Search(root, Parse(known), cancellation).Run();
}

namespace {

SpecialSearch Search::Run() {
  root_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root_) throw SystemError(errno, "open", path_);
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  fresh_ = Nanoseconds(now) - 2 * kSecond;

  pending_.push_back(".");
  for (const auto& [directory, stamp] : known_) {
    cancellation_.Check();
    if (!Unchanged(directory, stamp)) {
      pending_.push_back(directory);
    } else {
      seen_.emplace(directory, stamp);
    }
  }
  while (!pending_.empty()) {
    cancellation_.Check();
    const std::string directory = std::move(pending_.back());
    pending_.pop_back();
    if (seen_.count(directory) != 0) continue;
    if (seen_.size() >= kMostDirectories) throw SystemError(EOVERFLOW, "search", path_);
    if (Read(directory)) return {found_, {}};
  }
  return {{}, Serialise(seen_)};
}

bool Search::Unchanged(const std::string& directory, const Stamp& before) const {
  struct stat info;
  return fstatat(root_.Get(), directory.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode) &&
         StampOf(info) == before;
}

bool Search::Read(const std::string& directory) {
  const UniqueFd fd = Open(directory);
  if (!fd) {
    // Looked at again next time: to open it would leave no trace in the directory above, where it is known from.
    if (errno == EACCES) seen_.emplace(directory, Stamp{0, 0, kTooFresh});
    return false;
  }
  struct stat info;
  if (fstat(fd.Get(), &info) != 0) throw SystemError(errno, "fstat", Join(path_, directory.c_str()));
  // Taken before the names are read: what comes later makes it look changed.
  Stamp stamp = StampOf(info);
  if (stamp.changed >= fresh_) stamp.changed = kTooFresh;
  if (!reader_.Open(fd.Get())) throw SystemError(errno, "getdents", Join(path_, directory.c_str()));
  DirectoryEntry entry;
  int more;
  while ((more = reader_.Next(&entry)) > 0) {
    cancellation_.Check();
    const FileType type = entry.type == FileType::unknown ? TypeOf(fd.Get(), entry) : entry.type;
    if (type == FileType::directory) pending_.push_back(Join(directory, entry.name));
    if (type == FileType::other) {
      found_ = Join(directory, entry.name);
      return true;
    }
  }
  if (more < 0) throw SystemError(errno, "getdents", Join(path_, directory.c_str()));
  seen_.emplace(directory, stamp);
  return false;
}

// Empty, with errno, where there is nothing to be seen by this caller, and so by the builder, who has the same rights.
UniqueFd Search::Open(const std::string& directory) const {
  UniqueFd fd(openat(root_.Get(), directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd || errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return fd;
  const int error = errno;
  const bool searchable = faccessat(root_.Get(), directory.c_str(), X_OK, AT_EACCESS) == 0;
  errno = error;
  if (error == EACCES && !searchable) return fd;
  throw SystemError(error, "open", Join(path_, directory.c_str()));
}

FileType Search::TypeOf(int parent, const DirectoryEntry& entry) const {
  struct stat info;
  if (fstatat(parent, entry.name, &info, AT_SYMLINK_NOFOLLOW) != 0) return FileType::unknown;
  return FileTypeOf(info.st_mode);
}

Stamp StampOf(const struct stat& info) {
  return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino), Nanoseconds(ChangeTime(info))};
}

std::string Join(const std::string& directory, const char* name) {
  return directory == "." ? name : directory + "/" + name;
}

std::string Serialise(const Directories& directories) {
  std::string bytes(kMagic, sizeof kMagic);
  for (const auto& [directory, stamp] : directories) {
    bytes.append(reinterpret_cast<const char*>(&stamp), sizeof stamp);
    bytes.append(directory.c_str(), directory.size() + 1);
  }
  return bytes;
}

Directories Parse(const std::string& bytes) {
  Directories directories;
  if (bytes.compare(0, sizeof kMagic, kMagic, sizeof kMagic) != 0) return directories;
  size_t at = sizeof kMagic;
  while (at + sizeof(Stamp) < bytes.size() && directories.size() < kMostDirectories) {
    Stamp stamp;
    memcpy(&stamp, bytes.data() + at, sizeof stamp);
    at += sizeof stamp;
    const size_t end = bytes.find('\0', at);
    if (end == std::string::npos) break;
    directories.emplace(bytes.substr(at, end - at), stamp);
    at = end + 1;
  }
  return directories;
}

}  // namespace
}  // namespace airplant
