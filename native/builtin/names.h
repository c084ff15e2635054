#pragma once

#include <string_view>

namespace airplant {

// Builders that are a part of airplant. The path of a command is one of these, or absolute.
inline constexpr std::string_view kBuildenv = "builtin:buildenv";
inline constexpr std::string_view kUnpackChannel = "builtin:unpack-channel";

inline bool IsBuiltin(std::string_view path) { return path == kBuildenv || path == kUnpackChannel; }

}  // namespace airplant
