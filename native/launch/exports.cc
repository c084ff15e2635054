#include "launch/exports.h"

#include "js/arguments.h"
#include "js/errors.h"
#include "js/read-spec.h"
#include "js/text.h"
#include "launch/platform.h"
#include "launch/pty.h"
#include "launch/request.h"
#include "launch/start-launcher.h"
#include "spec-message.h"

namespace airplant {

static Napi::Value JsStartLauncher(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = ToPath(info[0], "path");
  LauncherProcess launcher = ThrowingJsErrors(env, [&] { return StartLauncher(path); });
  auto result = Napi::Object::New(env);
  result.Set("pid", launcher.pid);
  result.Set("control", launcher.control.Release());
  return result;
}

static Napi::Value JsReapLauncher(const Napi::CallbackInfo& info) {
  const int pid = ToDescriptor(info[0], "pid");
  const int status = ThrowingJsErrors(info.Env(), [&] { return ReapLauncher(pid); });
  return Napi::Number::New(info.Env(), status);
}

static Napi::Value JsOpenPty(const Napi::CallbackInfo& info) {
  Pty pty = ThrowingJsErrors(info.Env(), [] { return OpenPty(); });
  auto result = Napi::Object::New(info.Env());
  result.Set("master", pty.master.Release());
  result.Set("slave", pty.slave.Release());
  return result;
}

static Napi::Value JsReadAvailable(const Napi::CallbackInfo& info) {
  const int fd = ToDescriptor(info[0], "fd");
  const bool is_bytes = info[1].IsTypedArray() && info[1].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  if (!is_bytes) throw WrongArgument(info.Env(), "buffer must be a Uint8Array");
  auto buffer = info[1].As<Napi::Uint8Array>();
  return Napi::Number::New(info.Env(), static_cast<double>(ReadAvailable(fd, buffer.Data(), buffer.ByteLength())));
}

static Napi::Value JsLandlockAbi(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), LandlockAbi()); }

static uint64_t ToRun(const Napi::Value& value) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (!(number >= 1 && number <= 9007199254740991.0)) throw WrongArgument(value.Env(), "a number of a run or guard must be a positive integer");
  return static_cast<uint64_t>(number);
}

static void JsSendLaunch(const Napi::CallbackInfo& info) {
  const int control = ToDescriptor(info[0], "control");
  const uint64_t run = ToRun(info[1]);
  const std::string spec = EncodeSpec(ToSpec(info[2]));
  std::vector<int> stdio;
  if (info[3].IsArray()) {
    const auto array = info[3].As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) stdio.push_back(ToDescriptor(array.Get(i), "stdio"));
  }
  if (stdio.size() != 1 && stdio.size() != 3) throw WrongArgument(info.Env(), "stdio must be one or three descriptors");
  ThrowingJsErrors(info.Env(), [&] { SendLaunch(control, run, spec, stdio); });
}

static void JsSendKill(const Napi::CallbackInfo& info) {
  const int control = ToDescriptor(info[0], "control");
  const uint64_t run = ToRun(info[1]);
  ThrowingJsErrors(info.Env(), [&] { SendKill(control, run); });
}

static void JsSendTerminate(const Napi::CallbackInfo& info) {
  const int control = ToDescriptor(info[0], "control");
  const uint64_t run = ToRun(info[1]);
  ThrowingJsErrors(info.Env(), [&] { SendTerminate(control, run); });
}

static void JsSendGuard(const Napi::CallbackInfo& info) {
  const int control = ToDescriptor(info[0], "control");
  const uint64_t guard = ToRun(info[1]);
  const std::string path = ToPath(info[2], "path");
  ThrowingJsErrors(info.Env(), [&] { SendGuard(control, guard, path); });
}

static void JsSendUnguard(const Napi::CallbackInfo& info) {
  const int control = ToDescriptor(info[0], "control");
  const uint64_t guard = ToRun(info[1]);
  ThrowingJsErrors(info.Env(), [&] { SendUnguard(control, guard); });
}

void ExportLaunch(Napi::Env env, Napi::Object exports) {
  exports.Set("startLauncher", Napi::Function::New(env, JsStartLauncher, "startLauncher"));
  exports.Set("reapLauncher", Napi::Function::New(env, JsReapLauncher, "reapLauncher"));
  exports.Set("openPty", Napi::Function::New(env, JsOpenPty, "openPty"));
  exports.Set("landlockAbi", Napi::Function::New(env, JsLandlockAbi, "landlockAbi"));
  exports.Set("readAvailable", Napi::Function::New(env, JsReadAvailable, "readAvailable"));
  exports.Set("sendLaunch", Napi::Function::New(env, JsSendLaunch, "sendLaunch"));
  exports.Set("sendKill", Napi::Function::New(env, JsSendKill, "sendKill"));
  exports.Set("sendTerminate", Napi::Function::New(env, JsSendTerminate, "sendTerminate"));
  exports.Set("sendGuard", Napi::Function::New(env, JsSendGuard, "sendGuard"));
  exports.Set("sendUnguard", Napi::Function::New(env, JsSendUnguard, "sendUnguard"));
}

}  // namespace airplant
