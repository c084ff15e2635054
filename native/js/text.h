#pragma once

#include <napi.h>

#include <string>
#include <string_view>

// Byte strings at the border to JavaScript, by the rule of ts/base/text.ts: UTF-8, and every byte that is not part
// of valid UTF-8 is the lone surrogate U+DC00 + byte.
namespace airplant {

// Bytes of a string or Uint8Array. Throws a TypeError (as Napi::Error) for other types and for lone surrogates
// that stand for no byte; `name` is the argument's name in the message.
std::string ToBytes(const Napi::Value& value, const char* name);

// The same for a path: NUL and the empty path are refused too.
std::string ToPath(const Napi::Value& value, const char* name);

Napi::String FromBytes(Napi::Env env, std::string_view bytes);

}  // namespace airplant
