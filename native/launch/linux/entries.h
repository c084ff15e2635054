#pragma once

#include "launch/linux/proc.h"
#include "launch/linux/target-tree.h"
#include "spec.h"

namespace airplant {

// Carries out one entry of a spec. Throws SetupFailure with the entry's own step.
void MakeEntry(const Entry& entry, TargetTree& tree, const Proc& proc);

}  // namespace airplant
