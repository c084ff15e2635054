#include "launcher/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fs/remove-tree.h"
#include "launch/common/supervise.h"
#include "launch/protocol.h"
#include "launcher/control.h"
#include "launcher/run.h"

namespace airplant {

namespace {

class Server {
 public:
  explicit Server(int control) : control_(control) {}

  [[noreturn]] void Run() {
    for (;;) Turn();
  }

 private:
  void Turn();
  void OnRequest();
  [[noreturn]] void End();

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
    if (events_[1 + 2 * i].revents != 0) runs_[i]->OnSetup(control_);
    if (events_[2 + 2 * i].revents != 0) runs_[i]->OnLife(control_);
  }
  std::erase_if(runs_, [](const auto& run) { return run->Over(); });
  if (events_[0].revents != 0) OnRequest();
}

void Server::OnRequest() {
  std::optional<ReceivedRequest> request = control_.Receive();
  if (!request) End();
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
      guarded_[number] = request->Payload();
      return;
    case RequestKind::unguard:
      guarded_.erase(number);
      return;
  }
  abort();
}

// Whoever we worked for is gone: so are its sandboxes, before we are, and what it would have removed.
void Server::End() {
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
  _exit(0);
}

}  // namespace

void Serve(int control) {
  // What the terminal sends is for the process we work for, which decides what becomes of its sandboxes.
  for (const int signal_number : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTOU, SIGTTIN, SIGPIPE}) {
    signal(signal_number, SIG_IGN);
  }
  Server(control).Run();
}

}  // namespace airplant
