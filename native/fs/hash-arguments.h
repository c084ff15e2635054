#pragma once

#include <napi.h>

#include "fs/archive.h"

// Arguments of the functions that hash trees. Wrong ones throw a TypeError.
namespace airplant {

// An array of hash parts to look for; and an object with any of `algorithm`, `maxNarSize`, `caseHack` and `modulo`, or
// undefined.
HashOptions ToHashOptions(const Napi::Value& candidates, const Napi::Value& options);

// An array of pairs of hash parts, the first of each pair different from all others.
HashRewriter::Pairs ToRewrites(const Napi::Value& value);

bool ToCaseHack(const Napi::Value& options);

}  // namespace airplant
