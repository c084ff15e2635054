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
  const auto mode = ToChoice<PtyMode>(info[0], "mode", {{"raw", PtyMode::raw}, {"usual", PtyMode::usual}});
  Pty pty = ThrowingJsErrors(info.Env(), [&] { return OpenPty(mode); });
  auto result = Napi::Object::New(info.Env());
  result.Set("master", pty.master.Release());
  result.Set("slave", pty.slave.Release());
  return result;
}

static void JsSetTerminalSize(const Napi::CallbackInfo& info) {
  const int terminal = ToDescriptor(info[0], "terminal");
  const auto cells = [&](const Napi::Value& value) {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0 && number <= 65535)) throw WrongArgument(info.Env(), "a size must be from 0 to 65535");
    return static_cast<unsigned short>(number);
  };
  const unsigned short columns = cells(info[1]);
  const unsigned short rows = cells(info[2]);
  ThrowingJsErrors(info.Env(), [&] { SetTerminalSize(terminal, columns, rows); });
}

static Napi::Value JsMakeTerminalRaw(const Napi::CallbackInfo& info) {
  const int terminal = ToDescriptor(info[0], "terminal");
  const std::string before = ThrowingJsErrors(info.Env(), [&] { return MakeTerminalRaw(terminal); });
  return Napi::Buffer<char>::Copy(info.Env(), before.data(), before.size());
}

static void JsSetTerminal(const Napi::CallbackInfo& info) {
  const int terminal = ToDescriptor(info[0], "terminal");
  if (!info[1].IsBuffer()) throw WrongArgument(info.Env(), "settings must be what makeTerminalRaw gave");
  const auto bytes = info[1].As<Napi::Buffer<char>>();
  ThrowingJsErrors(info.Env(), [&] { SetTerminal(terminal, std::string(bytes.Data(), bytes.Length())); });
}

static Napi::Value JsOpenPipe(const Napi::CallbackInfo& info) {
  FdPair pipe = ThrowingJsErrors(info.Env(), [] { return MakePipe(); });
  auto result = Napi::Object::New(info.Env());
  result.Set("read", pipe.first.Release());
  result.Set("write", pipe.second.Release());
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

static void JsUseAllProcessors(const Napi::CallbackInfo& info) { UseAllProcessors(); }

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
  if (stdio.empty() || stdio.size() > 3) throw WrongArgument(info.Env(), "stdio must be one to three descriptors");
  ThrowingJsErrors(info.Env(), [&] { SendLaunch(control, run, spec, stdio); });
}

static void JsSendTakeBack(const Napi::CallbackInfo& info) {
  const int control = ToDescriptor(info[0], "control");
  const uint64_t run = ToRun(info[1]);
  const std::string spec = EncodeSpec(ToTakeBack(info[2], info[3]));
  ThrowingJsErrors(info.Env(), [&] { SendLaunch(control, run, spec, {}); });
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
  exports.Set("setTerminalSize", Napi::Function::New(env, JsSetTerminalSize, "setTerminalSize"));
  exports.Set("makeTerminalRaw", Napi::Function::New(env, JsMakeTerminalRaw, "makeTerminalRaw"));
  exports.Set("setTerminal", Napi::Function::New(env, JsSetTerminal, "setTerminal"));
  exports.Set("openPipe", Napi::Function::New(env, JsOpenPipe, "openPipe"));
  exports.Set("landlockAbi", Napi::Function::New(env, JsLandlockAbi, "landlockAbi"));
  exports.Set("useAllProcessors", Napi::Function::New(env, JsUseAllProcessors, "useAllProcessors"));
  exports.Set("readAvailable", Napi::Function::New(env, JsReadAvailable, "readAvailable"));
  exports.Set("sendLaunch", Napi::Function::New(env, JsSendLaunch, "sendLaunch"));
  exports.Set("sendTakeBack", Napi::Function::New(env, JsSendTakeBack, "sendTakeBack"));
  exports.Set("sendKill", Napi::Function::New(env, JsSendKill, "sendKill"));
  exports.Set("sendTerminate", Napi::Function::New(env, JsSendTerminate, "sendTerminate"));
  exports.Set("sendGuard", Napi::Function::New(env, JsSendGuard, "sendGuard"));
  exports.Set("sendUnguard", Napi::Function::New(env, JsSendUnguard, "sendUnguard"));
}

}  // namespace airplant
