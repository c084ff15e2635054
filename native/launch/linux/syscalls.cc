#include "launch/linux/syscalls.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

// The numbers of new system calls are the same on every architecture (alpha apart).
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

namespace airplant {

int sys_open_without_symlinks(const char* path) {
  constexpr uint64_t kResolveNoSymlinks = 0x04;
  struct {
    uint64_t flags, mode, resolve;
  } how{O_PATH | O_CLOEXEC, 0, kResolveNoSymlinks};
  return static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

int sys_open_tree(int directory, const char* path, unsigned flags) {
  return static_cast<int>(syscall(SYS_open_tree, directory, path, flags | O_CLOEXEC));
}

int sys_move_mount(int mount, int target) {
  constexpr unsigned kFromEmptyPath = 0x4;
  constexpr unsigned kToEmptyPath = 0x40;
  return static_cast<int>(syscall(SYS_move_mount, mount, "", target, "", kFromEmptyPath | kToEmptyPath));
}

static int SetAttributes(int mount, unsigned flags, uint64_t attributes) {
  struct {
    uint64_t set, clear, propagation, user_namespace;
  } argument{attributes, 0, 0, 0};
  return static_cast<int>(syscall(SYS_mount_setattr, mount, "", flags | AT_EMPTY_PATH, &argument, sizeof argument));
}

int sys_mount_setattr(int mount, uint64_t attributes) { return SetAttributes(mount, 0, attributes); }

int sys_mount_setattr_recursive(int mount, uint64_t attributes) {
  return SetAttributes(mount, kAtRecursive, attributes);
}

int sys_close_range(unsigned first, unsigned last) {
  return static_cast<int>(syscall(SYS_close_range, first, last, 0u));
}

int sys_pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_seccomp_filter(const void* program, unsigned short length) {
  const sock_fprog filter{length, static_cast<sock_filter*>(const_cast<void*>(program))};
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &filter));
}

int sys_landlock_abi() {
  constexpr unsigned kVersion = 1;
  const auto abi = static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion));
  return abi < 0 ? 0 : abi;
}

int sys_landlock_scope_abstract_sockets() {
  constexpr uint64_t kScopeAbstractUnixSocket = 1;
  struct {
    uint64_t handled_access_fs, handled_access_net, scoped;
  } attributes{0, 0, kScopeAbstractUnixSocket};
  const auto rules = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0u));
  if (rules < 0) return -1;
  const auto result = static_cast<int>(syscall(SYS_landlock_restrict_self, rules, 0u));
  const int error = errno;
  close(rules);
  errno = error;
  return result;
}

int sys_join_session_keyring() {
  return static_cast<int>(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
}

}  // namespace airplant
