#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "launch/backend.h"
#include "launch/common/execute.h"
#include "launch/common/failure.h"
#include "launch/common/supervise.h"
#include "launch/linux/control-group.h"
#include "launch/linux/namespaces.h"
#include "launch/linux/network-helper.h"
#include "launch/linux/network.h"
#include "launch/linux/privileges.h"
#include "launch/linux/proc.h"
#include "launch/linux/process-one.h"
#include "launch/linux/root.h"
#include "launch/linux/scope.h"
#include "launch/linux/seccomp.h"
#include "unique-fd.h"

namespace airplant {

static void DieWith(pid_t parent);
[[noreturn]] static void Become(const SandboxSpec& spec, const Launch& launch, const Proc& proc);

void PrepareIsolation() { PrepareSystemCallFilter(); }

void RunIsolated(const SandboxSpec& spec, const Launch& launch) {
  if (spec.backend != Backend::namespaces) Fail("backend", {}, ENOTSUP);
  const bool sealed = spec.session == Session::sealed;
  const Proc proc;
  std::optional<NetworkConnection> network;
  if (spec.network_helper) network.emplace(*spec.network_helper);
  umask(0);
  if (sealed) LeaveHostPrivileges(proc);

  const UniqueFd processes = OpenControlGroup(spec.control_group);
  EnterNamespaces(spec, proc);
  if (network) network->Connect(proc);
  // From here until exec nothing with our uid may look into these processes. Not before: the maps of a process that is
  // not dumpable belong to root.
  Check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "not-dumpable");
  DieWith(launch.launcher);

  const pid_t supervisor = getpid();
  Supervise(launch, KillReach::child, [&] {
    DieWith(spec.private_pids ? 0 : supervisor);
    EnterControlGroup(processes, spec.control_group);
    EnterControlGroupNamespace(spec);
    EnterRoot(spec, proc);
    SetNames(spec);
    if (spec.private_network) BringLoopbackUp();
    if (network) network->Await();
    if (sealed) {
      LimitNamespaces(spec, proc);
      DropPrivileges(spec);
    }
    if (spec.scope_abstract_sockets) ScopeAbstractSockets();
    if (!spec.private_pids) {
      DieWith(supervisor);
      Become(spec, launch, proc);
    }
    RunAsProcessOne(launch, network ? network->Keeper() : -1, [&] { Become(spec, launch, proc); });
  });
}

// `parent`: as this process sees it, 0 from a process namespace of its own. Forgotten by the kernel when credentials change,
// so this comes after that. A parent that died before is noticed by its life socket.
static void DieWith(pid_t parent) {
  Check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "parent-death-signal");
  if (getppid() != parent) _exit(1);
}

static void Become(const SandboxSpec& spec, const Launch& launch, const Proc& proc) {
  if (spec.session == Session::sealed) {
    LockMounts(spec, proc);
    DropCapabilities();
    Check(personality(spec.personality), "personality");
  }
  // What is left to do must be something that a builder may do, too. Process 1 runs nothing but our own code.
  if (spec.filter == Filter::sealed) InstallSystemCallFilter();
  Execute(spec, launch);
}

}  // namespace airplant
