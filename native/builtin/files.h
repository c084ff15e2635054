#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace airplant {

// What builtin builders do with files. They run where a builder runs, so no path can lead them out of the sandbox. All
// throw BuiltinFailure.

// Names in it without `.` and `..`, sorted; nothing for what is not a directory.
std::optional<std::vector<std::string>> ListDirectory(const std::string& path);

// S_IFREG and the like, of the file itself if it is a symlink; nothing where there is none.
std::optional<mode_t> TypeIfThere(const std::string& path);

// The contents of a regular file, nothing where there is none.
std::optional<std::string> ReadFileIfThere(const std::string& path);

// The path with all symlinks followed.
std::string RealPath(const std::string& path);

std::string ReadSymlink(const std::string& path);

void MakeDirectory(const std::string& path);
void MakeSymlink(const std::string& target, const std::string& path);
void RemoveFile(const std::string& path);
void Rename(const std::string& from, const std::string& to);

}  // namespace airplant
