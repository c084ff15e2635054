#include "js/errors.h"

#include <uv.h>

#include <string>

#include "js/text.h"

namespace airplant {

Napi::Error ToJsError(Napi::Env env, const SystemError& error) {
  const int number = error.error == kUnsupportedFileType ? UV_EFTYPE : uv_translate_sys_error(error.error);
  const char* name = uv_err_name(number);
  std::string message = std::string(name) + ": ";
  message += error.detail.empty() ? uv_strerror(number) : error.detail;
  message += ", " + error.syscall;
  if (!error.path.empty()) message += " '" + error.path + "'";

  // Napi::Error::New takes UTF-8, which a path need not be.
  napi_value raw;
  NAPI_THROW_IF_FAILED(env, napi_create_error(env, nullptr, FromBytes(env, message), &raw), Napi::Error());
  const Napi::Error value(env, raw);
  value.Set("code", Napi::String::New(env, name));
  value.Set("errno", Napi::Number::New(env, number));
  value.Set("syscall", FromBytes(env, error.syscall));
  if (!error.path.empty()) value.Set("path", FromBytes(env, error.path));
  return value;
}

Napi::Error ToJsError(Napi::Env env, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const SystemError& failure) {
    return ToJsError(env, failure);
  } catch (const std::exception& failure) {
    return Napi::Error::New(env, failure.what());
  }
}

}  // namespace airplant
