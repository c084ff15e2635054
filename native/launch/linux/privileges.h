#pragma once

#include "launch/linux/proc.h"
#include "spec.h"

namespace airplant {

// Before the namespaces: drops supplementary groups where that is allowed (elsewhere they stay, shown as the overflow
// group), and offers the sandbox to the OOM killer before its caller.
void LeaveHostPrivileges(const Proc& proc);

// After the set-up, irrevocably: ids of `spec` only, no capability in any set, no new ones by exec, no keys of the
// caller.
void DropPrivileges(const SandboxSpec& spec);

}  // namespace airplant
