#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <vector>

#include "unique-fd.h"

// The few calls that are spelt differently on each system, for addon and launcher alike. One platform folder
// implements them. Functions that make descriptors make them close-on-exec and throw SystemError.
namespace airplant {

struct FdPair {
  UniqueFd first;
  UniqueFd second;
};

// A connected pair of stream sockets.
FdPair MakeSocketPair();

// first: read end, second: write end.
FdPair MakePipe();

// A file without a name that holds `bytes`; the offset is at its start.
UniqueFd MakeAnonymousFile(const std::string& bytes);

// The slave of an unlocked pty master.
UniqueFd OpenPtySlave(int master);

// Closes every descriptor from `first` to `last`, both included. Safe between fork and exec.
void CloseRange(unsigned first, unsigned last);

// Lets this process run on every processor the machine (or its control group) has, whatever was inherited.
void UseAllProcessors();

// Lets this process run on these processors only. False, with errno, on failure.
bool UseOnlyProcessors(const std::vector<uint32_t>& numbers);

// flags for sendmsg and recvmsg: no SIGPIPE; received descriptors close-on-exec where the system can.
int SendFlags();
int ReceiveFlags();

// The version of Landlock's interface; 0 where there is none.
int LandlockAbi();

// ru_maxrss in bytes.
uint64_t MaxResidentBytes(const rusage& usage);

}  // namespace airplant
