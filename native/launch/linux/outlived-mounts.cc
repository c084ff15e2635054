#include "launch/linux/outlived-mounts.h"

#include <fcntl.h>

#include "launch/linux/send-descriptors.h"

namespace airplant {

OutlivedMounts::OutlivedMounts() : sockets_(MakeSocketPair()), keeper_(sockets_.first.Get()) {}

// In a message that nobody ever reads. One that cannot be sent, as too many are under way, changes nothing else.
void OutlivedMounts::Add(const Proc& proc) const {
  const UniqueFd mounts(openat(proc.Get(), "self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (mounts) (void)SendDescriptors(sockets_.second.Get(), {mounts.Get()});
}

}  // namespace airplant
