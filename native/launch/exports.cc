#include "launch/exports.h"

namespace airplant {

void ExportLaunch(Napi::Env env, Napi::Object exports) {}

}  // namespace airplant
