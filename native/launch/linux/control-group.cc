#include "launch/linux/control-group.h"

#include <fcntl.h>
#include <unistd.h>

#include "launch/common/failure.h"

namespace airplant {

static constexpr char kStep[] = "control-group";

UniqueFd OpenControlGroup(const std::string& directory) {
  if (directory.empty()) return {};
  UniqueFd group(open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Check(group.Get(), kStep, directory);
  UniqueFd processes(openat(group.Get(), "cgroup.procs", O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  Check(processes.Get(), kStep, directory);
  return processes;
}

void EnterControlGroup(const UniqueFd& processes, const std::string& directory) {
  if (processes) Check(write(processes.Get(), "0", 1), kStep, directory);
}

}  // namespace airplant
