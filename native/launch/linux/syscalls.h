#pragma once

#include <sys/types.h>

#include <cstdint>

// System calls newer than the headers or the kernel may be. Each returns -1 with errno ENOSYS where the kernel (or a
// seccomp filter around us) does not have it, so that doing without is ordinary control flow.
namespace airplant {

inline constexpr unsigned kOpenTreeClone = 1;
inline constexpr unsigned kAtRecursive = 0x8000;

inline constexpr char kCopyMountsStep[] = "copy-mounts";

// Attributes of a mount, as mount_setattr(2) numbers them.
inline constexpr uint64_t kMountReadOnly = 0x1;
inline constexpr uint64_t kMountNoSuid = 0x2;
inline constexpr uint64_t kMountNoDev = 0x4;

// Opens the place of `path` (O_PATH), with ELOOP for a symlink wherever in it (Linux 5.6).
int sys_open_without_symlinks(const char* path);

// A detached copy of the mounts at and below `path` (Linux 5.2). ENOSPC is the limit of mount namespaces, since such a
// copy is in one of its own; it has a step of its own as well.
int sys_open_tree(int directory, const char* path, unsigned flags);

// Attaches the mount behind `mount` to the file behind `target` (Linux 5.2).
int sys_move_mount(int mount, int target);

// Adds attributes to the mount behind `mount`, and the recursive one to all mounts below it (Linux 5.12).
int sys_mount_setattr(int mount, uint64_t attributes);
int sys_mount_setattr_recursive(int mount, uint64_t attributes);

// Linux 5.9.
int sys_close_range(unsigned first, unsigned last);

// Has no wrapper in the C library.
int sys_pivot_root(const char* new_root, const char* put_old);

// Adds a filter of `length` instructions for system calls (Linux 3.17).
int sys_seccomp_filter(const void* program, unsigned short length);
// The version of Landlock's interface, 0 where the kernel has none (Linux 5.13).
int sys_landlock_abi();

// Forbids this process and its descendants to connect to abstract sockets made by others (Landlock 6, Linux 6.12).
int sys_landlock_scope_abstract_sockets();

// Gives the process a new, empty session keyring.
int sys_join_session_keyring();

}  // namespace airplant
