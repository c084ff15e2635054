#pragma once

#include "launch/linux/proc.h"
#include "launch/linux/target-tree.h"
#include "spec.h"

namespace airplant {

// Makes `entry.source` visible at `entry.target`: see the `bind` entry of ts/sandbox/spec.ts. The source is resolved
// exactly once.
void Bind(const Entry& entry, TargetTree& tree, const Proc& proc);

}  // namespace airplant
