#pragma once

#include <cstddef>
#include <string>

#include "unique-fd.h"

namespace airplant {

// raw: as Nix gives builders for their log: programs see a terminal and write line by line, and no byte is changed on the
// way. usual: as a new terminal is, for somebody who types.
enum class PtyMode { raw, usual };

// A pseudo-terminal. The master does not block. Neither end becomes anybody's controlling terminal. Throws SystemError.
struct Pty {
  UniqueFd master;
  UniqueFd slave;
};
Pty OpenPty(PtyMode mode);

// Has a terminal pass every byte unchanged, both ways; gives the settings it had, for SetTerminal. Throws SystemError.
std::string MakeTerminalRaw(int terminal);
void SetTerminal(int terminal, const std::string& settings);

// Tells programs how large the terminal is that they write to. Throws SystemError.
void SetTerminalSize(int terminal, unsigned short columns, unsigned short rows);

// Reads what a non-blocking descriptor has, at most `size` bytes; 0 when there is nothing more, for whatever reason.
size_t ReadAvailable(int fd, void* buffer, size_t size);

}  // namespace airplant
