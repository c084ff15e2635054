#include "fs/exports.h"

namespace airplant {

void ExportFileSystem(Napi::Env env, Napi::Object exports) {}

}  // namespace airplant
