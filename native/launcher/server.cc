#include "launcher/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fs/remove-tree.h"
#include "launch/common/supervise.h"
#include "launch/protocol.h"
#include "launcher/control.h"
#include "launcher/run.h"
#include "system-error.h"

namespace airplant {

namespace {

class Server {
 public:
  explicit Server(int control) : control_(control) {}

  [[noreturn]] void Run() {
    try {
      for (;;) Turn();
    } catch (const ProtocolViolation&) {
    } catch (const std::exception&) {
      // Out of memory, for one: whoever waits is told by our end, and nothing is left behind.
    }
    End(1);
  }

 private:
  void Turn();
  void OnRequest();
  void Guard(const ReceivedRequest& request);
  [[noreturn]] void End(int status);

  Control control_;
  std::vector<std::unique_ptr<airplant::Run>> runs_;
  // Directories to remove should our client die, by the number of the guard.
  std::map<uint64_t, std::string> guarded_;
  std::vector<pollfd> events_;
};

void Server::Turn() {
  events_.assign(1, {control_.Get(), POLLIN, 0});
  for (const auto& run : runs_) {
    events_.push_back({run->SetupPipe(), POLLIN, 0});
    events_.push_back({run->LifeSocket(), POLLIN, 0});
  }
  if (poll(events_.data(), static_cast<nfds_t>(events_.size()), -1) < 0) return;

  for (size_t i = 0; i < runs_.size(); i++) {
    // In this order: the end of the set-up tells the client the pid that the record before it brought.
    if (events_[2 + 2 * i].revents != 0) runs_[i]->OnLife(control_);
    if (events_[1 + 2 * i].revents != 0) runs_[i]->OnSetup(control_);
  }
  std::erase_if(runs_, [](const auto& run) { return run->Over(); });
  if (events_[0].revents != 0) OnRequest();
}

void Server::OnRequest() {
  std::optional<ReceivedRequest> request = control_.Receive();
  if (!request) End(0);
  const uint64_t number = request->header.run;
  switch (request->header.kind) {
    case RequestKind::launch:
      runs_.push_back(airplant::Run::Start(std::move(*request), control_));
      return;
    case RequestKind::kill:
      for (const auto& run : runs_) {
        if (run->Id() == number) run->Kill();
      }
      return;
    case RequestKind::terminate:
      for (const auto& run : runs_) {
        if (run->Id() == number) run->Terminate();
      }
      return;
    case RequestKind::guard:
      Guard(*request);
      return;
    case RequestKind::unguard:
      guarded_.erase(number);
      return;
  }
  throw ProtocolViolation();
}

// One that cannot be read is no reason to end what runs: without it, the next build of the same thing removes what is left.
void Server::Guard(const ReceivedRequest& request) {
  try {
    guarded_[request.header.run] = request.Payload();
  } catch (const SystemError&) {
    guarded_.erase(request.header.run);
  }
}

// Whoever we worked for is gone, or makes no sense: its sandboxes go, before we do, and what it would have removed.
void Server::End(int status) {
  for (const auto& run : runs_) run->Kill();
  for (const auto& run : runs_) run->WaitForSupervisor();
  const Cancellation never;
  for (const auto& [number, path] : guarded_) {
    try {
      RemoveTree(path, never);
    } catch (const SystemError&) {
      // Nobody is left to hear of it; the next build of the same thing, or a collection, removes it.
    }
  }
  _exit(status);
}

}  // namespace

void Serve(int control) {
  // What the terminal sends, or somebody to all of its processes, is for the process we work for, which decides what becomes
  // of its sandboxes. When that is gone the control socket says so.
  for (const int signal_number : {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGTTOU, SIGTTIN, SIGPIPE}) {
    signal(signal_number, SIG_IGN);
  }
  Server(control).Run();
}

}  // namespace airplant
