#pragma once

#include "launch/linux/proc.h"
#include "launch/linux/target-tree.h"
#include "spec.h"

namespace airplant {

// Puts a copy of a host directory on a tmpfs at the target, in which every directory lists its entries in the reverse of
// the order in which the original does; sizes, modes, times and symlinks stay. Anything but a directory is bound as it is.
// Throws SetupFailure.
void CopyReversed(const Entry& entry, TargetTree& tree, const Proc& proc);

}  // namespace airplant
