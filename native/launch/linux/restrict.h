#pragma once

#include <cstdint>

#include "launch/linux/proc.h"

namespace airplant {

// Adds attributes (kMountReadOnly…) to the attached mount that `mounted` is the root of, and to every mount below
// it, on kernels without mount_setattr. `root` is a descriptor of the sandbox's root, which `mounted` lies below.
// mount(2) changes one mount at a time, so the mount table is read again until nothing is left without them; what cannot
// be restricted is a SetupFailure, never a mount that stays writable.
void RestrictByRemount(const Proc& proc, int root, int mounted, uint64_t attributes);

// The same for that one mount, leaving those below it as they are.
void RestrictOneByRemount(const Proc& proc, int mounted, uint64_t attributes);

}  // namespace airplant
