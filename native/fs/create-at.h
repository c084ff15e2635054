#pragma once

#include <string>

namespace airplant {

// Creating files below an open directory, for restoring archives: each name is a single component and must not exist,
// so nothing an archive holds can lead outside. Descriptors returned are the caller's. All throw SystemError.

// An existing directory, to create things in. Symlinks in the path are followed: it is the caller's own.
int OpenDirectory(const std::string& path);

// Makes a directory, mode 0777 under the umask, and opens it.
int MakeDirectoryAt(int parent, const std::string& name);

// Makes a file for writing, mode 0666 or 0777 under the umask.
int CreateFileAt(int parent, const std::string& name, bool executable);

void SymlinkAt(const std::string& target, int parent, const std::string& name);

}  // namespace airplant
