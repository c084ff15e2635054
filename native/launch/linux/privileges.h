#pragma once

#include "launch/linux/proc.h"
#include "spec.h"

namespace airplant {

// Before the namespaces: drops supplementary groups where that is allowed (elsewhere they stay, shown as the overflow
// group), and offers the sandbox to the OOM killer before its caller.
void LeaveHostPrivileges(const Proc& proc);

// After the set-up, irrevocably: ids of `spec` only, no privileges by exec, no keys of the caller.
void DropPrivileges(const SandboxSpec& spec);

// Irrevocably: what is executed gets nothing by set-user-id bits or file capabilities.
void RefuseNewPrivileges();

// Irrevocably: no capability in any set.
void DropCapabilities();

// The same for a process that will never execute a program: none to use, whatever the bounding set may still hold.
void RenounceCapabilities();

}  // namespace airplant
