#pragma once

#include <napi.h>

#include "spec.h"

namespace airplant {

// A SandboxSpec object of ts/sandbox/spec.ts as a plain struct. Every field is checked for its type and range; a
// TypeError names the first that is wrong, as in `spec.entries[3].target must be a string`.
SandboxSpec ToSpec(const Napi::Value& value);

// The spec that takes back what is left in a directory, for a caller whose id maps are given.
SandboxSpec ToTakeBack(const Napi::Value& id_maps, const Napi::Value& directory);

}  // namespace airplant
