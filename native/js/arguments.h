#pragma once

#include <napi.h>

#include <initializer_list>
#include <string>
#include <utility>

// Arguments of native functions: the type is checked, or a TypeError names the argument.
namespace airplant {

inline Napi::TypeError WrongArgument(Napi::Env env, const std::string& message) {
  auto error = Napi::TypeError::New(env, message);
  error.Set("code", Napi::String::New(env, "ERR_INVALID_ARG_VALUE"));
  return error;
}

// A non-negative 32-bit integer.
inline int ToDescriptor(const Napi::Value& value, const char* name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  const auto fd = number >= 0 && number <= 0x7fffffff ? static_cast<int>(number) : -1;
  if (fd < 0 || fd != number) {
    throw WrongArgument(value.Env(), std::string(name) + " must be a file descriptor");
  }
  return fd;
}

// One of a few words, as an enumerator.
template <class Choice>
Choice ToChoice(const Napi::Value& value, const char* name,
                std::initializer_list<std::pair<const char*, Choice>> choices) {
  if (value.IsString()) {
    const std::string word = value.As<Napi::String>().Utf8Value();
    for (const auto& [key, choice] : choices) {
      if (word == key) return choice;
    }
  }
  std::string words;
  for (const auto& [key, choice] : choices) words += (words.empty() ? "'" : " or '") + std::string(key) + "'";
  throw WrongArgument(value.Env(), std::string(name) + " must be " + words);
}

}  // namespace airplant
