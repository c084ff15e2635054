#include "launch/linux/seccomp-rules.h"

namespace airplant {

// Numbers of Linux, spelt out because this is compiled elsewhere, too.
static constexpr uint32_t kEperm = Refuse(1);
static constexpr uint32_t kEnosys = Refuse(38);
static constexpr uint32_t kEprotonosupport = Refuse(93);
static constexpr uint32_t kEopnotsupp = Refuse(95);
static constexpr uint32_t kEafnosupport = Refuse(97);

static constexpr uint32_t kSetIdBits = 06000;
static constexpr uint32_t kCreates = 0100 | 020000000;  // O_CREAT, __O_TMPFILE

static constexpr uint32_t kUnix = 1;
static constexpr uint32_t kInet = 2;
static constexpr uint32_t kInet6 = 10;
static constexpr uint32_t kNetlink = 16;
static constexpr uint32_t kNetlinkRoute = 0;
static constexpr uint32_t kSocketTypeMask = 0xf;
static constexpr uint32_t kSockPacket = 10;
static constexpr uint32_t kSocketcallSocket = 1;
static constexpr uint32_t kSocketcallSocketpair = 8;

static constexpr uint32_t kTiocsti = 0x5412;
static constexpr uint32_t kTioclinux = 0x541c;
static constexpr uint32_t kSetFlags = 0x40086602;
static constexpr uint32_t kSetFlags32 = 0x40046602;
static constexpr uint32_t kFsSetXattr = 0x401c5820;
static constexpr uint32_t kSetEncryptionPolicy = 0x800c6613;
static constexpr uint32_t kEnableVerity = 0x40806685;

static Condition AnyBit(uint32_t argument, uint32_t mask) { return {argument, Condition::Kind::any_bit, mask, {}}; }

static Condition OneOf(uint32_t argument, std::vector<uint32_t> values, uint32_t mask = ~0u) {
  return {argument, Condition::Kind::one_of, mask, std::move(values)};
}

static Condition NoneOf(uint32_t argument, std::vector<uint32_t> values) {
  return {argument, Condition::Kind::none_of, ~0u, std::move(values)};
}

FilterPolicy SealedPolicy() {
  std::vector<Rule> rules{
      // Set-id files are a way from one build to the next, or to other users of the machine. By every road that takes a
      // mode; mkdir's drops these bits in the kernel. Without O_CREAT or O_TMPFILE the mode of open is any rubbish.
      {"set-id-mode-second", {"chmod", "fchmod", "creat", "mknod"}, {AnyBit(1, kSetIdBits)}, kEperm},
      {"set-id-mode-third", {"fchmodat", "fchmodat2", "mknodat"}, {AnyBit(2, kSetIdBits)}, kEperm},
      {"set-id-open", {"open"}, {AnyBit(1, kCreates), AnyBit(2, kSetIdBits)}, kEperm},
      {"set-id-openat", {"openat"}, {AnyBit(2, kCreates), AnyBit(3, kSetIdBits)}, kEperm},

      // Archives have no place for extended attributes, and what is in them differs from host to host.
      {"extended-attributes",
       {"setxattr", "lsetxattr", "fsetxattr", "setxattrat", "getxattr", "lgetxattr", "fgetxattr", "getxattrat",
        "listxattr", "llistxattr", "flistxattr", "listxattrat", "removexattr", "lremovexattr", "fremovexattr",
        "removexattrat"},
       {},
       kEopnotsupp},
      // Immutable files, foreign project quotas, encrypted directories: outputs that their owner cannot change back, or
      // cannot read.
      {"file-attributes",
       {"ioctl"},
       {OneOf(1, {kSetFlags, kSetFlags32, kFsSetXattr, kSetEncryptionPolicy, kEnableVerity})},
       kEopnotsupp},
      {"file-attributes-by-struct", {"file_setattr"}, {}, kEnosys},

      // Input for whoever reads the terminal.
      {"terminal-input", {"ioctl"}, {OneOf(1, {kTiocsti, kTioclinux})}, kEperm},

      // What a filter cannot look into: requests in shared memory, and flags and modes in a struct. Programs fall back on
      // the older calls.
      {"io-uring", {"io_uring_setup", "io_uring_enter", "io_uring_register"}, {}, kEnosys},
      {"struct-arguments", {"openat2", "clone3"}, {}, kEnosys},

      // Keyrings go by user id, which is the caller's: no namespace is between the builder and the caller's keys.
      {"keyrings", {"add_key", "request_key", "keyctl"}, {}, kEnosys},

      // Large parts of the kernel that no build needs.
      {"kernel-facilities", {"bpf", "userfaultfd", "perf_event_open"}, {}, kEnosys},
      {"legacy", {"modify_ldt", "vm86", "vm86old", "uselib", "lookup_dcookie"}, {}, kEnosys},

      // Administration of the machine. An ordinary user gets the same answer without a filter.
      {"administration",
       {"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "swapon", "swapoff", "reboot",
        "settimeofday", "clock_settime", "clock_settime64", "stime", "syslog", "acct", "quotactl", "quotactl_fd", "iopl",
        "ioperm", "vhangup"},
       {},
       kEperm},
      // Files by number rather than by name, and who else uses the inodes of the inputs.
      {"files-by-handle", {"open_by_handle_at", "fanotify_init"}, {}, kEperm},

      // Other families have their own idea of a network namespace, or none, as AF_VSOCK.
      {"socket-families", {"socket", "socketpair"}, {NoneOf(0, {kUnix, kInet, kInet6, kNetlink})}, kEafnosupport},
      // What getifaddrs needs, and nothing of devices, audit or netfilter.
      {"netlink-protocols", {"socket", "socketpair"}, {OneOf(0, {kNetlink}), NoneOf(2, {kNetlinkRoute})}, kEprotonosupport},
      // The kernel takes this for AF_PACKET.
      {"packet-type", {"socket", "socketpair"}, {OneOf(0, {kInet}), OneOf(1, {kSockPacket}, kSocketTypeMask)}, kEafnosupport},
      // i386 has these also behind one call with the family in memory. The rest of that call needs a socket first.
      {"socketcall", {"socketcall"}, {OneOf(0, {kSocketcallSocket, kSocketcallSocketpair})}, kEnosys},
  };
  return {std::move(rules), kEnosys, kKillProcess};
}

FilterPolicy ObservationPolicy(std::vector<const char*> calls) {
  return {{{"observed", std::move(calls), {}, kTrace}}, kAllow, kAllow};
}

}  // namespace airplant
