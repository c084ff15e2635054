#pragma once

#include <cstddef>
#include <cstdint>

#include "cancellation.h"
#include "unique-fd.h"

namespace airplant {

// Writes to a descriptor that may be a file, a pipe or a socket, blocking or not, and never sits in a write that
// nobody can interrupt: where a reader may stall, it waits in poll(2) and looks at the cancellation.
class Output {
 public:
  Output(int fd, const Cancellation& cancellation);

  // Throws SystemError; a closed reader is EPIPE.
  void Write(const uint8_t* data, size_t size);

 private:
  enum class Kind { file, pipe, socket };

  ssize_t WriteSome(const uint8_t* data, size_t size) const;
  void AwaitRoom() const;

  const int fd_;
  UniqueFd unblocked_;  // the same pipe, where it can be opened anew
  const Cancellation& cancellation_;
  Kind kind_ = Kind::file;
};

}  // namespace airplant
