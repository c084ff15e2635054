#include "launch/common/descendants.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "unique-fd.h"

namespace airplant {

static bool ReapTheDead();
static bool KillChildren();
static std::string Children();

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

// Each round turns grandchildren into children. A killed child can be waited for, so no round waits for nothing.
void KillDescendants() {
  while (ReapTheDead() && KillChildren()) waitpid(-1, nullptr, __WALL);
}

// False if there are no children any more.
static bool ReapTheDead() {
  pid_t ended;
  while ((ended = waitpid(-1, nullptr, WNOHANG | __WALL)) > 0) {
  }
  return ended == 0 || errno != ECHILD;
}

// False if there was none that could be killed.
static bool KillChildren() {
  bool killed = false;
  std::string children = Children();
  for (char* at = children.data(); *at != '\0';) {
    const auto pid = static_cast<pid_t>(strtol(at, &at, 10));
    if (pid <= 0) break;
    killed = kill(pid, SIGKILL) == 0 || killed;
  }
  return killed;
}

// Numbers of our children, separated by spaces; none where the kernel does not list them (CONFIG_PROC_CHILDREN). What
// does not fit is there in the next round.
static std::string Children() {
  const std::string path = "/proc/self/task/" + std::to_string(getpid()) + "/children";
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  const ssize_t size = file ? read(file.Get(), buffer, sizeof buffer - 1) : 0;
  std::string children(buffer, size > 0 ? static_cast<size_t>(size) : 0);
  // A number that was cut off would be somebody else's.
  children.erase(children.rfind(' ') + 1);
  return children;
}

}  // namespace airplant
