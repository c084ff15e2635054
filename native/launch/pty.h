#pragma once

#include <cstddef>

#include "unique-fd.h"

namespace airplant {

// A pseudo-terminal in raw mode, as Nix gives builders for their log: programs see a terminal and write line by line, and
// no byte is changed on the way. The master does not block. Neither end becomes anybody's controlling terminal. Throws SystemError.
struct Pty {
  UniqueFd master;
  UniqueFd slave;
};
Pty OpenPty();

// Reads what a non-blocking descriptor has, at most `size` bytes; 0 when there is nothing more, for whatever reason.
size_t ReadAvailable(int fd, void* buffer, size_t size);

}  // namespace airplant
