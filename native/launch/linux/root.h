#pragma once

#include "launch/linux/proc.h"
#include "spec.h"

namespace airplant {

// Fills the root of `spec` inside this (new) mount namespace and makes it `/`; nothing of the host's tree stays
// reachable but what the entries name. `for_builder`: the files this process makes are those of a builder who is not the
// caller (BuilderFiles::Give).
void EnterRoot(const SandboxSpec& spec, const Proc& proc, bool for_builder);

}  // namespace airplant
