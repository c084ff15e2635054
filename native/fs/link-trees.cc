#include "fs/link-trees.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "fs/file-hash.h"
#include "fs/open-directory.h"
#include "fs/syscalls.h"
#include "fs/tree-walk.h"

namespace airplant {

namespace {

constexpr struct timespec kCanonicalTimes[2] = {{0, UTIME_OMIT}, {1, 0}};

// Links that vanish whenever they have been found have somebody working against us.
constexpr int kAttempts = 100;

// `.links` and the directory it is in, where a new name is made before it takes the place of a file.
class LinkDirectory {
 public:
  explicit LinkDirectory(const std::string& store)
      : store_(open(store.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), path_(store) {
    if (!store_) throw SystemError(errno, "open", store);
    Open();
  }

  int Store() const { return store_.Get(); }
  int Links() const { return links_.Get(); }
  std::string PathOf(const std::string& link) const { return path_ + "/.links/" + link; }

  // Opens it, and makes it where it has vanished, as opening a store does.
  void Open() {
    if (mkdirat(store_.Get(), ".links", 0755) < 0 && errno != EEXIST) throw SystemError(errno, "mkdir", PathOf(""));
    links_.Reset(openat(store_.Get(), ".links", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!links_) throw SystemError(errno, "open", PathOf(""));
  }

 private:
  UniqueFd store_;
  UniqueFd links_;
  const std::string path_;
};

// Nix's name for such; collectors delete what an interruption leaves.
std::string TemporaryLink() {
  static std::atomic<unsigned> counter{0};
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return ".tmp-link-" + std::to_string(getpid()) + "-" + std::to_string(now.tv_nsec) + std::to_string(counter++);
}

class Linker final : public TreeVisitor {
 public:
  Linker(LinkDirectory& directory, const LinkOptions& options, LinkedTrees& result, const Cancellation& cancellation)
      : directory_(directory), options_(options), result_(result), cancellation_(cancellation) {}

  // Makes the open directories canonical that were made writable.
  void Restore() {
    for (const int fd : writable_) MakeCanonical(fd);
    writable_.clear();
  }

 private:
  int OpenDirectory(const TreeEntry& entry) override { return OpenDirectoryBeneath(entry.parent, entry.name); }

  void EnterDirectory(const TreeEntry& entry, int) override {
    if (!options_.spare_applications) return;
    names_.resize(entry.depth);
    names_.emplace_back(entry.name);
  }

  void LeaveDirectory(const TreeEntry& entry, int fd) override {
    if (options_.spare_applications) names_.resize(entry.depth);
    if (writable_.empty() || writable_.back() != fd) return;
    writable_.pop_back();
    if (!MakeCanonical(fd)) Fail(errno, "fchmod");
  }

  bool Passes(ino_t inode) const override { return options_.known && options_.known->Has(inode); }

  void Regular(const TreeEntry& entry) override {
    struct stat st = Status(entry);
    if (!S_ISREG(st.st_mode)) Fail(EBUSY, "lstat", "changed its type meanwhile");
    if (st.st_mode & S_IWUSR) return Note(LinkNotice::Kind::writable, PathOf());
    Link(entry, st);
  }

  void Symlink(const TreeEntry& entry) override {
    const struct stat st = Status(entry);
    if (!S_ISLNK(st.st_mode)) Fail(EBUSY, "lstat", "changed its type meanwhile");
    Link(entry, st);
  }

  struct stat Status(const TreeEntry& entry) const {
    struct stat st;
    if (fstatat(entry.parent, entry.name, &st, AT_SYMLINK_NOFOLLOW) < 0) Fail(errno, "lstat");
    return st;
  }

  void Link(const TreeEntry& entry, const struct stat& st) {
    if (options_.known && st.st_nlink > 1 && options_.known->Has(st.st_ino)) return;
    if (InApplication(entry)) return;
    const FileHash hash = HashFile(entry.parent, entry.name, st, cancellation_);
    if (hash.failure) Fail(errno, hash.failure);
    for (int attempt = 0; attempt < kAttempts; attempt++) {
      switch (Find(hash.name, st)) {
        case Found::same:
          return;
        case Found::other:
          if (Replace(entry, hash.name, st)) return;
          break;
        case Found::nothing:
          if (Add(entry, hash.name, st)) return;
          break;
        case Found::unusable:
          return;
      }
    }
    Fail(EBUSY, "link", "its link changes all the time");
  }

  enum class Found { same, other, nothing, unusable };

  // Looks for the link; one that is not what it is called is removed.
  Found Find(const std::string& name, const struct stat& st) {
    struct stat link;
    if (fstatat(directory_.Links(), name.c_str(), &link, AT_SYMLINK_NOFOLLOW) < 0) {
      if (errno != ENOENT) Fail(errno, "lstat");
      return Found::nothing;
    }
    if (link.st_ino == st.st_ino && link.st_dev == st.st_dev) return Found::same;
    if (!MayTrust(link, st)) return Found::unusable;
    if (IsSound(name, link, st)) return Found::other;
    Note(LinkNotice::Kind::corrupt, directory_.PathOf(name));
    if (unlinkat(directory_.Links(), name.c_str(), 0) == 0 || errno == ENOENT) return Found::nothing;
    if (S_ISDIR(link.st_mode)) return Found::unusable;
    Fail(errno, "unlink");
  }

  // Whoever owns a file can change it later. A link of somebody else is left to him, as it may be sound to his files.
  static bool MayTrust(const struct stat& link, const struct stat& st) {
    return link.st_uid == st.st_uid || link.st_uid == geteuid() || link.st_uid == 0;
  }

  // Nix compares sizes alone, and so gives files the mode of a link that was changed.
  bool IsSound(const std::string& name, const struct stat& link, const struct stat& st) {
    if (link.st_mode != st.st_mode || link.st_size != st.st_size) return false;
    const struct timespec ours = ModificationTime(st), theirs = ModificationTime(link);
    const bool touched = ours.tv_sec != theirs.tv_sec || ours.tv_nsec != theirs.tv_nsec;
    if (!touched && !options_.check_links) return true;
    return HashFile(directory_.Links(), name.c_str(), link, cancellation_).name == name;
  }

  // False: somebody was faster, or has taken `.links` away.
  bool Add(const TreeEntry& entry, const std::string& name, const struct stat& st) {
    if (linkat(entry.parent, entry.name, directory_.Links(), name.c_str(), 0) == 0) {
      if (options_.known) options_.known->Add(st.st_ino);
      return true;
    }
    switch (errno) {
      case EEXIST:
        return false;
      case ENOENT:
        Status(entry);
        directory_.Open();
        return false;
      // On ext4 the index of the directory is full.
      case ENOSPC:
        Note(LinkNotice::Kind::full, directory_.PathOf(name));
        return true;
      case EMLINK:
        return true;
      default:
        Fail(errno, "link");
    }
  }

  // False: the link has vanished.
  bool Replace(const TreeEntry& entry, const std::string& name, const struct stat& st) {
    std::string temporary;
    do {
      temporary = TemporaryLink();
      if (linkat(directory_.Links(), name.c_str(), directory_.Store(), temporary.c_str(), 0) == 0) break;
      if (errno == ENOENT) {
        directory_.Open();
        return false;
      }
      if (errno == EMLINK) return TooMany(name, st);
      if (errno != EEXIST) Fail(errno, "link");
    } while (true);
    const int error = Exchange(entry, temporary);
    // A file that has become this very link meanwhile leaves rename(2) nothing to do.
    unlinkat(directory_.Store(), temporary.c_str(), 0);
    // Some file systems count the name that goes as well.
    if (error == EMLINK) return TooMany(name, st);
    if (error != 0) Fail(error, "rename");
    result_.files_linked++;
    result_.bytes_freed += static_cast<uint64_t>(st.st_size);
    return true;
  }

  // 0 or an errno.
  int Exchange(const TreeEntry& entry, const std::string& temporary) {
    if (entry.depth > 0 && (writable_.empty() || writable_.back() != entry.parent)) {
      struct stat directory;
      if (fstat(entry.parent, &directory) < 0) return errno;
      writable_.push_back(entry.parent);
      if (fchmod(entry.parent, (directory.st_mode & 07777) | 0700) < 0) return errno;
    }
    for (int attempt = 0; renameat(directory_.Store(), temporary.c_str(), entry.parent, entry.name) < 0; attempt++) {
      if (errno != EACCES || entry.depth == 0 || attempt == kAttempts) return errno;
      // Somebody else who links here is done, and has made the directory read-only again.
      if (fchmod(entry.parent, 0755) < 0) return errno;
    }
    return 0;
  }

  // Likely of empty files, and then not worth a word.
  bool TooMany(const std::string& name, const struct stat& st) {
    if (st.st_size > 0) Note(LinkNotice::Kind::many, directory_.PathOf(name));
    return true;
  }

  bool InApplication(const TreeEntry& entry) const {
    for (size_t depth = 1; depth < names_.size() && depth < entry.depth; depth++) {
      if (names_[depth] == "Contents" && names_[depth - 1].ends_with(".app")) return true;
    }
    return false;
  }

  static bool MakeCanonical(int fd) { return fchmod(fd, 0555) == 0 && futimens(fd, kCanonicalTimes) == 0; }

  void Note(LinkNotice::Kind kind, std::string path) { result_.notices.push_back({kind, std::move(path)}); }

  LinkDirectory& directory_;
  const LinkOptions& options_;
  LinkedTrees& result_;
  const Cancellation& cancellation_;
  std::vector<int> writable_;       // open directories, the innermost last
  std::vector<std::string> names_;  // of the directories that lead here
};

void LinkTree(const Location& root, LinkDirectory& directory, const LinkOptions& options, LinkedTrees& result,
              const Cancellation& cancellation) {
  Linker linker(directory, options, result, cancellation);
  TreeWalk walk(linker, cancellation);
  try {
    walk.Run(root);
  } catch (...) {
    linker.Restore();
    throw;
  }
}

}  // namespace

LinkedTrees LinkTrees(const std::string& store, const std::vector<std::string>& names, const LinkOptions& options,
                      const Cancellation& cancellation) {
  LinkedTrees result;
  LinkDirectory directory(store);
  for (const std::string& name : names) {
    try {
      LinkTree(Locate(store + "/" + name), directory, options, result, cancellation);
    } catch (const SystemError& error) {
      if (error.error == ECANCELED) throw;
      result.failures.push_back(error);
    }
  }
  return result;
}

}  // namespace airplant
