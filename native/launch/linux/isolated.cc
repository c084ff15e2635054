#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "launch/backend.h"
#include "launch/common/execute.h"
#include "launch/common/failure.h"
#include "launch/common/records.h"
#include "launch/common/supervise.h"
#include "launch/linux/builder-files.h"
#include "launch/linux/control-group.h"
#include "launch/linux/namespaces.h"
#include "launch/linux/network-helper.h"
#include "launch/linux/network.h"
#include "launch/linux/observer.h"
#include "launch/linux/outlived-mounts.h"
#include "launch/linux/privileges.h"
#include "launch/linux/proc.h"
#include "launch/linux/process-one.h"
#include "launch/linux/root.h"
#include "launch/linux/scope.h"
#include "launch/linux/seccomp.h"
#include "unique-fd.h"

namespace airplant {

[[noreturn]] static void TakeBack(const SandboxSpec& spec, const Launch& launch);
static void DieWith(pid_t parent, int signal_number = SIGKILL);
static void Hide();
static void SetNextProcess(uint32_t id, const Proc& proc);
[[noreturn]] static void Become(const SandboxSpec& spec, const Launch& launch, const Proc& proc,
                                const OutlivedMounts& mounts);

void PrepareIsolation() { PrepareSystemCallFilter(); }

void RunIsolated(const SandboxSpec& spec, const Launch& launch) {
  if (spec.backend == Backend::take_back) TakeBack(spec, launch);
  if (spec.backend != Backend::namespaces) Fail("backend", {}, ENOTSUP);
  const bool sealed = spec.session == Session::sealed;
  if (spec.observed && !(sealed && spec.private_pids)) Fail("observe", {}, EINVAL);
  const Proc proc;
  std::optional<NetworkConnection> network;
  if (spec.network_helper) network.emplace(*spec.network_helper);
  umask(0);
  if (sealed) LeaveHostPrivileges(proc);

  const UniqueFd processes = OpenControlGroup(spec.control_group);
  EnterNamespaces(spec, proc);
  if (network) network->Connect(proc);
  const BuilderFiles files(spec);
  const OutlivedMounts mounts;
  std::optional<PrivateNetwork> loopback;
  if (spec.private_network && !network) loopback.emplace();
  // Root outside is root on every file of the host that the sandbox shows.
  if (sealed && proc.CallerIsHostRoot() && !files.Needed()) Fail("ids", {}, EPERM);
  Hide();
  // Who has files to take back dies by its own hand: SIGTERM, as from the launcher.
  DieWith(launch.launcher, files.Needed() ? SIGTERM : SIGKILL);

  const pid_t supervisor = getpid();
  const pid_t parent = spec.private_pids ? 0 : supervisor;
  const auto body = [&] {
    DieWith(parent);
    EnterControlGroup(processes, spec.control_group);
    EnterControlGroupNamespace(spec);
    if (files.Needed()) {
      files.Give(spec, launch);
      DieWith(parent);
    }
    EnterRoot(spec, proc, files.Needed());
    SetNames(spec);
    if (loopback) loopback->Enter();
    if (network) {
      BringLoopbackUp();
      network->Await();
    }
    if (spec.first_process != 0) SetNextProcess(spec.first_process, proc);
    if (sealed) {
      LimitNamespaces(spec, proc);
      DropPrivileges(spec);
      if (files.Needed()) {
        Hide();
        DieWith(parent);
      }
    }
    if (spec.scope_abstract_sockets) ScopeAbstractSockets();
    if (!spec.private_pids) {
      DieWith(supervisor);
      Become(spec, launch, proc, mounts);
    }
    RunAsProcessOne(launch, network ? network->Keeper() : -1, [&] { Become(spec, launch, proc, mounts); });
  };
  std::vector<int> kept = files.Descriptors();
  kept.push_back(mounts.Descriptor());
  const auto meanwhile = [&] {
    if (loopback) loopback->Make(proc);
  };
  const auto aftermath = [&] {
    if (!files.Needed()) return;
    try {
      files.TakeBack();
    } catch (const SetupFailure&) {
      // Whoever removes them will find them, and has another try.
    }
  };
  Supervise(launch, KillReach::child, body, {std::move(kept), meanwhile, aftermath});
}

// For what a supervisor that was killed has left behind.
static void TakeBack(const SandboxSpec& spec, const Launch& launch) {
  const Proc proc;
  EnterNamespaces(spec, proc);
  BuilderFiles(spec).TakeBack();
  ReportReady(launch.setup_pipe);
  ReportEnd(launch.life_socket, 0, {});
  _exit(0);
}

// From here until exec nothing with our uid may look into this process. Not earlier: the maps of a process that is not
// dumpable belong to root. Once more when ids change, as the kernel then goes by a setting of the machine.
static void Hide() { Check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "not-dumpable"); }

// `parent`: as this process sees it, 0 from a process namespace of its own. Forgotten by the kernel when credentials change,
// so this comes after that. A parent that died before is noticed by its life socket.
static void DieWith(pid_t parent, int signal_number) {
  Check(prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "parent-death-signal");
  if (getppid() != parent) _exit(1);
}

// The next process of this namespace gets this id. The kernel's file is the host's, but speaks of the namespace of whoever
// writes to it.
static void SetNextProcess(uint32_t id, const Proc& proc) {
  const std::string last = std::to_string(id - 1);
  Check(proc.Write("sys/kernel/ns_last_pid", last), "first-process", last);
}

static void Become(const SandboxSpec& spec, const Launch& launch, const Proc& proc, const OutlivedMounts& mounts) {
  if (spec.session == Session::sealed) {
    LockMounts(spec, proc);
    mounts.Add(proc);
    DropCapabilities(KeptCapabilities(spec));
    Check(personality(spec.personality), "personality");
  }
  if (spec.observed) LetParentObserve();
  // What is left to do must be something that a builder may do, too. Process 1 runs nothing but our own code.
  if (spec.filter == Filter::sealed) InstallSystemCallFilter();
  if (spec.observed) InstallObservationFilter();
  Execute(spec, launch);
}

}  // namespace airplant
