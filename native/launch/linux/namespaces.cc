#include "launch/linux/namespaces.h"

#include <sched.h>
#include <unistd.h>

#include "launch/common/failure.h"

namespace airplant {

static void Unshare(const SandboxSpec& spec);
static void MapIds(const SandboxSpec& spec, const Proc& proc, uid_t uid, gid_t gid);

void EnterNamespaces(const SandboxSpec& spec, const Proc& proc) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  Unshare(spec);
  MapIds(spec, proc, uid, gid);
}

void SetNames(const SandboxSpec& spec) {
  if (!spec.private_uts) return;
  Check(sethostname(spec.host_name.data(), spec.host_name.size()), "set-hostname", spec.host_name);
  Check(setdomainname(spec.domain_name.data(), spec.domain_name.size()), "set-domainname", spec.domain_name);
}

static void Unshare(const SandboxSpec& spec) {
  struct Kind {
    int flag;
    bool wanted;
    const char* step;
  };
  // The user namespace first: it gives the right to make the others.
  const Kind kinds[] = {
      {CLONE_NEWUSER, true, "unshare-user"},
      {CLONE_NEWNS, true, "unshare-mount"},
      {CLONE_NEWPID, spec.private_pids, "unshare-pid"},
      {CLONE_NEWIPC, spec.private_ipc, "unshare-ipc"},
      {CLONE_NEWUTS, spec.private_uts, "unshare-uts"},
      {CLONE_NEWNET, spec.private_network, "unshare-network"},
  };
  int all = 0;
  for (const Kind& kind : kinds) all |= kind.wanted ? kind.flag : 0;
  if (unshare(all) == 0) return;
  // All or nothing, and one errno for six kinds: one at a time they tell which it is.
  for (const Kind& kind : kinds) {
    if (kind.wanted) Check(unshare(kind.flag), kind.step);
  }
}

// Without privileges a process may map one id, its own, and a group only once setgroups is given up.
static void MapIds(const SandboxSpec& spec, const Proc& proc, uid_t uid, gid_t gid) {
  // Kernels before 3.19 have no such file, and no such rule.
  if (proc.Write("self/setgroups", "deny") != 0 && errno != ENOENT) Fail("write-setgroups");
  const auto line = [](uint32_t inside, uint32_t outside) {
    return std::to_string(inside) + " " + std::to_string(outside) + " 1\n";
  };
  Check(proc.Write("self/uid_map", line(spec.uid, uid)), "write-uid-map");
  Check(proc.Write("self/gid_map", line(spec.gid, gid)), "write-gid-map");
}

}  // namespace airplant
