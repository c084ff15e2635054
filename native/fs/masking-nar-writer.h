#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fs/digest.h"
#include "fs/rewriting-nar-writer.h"

namespace airplant {

// Writes the archive of a tree that may refer to itself by a path computed from its hash: wherever its hash part stands
// there are 32 zero bytes instead. The names stay in the order of those on disk.
class MaskingNarWriter final : public RewritingNarWriter {
 public:
  using RewritingNarWriter::RewritingNarWriter;

  // What has to be rewritten: `self` to zeros.
  static HashRewriter::Pairs Mask(const std::string& self) { return {{self, std::string(kHashPartLength, '\0')}}; }

  // Completes the hash of what was written as Nix does: by `|` and the decimal position of each hash part that stood
  // there, so that a tree in which zeros stood from the beginning has another hash.
  void AddPositions(Digest& hash) const;

 private:
  void Name(std::string_view name) override { Masked(name); }
  void Target(const TreeEntry&, std::string_view target) override { Masked(target); }
  void Rewritten(const Piece& piece) override { Remember(piece.position, piece.places); }

  void Masked(std::string_view string);
  void Remember(uint64_t position, const HashRewriter::Places& places);

  std::vector<uint64_t> positions_;
};

}  // namespace airplant
