#include "builtin/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "builtin/attributes.h"
#include "unique-fd.h"

namespace airplant {

std::optional<std::vector<std::string>> ListDirectory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (!directory) {
    if (errno == ENOTDIR) return std::nullopt;
    throw SystemFailure("opening directory", path);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) break;
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names.push_back(entry->d_name);
  }
  if (errno != 0) throw SystemFailure("reading directory", path);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<mode_t> TypeIfThere(const std::string& path) {
  struct stat found{};
  if (lstat(path.c_str(), &found) == 0) return found.st_mode & S_IFMT;
  if (errno == ENOENT) return std::nullopt;
  throw SystemFailure("getting status of", path);
}

std::optional<std::string> ReadFileIfThere(const std::string& path) {
  // Opening a FIFO must not hang.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw SystemFailure("opening file", path);
  }
  struct stat found{};
  if (fstat(file.Get(), &found) != 0) throw SystemFailure("getting status of", path);
  if (!S_ISREG(found.st_mode)) throw BuiltinFailure("'" + path + "' is not a regular file");
  std::string contents;
  char buffer[4096];
  for (;;) {
    const ssize_t size = read(file.Get(), buffer, sizeof buffer);
    if (size == 0) return contents;
    if (size < 0) throw SystemFailure("reading from file", path);
    contents.append(buffer, static_cast<size_t>(size));
  }
}

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), free);
  if (!real) throw SystemFailure("following the symlinks of", path);
  return real.get();
}

std::string ReadSymlink(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = readlink(path.c_str(), target, sizeof target);
  if (length < 0) throw SystemFailure("reading symbolic link", path);
  return std::string(target, static_cast<size_t>(length));
}

void MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0) throw SystemFailure("creating directory", path);
}

void MakeSymlink(const std::string& target, const std::string& path) {
  if (symlink(target.c_str(), path.c_str()) != 0) throw SystemFailure("creating symlink", path);
}

void RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0) throw SystemFailure("unlinking", path);
}

void Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) throw SystemFailure("renaming to", to);
}

}  // namespace airplant
