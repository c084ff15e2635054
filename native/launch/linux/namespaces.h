#pragma once

#include "launch/linux/proc.h"
#include "spec.h"

namespace airplant {

// Moves this process into new namespaces (processes: its children) as `spec` asks, with the caller's ids mapped to those
// of `spec`, or what its maps say. A refusal names the kind of namespace.
void EnterNamespaces(const SandboxSpec& spec, const Proc& proc);

// For a process that has moved into the control group of the sandbox, which is shown as `/` from then on.
void EnterControlGroupNamespace(const SandboxSpec& spec);

// Decides, while still in charge of the user namespace made by EnterNamespaces, what may be made below it: no control group
// namespaces, and user namespaces as `spec` says.
void LimitNamespaces(const SandboxSpec& spec, const Proc& proc);

// Moves this process into a second user and mount namespace, below those of EnterNamespaces. To it the mounts belong to
// somebody else: not even with every capability there, or in a namespace below, can one be taken away, moved or given back
// what it was denied. The ids stay, and no map inside names the caller's any more.
void LockMounts(const SandboxSpec& spec, const Proc& proc);

// Host and domain name of the new UTS namespace.
void SetNames(const SandboxSpec& spec);

}  // namespace airplant
