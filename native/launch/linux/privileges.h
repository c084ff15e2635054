#pragma once

#include "launch/linux/proc.h"
#include "spec.h"

namespace airplant {

// Before the namespaces: drops supplementary groups where that is allowed (elsewhere they stay, shown as the overflow
// group), and offers the sandbox to the OOM killer before its caller.
void LeaveHostPrivileges(const Proc& proc);

// After the set-up, irrevocably: ids of `spec` only, no supplementary groups where the map of `spec` lets them go, no privileges by exec, no keys of the caller.
void DropPrivileges(const SandboxSpec& spec);

// Irrevocably: what is executed gets nothing by set-user-id bits or file capabilities.
void RefuseNewPrivileges();

// What a builder keeps of its own user namespace, as bits: nothing, unless it has several ids. Then it is root there as in
// Nix, with everything, or where it may make no namespaces with no more than it takes to be several users.
uint64_t KeptCapabilities(const SandboxSpec& spec);

// Irrevocably: no capability in any set but those whose bits are set in `kept`, which stay permitted and effective.
void DropCapabilities(uint64_t kept);

// The same for a process that will never execute a program: none to use, whatever the bounding set may still hold.
void RenounceCapabilities();

}  // namespace airplant
