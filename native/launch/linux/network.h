#pragma once

#include "launch/linux/proc.h"
#include "launch/platform.h"

namespace airplant {

// Brings up the loopback interface of a new network namespace; the kernel gives it 127.0.0.1 and ::1.
void BringLoopbackUp();

// A network namespace with nothing but loopback. To make one takes the kernel a quarter of all that a sandbox costs, so the
// supervisor does it while process 1 mounts, and process 1 moves in when it is done. Made before the fork.
class PrivateNetwork {
 public:
  PrivateNetwork() : sockets_(MakeSocketPair()) {}

  // In the supervisor, which then is in it as well.
  void Make(const Proc& proc) const;

  // In process 1: waits for it. Where the supervisor failed, which has told so, this ends the process.
  void Enter();

 private:
  FdPair sockets_;
};

}  // namespace airplant
