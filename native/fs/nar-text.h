#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

// The fixed parts of an archive.
namespace airplant {

inline void AppendLength(std::string& bytes, uint64_t length) {
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(length >> shift));
}

// Several strings of the format at once: length (64 bits, little endian), bytes, zeros up to a multiple of 8.
inline std::string Encode(std::initializer_list<std::string_view> strings) {
  std::string bytes;
  for (const std::string_view string : strings) {
    AppendLength(bytes, string.size());
    bytes.append(string);
    bytes.append((8 - string.size() % 8) % 8, '\0');
  }
  return bytes;
}

inline const std::string kMagic = Encode({"nix-archive-1"});
inline const std::string kEntry = Encode({"entry", "(", "name"});
inline const std::string kNode = Encode({"node"});
inline const std::string kDirectory = Encode({"(", "type", "directory"});
inline const std::string kRegular = Encode({"(", "type", "regular", "contents"});
inline const std::string kExecutable = Encode({"(", "type", "regular", "executable", "", "contents"});
inline const std::string kSymlink = Encode({"(", "type", "symlink", "target"});
inline const std::string kClose = Encode({")"});

}  // namespace airplant
