#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "launch/common/records.h"
#include "launcher/control.h"
#include "unique-fd.h"

namespace airplant {

// One sandbox, as the launcher sees it: the supervisor it forked, and what the sandbox's processes report.
class Run {
 public:
  // Forks the supervisor. A failure to do so is answered like one of the set-up.
  static std::unique_ptr<Run> Start(ReceivedRequest request, Control& control);

  uint64_t Id() const { return id_; }

  // What to poll; -1 once there is no more to come.
  int SetupPipe() const { return setup_pipe_.Get(); }
  int LifeSocket() const { return life_socket_.Get(); }

  // Called when the one or the other is readable. Everything the client is told comes from here.
  void OnSetup(Control& control);
  void OnLife(Control& control);

  // Kills the whole sandbox; its end is reported as usual.
  void Kill();

  // Asks all its processes to end; its end is reported as that of a kill.
  void Terminate();

  void WaitForSupervisor();

  // Nothing is left, neither of the sandbox nor of its supervisor.
  bool Over() const { return supervisor_ == 0; }

 private:
  explicit Run(uint64_t id) : id_(id) {}

  void OnRecord(const LifeRecord& record, Control& control);
  void ReportSetupFailure(const SetupFailure& failure, Control& control);
  void ReportExit(const LifeRecord& end, Control& control);

  uint64_t id_;
  pid_t supervisor_ = 0;
  UniqueFd setup_pipe_;
  UniqueFd life_socket_;
  std::string setup_bytes_;
  std::string life_bytes_;
  // Where there is no process 1, the builder itself.
  pid_t child_ = 0;
  SetupOutcome setup_;
  std::optional<int> builder_status_;
  bool network_lost_ = false;
  bool killed_ = false;
  bool answered_ = false;
};

}  // namespace airplant
