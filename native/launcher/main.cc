// The launcher: a small single-threaded process that forks one supervisor for every sandbox, so that neither the size nor
// the threads of the process it works for matter. It ends, and its sandboxes with it, when that process closes the
// control socket, by will or by death.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "launch/backend.h"
#include "launch/protocol.h"
#include "launcher/server.h"

int main() {
  struct stat control{};
  if (fstat(airplant::kControlFd, &control) != 0 || !S_ISSOCK(control.st_mode)) {
    fputs("airplant-launcher is started by airplant, not by hand\n", stderr);
    return 2;
  }
  airplant::PrepareIsolation();
  airplant::Serve(airplant::kControlFd);
}
