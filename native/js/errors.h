#pragma once

#include <napi.h>

#include <exception>

#include "system-error.h"

namespace airplant {

// An Error as Node's own file functions make it: `code` (errno name), `errno` (negative), `syscall` and `path`.
Napi::Error ToJsError(Napi::Env env, const SystemError& error);

// The same for any exception of the native part; what is no SystemError becomes a plain Error.
Napi::Error ToJsError(Napi::Env env, const std::exception_ptr& error);

// For synchronous functions: runs `body` and turns a SystemError into a JavaScript exception.
template <class Body>
auto ThrowingJsErrors(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const SystemError& error) {
    throw ToJsError(env, error);
  }
}

}  // namespace airplant
