#pragma once

namespace airplant {

// What a file carries beside content, mode, owner and times, and a NAR does not: extended attributes, access
// control lists, BSD flags. Kept, as Nix's `ignored-acls` says: security.selinux, system.nfs4_acl, security.csm.
// Both functions return the name of a system call that failed, with errno, or null.

// Of an open regular file or directory of which the caller has write permission.
const char* RemoveAttributes(int fd);

// Of the symlink `name` itself.
const char* RemoveLinkAttributes(int parent, const char* name);

// True if RemoveAttributes has something to do (and so needs write permission), or if that is not known.
bool HasAttributes(int fd);

}  // namespace airplant
