#pragma once

#include "launch/linux/proc.h"
#include "launch/platform.h"

namespace airplant {

// Makes the end of the builder's mount namespace somebody else's business: when the last who has it is gone the kernel
// waits for every processor, and where that is the builder, its end is told only afterwards. Made before the fork. Nothing
// but speed depends on it.
class OutlivedMounts {
 public:
  OutlivedMounts();

  // For the one whose end may take its time, and who must be the only one to keep it.
  int Descriptor() const { return keeper_; }

  // The mount namespace that the caller is in lives as long as that descriptor.
  void Add(const Proc& proc) const;

 private:
  FdPair sockets_;
  int keeper_ = -1;
};

}  // namespace airplant
