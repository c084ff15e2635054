#pragma once

#include <napi.h>

namespace airplant {

// Adds the functions of this folder to the addon's exports; their types are in ts/native.ts.
void ExportLaunch(Napi::Env env, Napi::Object exports);

}  // namespace airplant
