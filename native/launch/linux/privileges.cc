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

void LeaveHostPrivileges(const Proc& proc) {
  (void)!setgroups(0, nullptr);
  // Only ever raised for those who may not lower it again; refused where it is higher already.
  (void)proc.Write("self/oom_score_adj", "500");
}

void DropPrivileges(const SandboxSpec& spec) {
  LeaveKeyring();
  Check(setresgid(spec.gid, spec.gid, spec.gid), "set-ids");
  Check(setresuid(spec.uid, spec.uid, spec.uid), "set-ids");
  RefuseNewPrivileges();
}

void RefuseNewPrivileges() { Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no-new-privileges"); }

void DropCapabilities() {
  // The bounding set needs CAP_SETPCAP, so it goes first. Capabilities are numbered without gaps; EINVAL is the end.
  int capability = 0;
  while (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) capability++;
  if (errno != EINVAL || capability == 0) Fail("capabilities");
  // Ambient capabilities came with Linux 4.3.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) Fail("capabilities");
  RenounceCapabilities();
}

void RenounceCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  Check(syscall(SYS_capset, &header, none), "capabilities");
}

// The caller's session keyring would give the builder the caller's keys. Where the kernel, or a filter around us, has no
// keyrings, there are none to hide.
static void LeaveKeyring() {
  if (sys_join_session_keyring() < 0 && errno != ENOSYS && errno != EPERM) Fail("session-keyring");
}

}  // namespace airplant
