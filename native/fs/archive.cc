#include "fs/archive.h"

#include "fs/block-pipe.h"
#include "fs/digest.h"
#include "fs/location.h"
#include "fs/nar-writer.h"
#include "fs/output.h"
#include "fs/reference-scanner.h"

namespace airplant {

TreeHash HashTree(const std::string& path, const HashOptions& options, const Cancellation& cancellation) {
  const Location root = Locate(path);
  ReferenceScanner scanner(options.candidates);
  Digest hash(options.algorithm);
  // Reading and scanning together take less time than hashing, so two threads keep the hash busy.
  BlockPipe pipe(
      [&](BlockPipe::Bytes block) {
        if (scanner.Wanted()) scanner.Scan(block.data(), block.size());
      },
      [&](BlockPipe::Bytes block) { hash.Update(block.data(), block.size()); });
  const uint64_t size = NarWriter(pipe, cancellation, options.case_hack, options.most_nar_size).Write(root);
  return {hash.FinishHex(), size, scanner.Found()};
}

uint64_t DumpTree(const std::string& path, int fd, bool case_hack, const Cancellation& cancellation) {
  const Location root = Locate(path);
  Output output(fd, cancellation);
  BlockPipe pipe([](BlockPipe::Bytes) {},
                 [&](BlockPipe::Bytes block) { output.Write(block.data(), block.size()); });
  return NarWriter(pipe, cancellation, case_hack).Write(root);
}

}  // namespace airplant
