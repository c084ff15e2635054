#include "launch/linux/namespaces.h"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <optional>

#include "launch/common/failure.h"
#include "launch/linux/map-writer.h"

namespace airplant {

static constexpr char kLockStep[] = "lock-mounts";

static void Unshare(const SandboxSpec& spec);
static void DenySetgroups(const Proc& proc);
static void MapOwn(const Proc& proc, const char* name, const char* step, uint32_t inside, uint32_t outside);
static void SetLimit(const Proc& proc, const char* name, const char* limit);

void EnterNamespaces(const SandboxSpec& spec, const Proc& proc) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  std::vector<MapWriter::File> others;
  if (spec.uid_map) others.push_back({"uid_map", *spec.uid_map});
  if (spec.gid_map) others.push_back({"gid_map", *spec.gid_map});
  std::optional<MapWriter> writer;
  if (!others.empty()) writer.emplace(proc, others);
  Unshare(spec);
  if (!spec.gid_map) DenySetgroups(proc);
  if (!spec.uid_map) MapOwn(proc, "self/uid_map", "write-uid-map", spec.uid, uid);
  if (!spec.gid_map) MapOwn(proc, "self/gid_map", "write-gid-map", spec.gid, gid);
  if (writer) writer->Write();
}

void EnterControlGroupNamespace(const SandboxSpec& spec) {
  if (!spec.private_cgroups || spec.control_group.empty()) return;
  Check(unshare(CLONE_NEWCGROUP), "unshare-cgroup");
}

void LimitNamespaces(const SandboxSpec& spec, const Proc& proc) {
  // Where the caller may write to its control group, a builder that mounts a view of it could stop or kill the caller.
  SetLimit(proc, "sys/user/max_cgroup_namespaces", "0");
  // The one that locks the mounts.
  if (!spec.nested_namespaces) SetLimit(proc, "sys/user/max_user_namespaces", "1");
}

void LockMounts(const SandboxSpec& spec, const Proc& proc) {
  // The maps of a process that is not dumpable belong to root, and nobody is there yet to make use of it.
  Check(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), kLockStep);
  std::optional<MapWriter> writer;
  if (spec.id_count > 1) {
    const auto all = [&](uint32_t first) { return IdMap{{{first, first, spec.id_count}}, {}}; };
    writer.emplace(proc, std::vector<MapWriter::File>{{"uid_map", all(spec.uid)}, {"gid_map", all(spec.gid)}});
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    // One at a time they tell which it is.
    Check(unshare(CLONE_NEWUSER), "lock-user");
    Check(unshare(CLONE_NEWNS), kLockStep);
  }
  if (writer) {
    writer->Write();
  } else {
    // Where the outer namespace had to deny it, this one does from the beginning.
    if (spec.gid_map) DenySetgroups(proc);
    MapOwn(proc, "self/uid_map", "write-uid-map", spec.uid, spec.uid);
    MapOwn(proc, "self/gid_map", "write-gid-map", spec.gid, spec.gid);
  }
  Check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), kLockStep);
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
      // One without a helper is made by the way (network.h).
      {CLONE_NEWNET, spec.private_network && spec.network_helper, "unshare-network"},
      // The root of this kind is the group a process is in: one that is yet to move in enters it later.
      {CLONE_NEWCGROUP, spec.private_cgroups && spec.control_group.empty(), "unshare-cgroup"},
  };
  int all = 0;
  for (const Kind& kind : kinds) all |= kind.wanted ? kind.flag : 0;
  if (unshare(all) == 0) return;
  // All or nothing, and one errno for seven kinds: one at a time they tell which it is.
  for (const Kind& kind : kinds) {
    if (kind.wanted) Check(unshare(kind.flag), kind.step);
  }
}

static void DenySetgroups(const Proc& proc) {
  // Kernels before 3.19 have no such file, and no such rule.
  if (proc.Write("self/setgroups", "deny") != 0 && errno != ENOENT) Fail("write-setgroups");
}

// Without privileges a process may map one id, its own, and a group only once setgroups is given up.
static void MapOwn(const Proc& proc, const char* name, const char* step, uint32_t inside, uint32_t outside) {
  Check(proc.Write(name, std::to_string(inside) + " " + std::to_string(outside) + " 1\n"), step);
}

// Limits are of the user namespace this process is in and count for all below; kinds the kernel lacks have none.
static void SetLimit(const Proc& proc, const char* name, const char* limit) {
  if (proc.Write(name, limit) != 0 && errno != ENOENT) Fail("limit-namespaces", std::string("/proc/") + name);
}

}  // namespace airplant
