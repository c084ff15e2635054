#include "fs/rewriting-nar-writer.h"

#include <algorithm>

namespace airplant {

void RewritingNarWriter::Contents(const TreeEntry& entry, int fd, uint64_t size) {
  const uint64_t position = BeginString(size);
  uint64_t done = 0;
  size_t kept = 0;
  for (uint64_t left = size; left > 0;) {
    const uint64_t room = pipe_.RoomBeyond(kept);
    const size_t got = ReadSome(fd, pipe_.Room() + kept, std::min(left, room));
    left -= got;
    places_.clear();
    const size_t ready = rewriter_.Rewrite(pipe_.Room(), kept + got, left == 0, places_);
    if (!places_.empty()) Rewritten({entry, fd, {pipe_.Room(), ready}, done, position + done, places_});
    pipe_.Commit(ready);
    done += ready;
    kept = kept + got - ready;
    if (left > 0) cancellation_.Check();
  }
  EndString(size);
}

}  // namespace airplant
