#pragma once

#include "builtin/attributes.h"

namespace airplant {

// builtin:buildenv: one tree of symlinks to the files of many packages, as `nix-env` makes profiles. Attributes: `out`,
// `manifest` (what manifest.nix leads to), and `derivations`, for each the words: active, priority (the lowest wins),
// number of outputs, their paths.
void BuildEnvironment(const Attributes& attributes);

}  // namespace airplant
