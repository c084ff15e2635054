#pragma once

#include <memory>

#include "launch/linux/proc.h"
#include "launch/linux/routes.h"
#include "spec.h"
#include "unique-fd.h"

namespace airplant {

// The connection of a private network namespace with the host's network, through a helper program such as pasta.
//
// A keeper, a child of the supervisor, stays in the host's namespaces, runs the helper, and watches the other end of its
// socket, which the supervisor and then process 1 alone hold: when the sandbox is gone, by whatever, the keeper kills the
// helper with all it has started, and ends. When the helper is gone first, the keeper says so on the socket; what happened
// to the keeper itself is seen there as well, and the helper dies with it (parent-death signal).
//
// Namespaces are handed over as descriptors: the processes of a sandbox are not dumpable, so nobody may open their
// /proc/PID/ns, and a number could be another process's by then. Functions throw SetupFailure or SystemError.
class NetworkConnection {
 public:
  // Forks the keeper; to be called in the host's namespaces.
  explicit NetworkConnection(const NetworkHelper& helper);

  // Has the helper started, on the namespaces this process is in now.
  void Connect(const Proc& proc);

  // Waits, in the namespace, until there is a default route, which helpers make last; then puts `unreachable` out of
  // reach. Needs CAP_NET_ADMIN there.
  void Await();

  // Readable once the helper is gone.
  int Keeper() const { return keeper_.Get(); }

 private:
  const NetworkHelper& helper_;
  UniqueFd keeper_;
  std::unique_ptr<Routes> routes_;
};

}  // namespace airplant
