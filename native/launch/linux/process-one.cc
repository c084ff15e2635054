#include "launch/linux/process-one.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "launch/common/descriptors.h"
#include "launch/common/failure.h"
#include "launch/common/records.h"
#include "launch/linux/observer.h"
#include "launch/linux/privileges.h"
#include "unique-fd.h"

namespace airplant {

static UniqueFd BlockSignals();
static void Reap(pid_t builder, int life_socket, Observer* observer);

void RunAsProcessOne(const Launch& launch, int network_helper, const std::function<void()>& body) {
  const UniqueFd signals = BlockSignals();
  const pid_t builder = Check(fork(), "fork");
  if (builder == 0) {
    body();
    _exit(1);
  }
  // Not before the fork: the builder needs some to enter a user namespace as root.
  RenounceCapabilities();
  CloseAllExcept({launch.life_socket, signals.Get(), network_helper, launch.observer});
  std::optional<Observer> observer;
  if (launch.observer >= 0) observer.emplace(launch.observer);

  pollfd events[] = {{signals.Get(), POLLIN, 0}, {launch.life_socket, POLLIN, 0}, {network_helper, POLLIN, 0}};
  for (;;) {
    if (poll(events, 3, -1) < 0 && errno != EINTR) _exit(1);
    // Nothing is ever written to the life socket from outside: this is its end.
    if (events[1].revents != 0) _exit(0);
    signalfd_siginfo info;
    // The supervisor asks all to end. Its signal comes from outside the namespace, which shows as a sender 0; what a
    // builder sends is nothing to us.
    while (read(signals.Get(), &info, sizeof info) > 0) {
      if (info.ssi_signo == SIGTERM && info.ssi_pid == 0) kill(-1, SIGTERM);
    }
    Reap(builder, launch.life_socket, observer ? &*observer : nullptr);
    // What its keeper has to say now is that the helper is gone.
    if (events[2].revents != 0) {
      ReportLife(launch.life_socket, LifeEvent::network_lost, 0);
      _exit(0);
    }
  }
}

static UniqueFd BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  Check(sigprocmask(SIG_SETMASK, &all, nullptr), "signal-mask");
  sigset_t heeded;
  sigemptyset(&heeded);
  sigaddset(&heeded, SIGCHLD);
  sigaddset(&heeded, SIGTERM);
  return UniqueFd(Check(signalfd(-1, &heeded, SFD_CLOEXEC | SFD_NONBLOCK), "signal-mask"));
}

// Signals of one kind are merged, so each is worth any number of children.
static void Reap(pid_t builder, int life_socket, Observer* observer) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
    if (observer != nullptr) observer->OnWait(pid, status);
    if (pid != builder || WIFSTOPPED(status)) continue;
    ReportLife(life_socket, LifeEvent::builder_ended, status);
    _exit(0);
  }
}

}  // namespace airplant
