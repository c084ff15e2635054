#include "js/text.h"

#include <cstdint>

#include "js/arguments.h"

namespace airplant {

static bool AppendUtf8(std::u16string_view text, std::string& bytes);
static size_t SequenceLength(std::string_view bytes, size_t at);
static void AppendUtf16(std::string_view sequence, std::u16string& text);

std::string ToBytes(const Napi::Value& value, const char* name) {
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    const auto array = value.As<Napi::Uint8Array>();
    return std::string(reinterpret_cast<const char*>(array.Data()), array.ByteLength());
  }
  if (!value.IsString()) throw WrongArgument(value.Env(), std::string(name) + " must be a string or a Uint8Array");
  std::string bytes;
  if (!AppendUtf8(value.As<Napi::String>().Utf16Value(), bytes)) {
    throw WrongArgument(value.Env(), std::string(name) + " holds a lone surrogate that stands for no byte");
  }
  return bytes;
}

std::string ToPath(const Napi::Value& value, const char* name) {
  std::string path = ToBytes(value, name);
  if (path.empty()) throw WrongArgument(value.Env(), std::string(name) + " must not be empty");
  if (path.find('\0') != std::string::npos) {
    throw WrongArgument(value.Env(), std::string(name) + " must not hold a NUL byte");
  }
  return path;
}

Napi::String FromBytes(Napi::Env env, std::string_view bytes) {
  std::u16string text;
  text.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = SequenceLength(bytes, i);
    if (length == 0) {
      text.push_back(static_cast<char16_t>(0xdc00 + static_cast<uint8_t>(bytes[i++])));
    } else {
      AppendUtf16(bytes.substr(i, length), text);
      i += length;
    }
  }
  return Napi::String::New(env, text);
}

static bool AppendUtf8(std::u16string_view text, std::string& bytes) {
  bytes.reserve(bytes.size() + text.size());
  const auto push = [&](uint32_t byte) { bytes.push_back(static_cast<char>(byte)); };
  for (size_t i = 0; i < text.size(); i++) {
    uint32_t code = text[i];
    const bool high = code >= 0xd800 && code <= 0xdbff;
    if (high && i + 1 < text.size() && text[i + 1] >= 0xdc00 && text[i + 1] <= 0xdfff) {
      code = 0x10000 + ((code - 0xd800) << 10) + (text[++i] - 0xdc00u);
      push(0xf0 | code >> 18);
      push(0x80 | (code >> 12 & 0x3f));
      push(0x80 | (code >> 6 & 0x3f));
      push(0x80 | (code & 0x3f));
    } else if (code >= 0xdc80 && code <= 0xdcff) {
      push(code - 0xdc00);
    } else if (code >= 0xd800 && code <= 0xdfff) {
      return false;
    } else if (code < 0x80) {
      push(code);
    } else if (code < 0x800) {
      push(0xc0 | code >> 6);
      push(0x80 | (code & 0x3f));
    } else {
      push(0xe0 | code >> 12);
      push(0x80 | (code >> 6 & 0x3f));
      push(0x80 | (code & 0x3f));
    }
  }
  return true;
}

// Length of the valid UTF-8 sequence at `at`, or 0 (Unicode 15, table 3-7).
static size_t SequenceLength(std::string_view bytes, size_t at) {
  const auto within = [&](size_t k, unsigned low = 0x80, unsigned high = 0xbf) {
    if (at + k >= bytes.size()) return false;
    const auto byte = static_cast<uint8_t>(bytes[at + k]);
    return byte >= low && byte <= high;
  };
  const auto first = static_cast<uint8_t>(bytes[at]);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return within(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    return within(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && within(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    return within(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && within(2) && within(3) ? 4 : 0;
  }
  return 0;
}

// `sequence` is one valid UTF-8 sequence.
static void AppendUtf16(std::string_view sequence, std::u16string& text) {
  const auto byte = [&](size_t k) { return static_cast<uint32_t>(static_cast<uint8_t>(sequence[k])); };
  const auto tail = [&](size_t k) { return byte(k) & 0x3f; };
  uint32_t code = byte(0);
  if (sequence.size() == 2) code = (code & 0x1f) << 6 | tail(1);
  if (sequence.size() == 3) code = (code & 0x0f) << 12 | tail(1) << 6 | tail(2);
  if (sequence.size() == 4) code = (code & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
  if (code >= 0x10000) {
    text.push_back(static_cast<char16_t>(0xd800 + ((code - 0x10000) >> 10)));
    text.push_back(static_cast<char16_t>(0xdc00 + ((code - 0x10000) & 0x3ff)));
  } else {
    text.push_back(static_cast<char16_t>(code));
  }
}

}  // namespace airplant
