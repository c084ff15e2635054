#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace airplant {

// Asks the launcher at the other end of `control` to start `spec` (EncodeSpec) as `run`. `stdio` is no descriptor, one for
// standard output and error, that and one for what is observed, or three for the standard ones; the caller keeps its own copies. Never waits: a socket that takes no more is a
// SystemError EAGAIN.
void SendLaunch(int control, uint64_t run, const std::string& spec, const std::vector<int>& stdio);

// Asks it to remove the directory `path` should this process die before it sends the unguard of the same number.
void SendGuard(int control, uint64_t guard, const std::string& path);
void SendUnguard(int control, uint64_t guard);

// Asks it to kill everything of `run`; runs that have ended are ignored.
void SendKill(int control, uint64_t run);

// Sends SIGTERM to everything of `run`, which may take as long as it likes; its end is reported as a kill.
void SendTerminate(int control, uint64_t run);

}  // namespace airplant
