#pragma once

#include <string>
#include <string_view>

#include "spec.h"

namespace airplant {

// The largest message either side accepts. The kernel's own limits on arguments and mounts are far below.
inline constexpr uint64_t kMaxMessageBytes = 256u << 20;

// A spec as the bytes that go from the addon to the launcher, both of the same build on the same machine.
std::string EncodeSpec(const SandboxSpec& spec);

// The inverse. Throws std::runtime_error for anything EncodeSpec cannot have made; every length is compared with
// what is left before anything is allocated.
SandboxSpec DecodeSpec(std::string_view message);

}  // namespace airplant
