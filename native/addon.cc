// The addon's exports, and nothing else: each area registers its own functions.
#include <napi.h>

#include "fs/exports.h"
#include "launch/exports.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  airplant::ExportFileSystem(env, exports);
  airplant::ExportLaunch(env, exports);
  return exports;
}

NODE_API_MODULE(airplant, Init)
