#include "fs/exports.h"

#include <string>

#include "fs/lock.h"
#include "js/arguments.h"
#include "js/errors.h"

namespace airplant {

static Napi::Value JsTryLock(const Napi::CallbackInfo& info) {
  const int fd = ToDescriptor(info[0], "fd");
  const auto mode = ToChoice<LockMode>(
      info[1], "mode", {{"shared", LockMode::shared}, {"exclusive", LockMode::exclusive}});
  return Napi::Boolean::New(info.Env(), ThrowingJsErrors(info.Env(), [&] { return TryLock(fd, mode); }));
}

static void JsUnlock(const Napi::CallbackInfo& info) {
  const int fd = ToDescriptor(info[0], "fd");
  ThrowingJsErrors(info.Env(), [&] { Unlock(fd); });
}

void ExportFileSystem(Napi::Env env, Napi::Object exports) {
  exports.Set("tryLock", Napi::Function::New(env, JsTryLock, "tryLock"));
  exports.Set("unlock", Napi::Function::New(env, JsUnlock, "unlock"));
}

}  // namespace airplant
