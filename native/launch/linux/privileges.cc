#include "launch/linux/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch/common/failure.h"
#include "launch/linux/syscalls.h"

namespace airplant {

static void LeaveKeyring();
static bool IsKept(uint64_t kept, int capability);
static void SetCapabilities(uint64_t kept);

void LeaveHostPrivileges(const Proc& proc) {
  (void)!setgroups(0, nullptr);
  // Refused where the caller may not go below what it was given, and that is more.
  (void)proc.Write("self/oom_score_adj", "500");
}

void DropPrivileges(const SandboxSpec& spec) {
  LeaveKeyring();
  // Possible exactly where somebody with the right to has written the map of the groups.
  if (spec.gid_map) Check(setgroups(0, nullptr), "drop-groups");
  Check(setresgid(spec.gid, spec.gid, spec.gid), "set-ids");
  Check(setresuid(spec.uid, spec.uid, spec.uid), "set-ids");
  RefuseNewPrivileges();
}

void RefuseNewPrivileges() { Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no-new-privileges"); }

uint64_t KeptCapabilities(const SandboxSpec& spec) {
  if (spec.id_count <= 1) return 0;
  if (spec.nested_namespaces) return ~uint64_t{0};
  uint64_t kept = 0;
  for (const int capability : {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID,
                               CAP_SETUID, CAP_SETPCAP, CAP_SYS_CHROOT, CAP_SETFCAP}) {
    kept |= uint64_t{1} << capability;
  }
  return kept;
}

void DropCapabilities(uint64_t kept) {
  // The bounding set needs CAP_SETPCAP, so it goes first. Capabilities are numbered without gaps; EINVAL is the end.
  int capability = 0;
  while (IsKept(kept, capability) || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) capability++;
  if (errno != EINVAL || capability == 0) Fail("capabilities");
  // Ambient capabilities came with Linux 4.3.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) Fail("capabilities");
  SetCapabilities(kept);
}

void RenounceCapabilities() { SetCapabilities(0); }

static bool IsKept(uint64_t kept, int capability) { return capability < 64 && (kept >> capability & 1) != 0; }

static void SetCapabilities(uint64_t kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  for (uint32_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    data[i].effective = data[i].permitted = static_cast<uint32_t>(kept >> 32 * i);
  }
  Check(syscall(SYS_capset, &header, data), "capabilities");
}

// The caller's session keyring would give the builder the caller's keys. Where the kernel, or a filter around us, has no
// keyrings, there are none to hide.
static void LeaveKeyring() {
  if (sys_join_session_keyring() < 0 && errno != ENOSYS && errno != EPERM) Fail("session-keyring");
}

}  // namespace airplant
