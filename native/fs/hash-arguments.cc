#include "fs/hash-arguments.h"

#include <algorithm>
#include <string>
#include <vector>

#include "fs/nar-writer.h"
#include "js/arguments.h"
#include "js/text.h"

namespace airplant {

static std::string ToHashPart(const Napi::Value& value, const char* name) {
  const std::string part = ToBytes(value, name);
  if (IsHashPart(part)) return part;
  throw WrongArgument(value.Env(), std::string(name) + " must have 32 characters of Nix's base 32");
}

static Napi::Array ToArray(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw WrongArgument(value.Env(), std::string(name) + " must be an array");
  return value.As<Napi::Array>();
}

static std::vector<std::string> ToHashParts(const Napi::Value& value) {
  const Napi::Array array = ToArray(value, "candidates");
  std::vector<std::string> parts;
  for (uint32_t i = 0; i < array.Length(); i++) parts.push_back(ToHashPart(array.Get(i), "a candidate"));
  return parts;
}

static std::string ToAlgorithm(const Napi::Value& value) {
  return ToChoice<std::string>(value, "algorithm",
                               {{"md5", "md5"}, {"sha1", "sha1"}, {"sha256", "sha256"}, {"sha512", "sha512"}});
}

static uint64_t ToNarSizeLimit(const Napi::Value& value) {
  if (value.IsUndefined()) return kMostNarSize;
  const double limit = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(limit >= 0)) throw WrongArgument(value.Env(), "maxNarSize must be a number of bytes");
  return limit < static_cast<double>(kMostNarSize) ? static_cast<uint64_t>(limit) : kMostNarSize;
}

HashOptions ToHashOptions(const Napi::Value& candidates, const Napi::Value& options) {
  HashOptions result{ToHashParts(candidates), "sha256", kMostNarSize, ToCaseHack(options), {}};
  if (!options.IsObject()) return result;
  const auto given = options.As<Napi::Object>();
  if (given.Has("algorithm")) result.algorithm = ToAlgorithm(given.Get("algorithm"));
  if (given.Has("maxNarSize")) result.most_nar_size = ToNarSizeLimit(given.Get("maxNarSize"));
  if (given.Has("modulo")) result.modulo = ToHashPart(given.Get("modulo"), "modulo");
  return result;
}

HashRewriter::Pairs ToRewrites(const Napi::Value& value) {
  const Napi::Array array = ToArray(value, "rewrites");
  HashRewriter::Pairs pairs;
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::Array pair = ToArray(array.Get(i), "a rewrite");
    const std::string from = ToHashPart(pair.Get(0u), "what is rewritten");
    if (std::any_of(pairs.begin(), pairs.end(), [&](const auto& other) { return other.first == from; })) {
      throw WrongArgument(value.Env(), "a hash part can be rewritten to one other only");
    }
    pairs.emplace_back(from, ToHashPart(pair.Get(1u), "what it is rewritten to"));
  }
  return pairs;
}

bool ToCaseHack(const Napi::Value& options) {
  if (!options.IsObject()) return false;
  const Napi::Value given = options.As<Napi::Object>().Get("caseHack");
  if (given.IsUndefined()) return false;
  if (!given.IsBoolean()) throw WrongArgument(options.Env(), "caseHack must be a boolean");
  return given.As<Napi::Boolean>();
}

}  // namespace airplant
