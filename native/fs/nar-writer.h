#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fs/block-pipe.h"
#include "fs/tree-walk.h"

namespace airplant {

// NARs longer than this cannot be counted in a JavaScript number.
inline constexpr uint64_t kMostNarSize = (uint64_t{1} << 53) - 1;

// What Nix puts after a name that differs from another one only in case, a number following, so that both fit into a
// directory of a file system that ignores case (ts/formats/nar/case-hack.ts has the same text).
inline constexpr std::string_view kCaseHackSuffix = "~nix~case~hack~";

// Writes the Nix archive of a visited tree into a pipe. Derived classes may change what it says on the way.
class NarWriter : public TreeVisitor {
 public:
  // With `case_hack`, names are written without the suffix; a name that is nothing else is refused (EINVAL).
  // A tree whose archive would be longer than `limit` is refused (EFBIG) before the data beyond it is read.
  NarWriter(BlockPipe& pipe, const Cancellation& cancellation, bool case_hack, uint64_t limit = kMostNarSize)
      : pipe_(pipe), cancellation_(cancellation), case_hack_(case_hack), limit_(limit) {}

  // Returns the length of the archive.
  uint64_t Write(const Location& root);

 protected:
  void EnterDirectory(const TreeEntry& entry, int fd) override;

  // The variable parts of an archive: each is a string of the format. `size` bytes can be read from `fd`, unless the
  // file is changing.
  virtual void Name(std::string_view name) { String(name); }
  virtual void Target(const TreeEntry& entry, std::string_view target) { String(target); }
  virtual void Contents(const TreeEntry& entry, int fd, uint64_t size);

  void String(std::string_view bytes);
  // Begins a string of bytes that are then put into the pipe, and ends it. Its first byte is at the position returned.
  uint64_t BeginString(uint64_t length);
  void EndString(uint64_t length) { Padding(length); }
  // The position in the archive of the first byte of the string written next.
  uint64_t NextString() const { return size_ + 8; }

  // At least one byte and `room` at most of a file that has more to give.
  size_t ReadSome(int fd, uint8_t* buffer, uint64_t room) const;

  BlockPipe& pipe_;
  const Cancellation& cancellation_;

 private:
  void LeaveDirectory(const TreeEntry& entry, int fd) override;
  void Regular(const TreeEntry& entry) override;
  void Symlink(const TreeEntry& entry) override;
  std::string_view NameOf(std::string_view on_disk) const override;

  void BeginEntry(const TreeEntry& entry);
  void EndEntry(const TreeEntry& entry);
  void Raw(std::string_view bytes);
  void Length(uint64_t length);
  void Padding(uint64_t length);
  void Count(uint64_t length);

  const bool case_hack_;
  const uint64_t limit_;
  uint64_t size_ = 0;
};

}  // namespace airplant
