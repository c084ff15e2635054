#pragma once

#include <span>
#include <string_view>

#include "fs/rewriting-nar-writer.h"
#include "unique-fd.h"

namespace airplant {

// Replaces hash parts in a tree itself, and writes the archive of what it has become: in names (but for the root's), in
// targets of symlinks and in contents. Of a file only what changes is written. The tree must be canonical, so that nothing
// outside shares its files; where something was replaced it is not any more.
class TreeRewriter final : public RewritingNarWriter {
 public:
  using RewritingNarWriter::RewritingNarWriter;

  // How many hash parts were replaced.
  uint64_t Replaced() const { return replaced_; }

 private:
  void EnterDirectory(const TreeEntry& entry, int fd) override;
  void Target(const TreeEntry& entry, std::string_view target) override;
  void Rewritten(const Piece& piece) override;

  void WriteBytes(int fd, std::span<const uint8_t> bytes, uint64_t offset) const;
  void Rename(int directory, const std::string& from, const std::string& to) const;
  UniqueFd OpenToWrite(const Piece& piece) const;
  void MakeWritable(int fd) const;

  DirectoryReader reader_;
  uint64_t replaced_ = 0;
};

}  // namespace airplant
