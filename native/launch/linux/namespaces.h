#pragma once

#include "launch/linux/proc.h"
#include "spec.h"

namespace airplant {

// Moves this process into new namespaces (processes: its children) as `spec` asks, with the caller's ids mapped to those
// of `spec`. A refusal names the kind of namespace.
void EnterNamespaces(const SandboxSpec& spec, const Proc& proc);

// Host and domain name of the new UTS namespace.
void SetNames(const SandboxSpec& spec);

}  // namespace airplant
