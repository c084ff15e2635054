#include "launcher/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <vector>

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
  if (request->header.kind == RequestKind::launch) {
    runs_.push_back(airplant::Run::Start(std::move(*request), control_));
    return;
  }
  for (const auto& run : runs_) {
    if (run->Id() == request->header.run) run->Kill();
  }
}

// Whoever we worked for is gone: so are its sandboxes, before we are.
void Server::End() {
  for (const auto& run : runs_) run->Kill();
  for (const auto& run : runs_) run->WaitForSupervisor();
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
