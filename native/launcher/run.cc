#include "launcher/run.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "launch/common/supervise.h"
#include "launch/platform.h"
#include "launcher/sandbox-process.h"
#include "system-error.h"

namespace airplant {

std::unique_ptr<Run> Run::Start(ReceivedRequest request, Control& control) {
  std::unique_ptr<Run> run(new Run(request.header.run));
  try {
    FdPair setup = MakePipe();
    FdPair life = MakeSocketPair();
    const pid_t launcher = getpid();
    BlockTermination();
    const pid_t pid = fork();
    if (pid == 0) RunSandboxProcess(request, {launcher, setup.second.Get(), life.second.Get(), {-1, -1, -1}, -1});
    UnblockTermination();
    if (pid < 0) throw SystemError(errno, "fork", {});
    run->supervisor_ = pid;
    run->setup_pipe_ = std::move(setup.first);
    run->life_socket_ = std::move(life.first);
  } catch (const SystemError& error) {
    run->ReportSetupFailure({error.syscall, error.error, {}}, control);
  }
  return run;
}

void Run::OnSetup(Control& control) {
  if (!setup_pipe_) return;  // what ended the life of the sandbox has read it to its end
  char buffer[8192];
  const ssize_t size = read(setup_pipe_.Get(), buffer, sizeof buffer);
  if (size > 0) {
    setup_bytes_.append(buffer, static_cast<size_t>(size));
    return;
  }
  if (size < 0 && errno == EINTR) return;
  setup_pipe_.Reset();
  setup_ = ParseSetup(setup_bytes_);
  // A failure is told when all its processes are gone.
  if (setup_.ready && !setup_.failure) control.Reply(ReplyKind::started, id_, StartedReply{child_});
}

void Run::OnLife(Control& control) {
  char buffer[8 * sizeof(LifeRecord)];
  const ssize_t size = read(life_socket_.Get(), buffer, sizeof buffer);
  if (size < 0 && errno == EINTR) return;
  if (size > 0) {
    life_bytes_.append(buffer, static_cast<size_t>(size));
    for (; life_bytes_.size() >= sizeof(LifeRecord); life_bytes_.erase(0, sizeof(LifeRecord))) {
      LifeRecord record;
      memcpy(&record, life_bytes_.data(), sizeof record);
      OnRecord(record, control);
    }
    return;
  }
  // The supervisor is the last to hold the other end, so it has exited or is about to.
  WaitForSupervisor();
  if (answered_) return;
  while (setup_pipe_) OnSetup(control);
  if (setup_.failure) {
    ReportSetupFailure(*setup_.failure, control);
  } else {
    control.Reply(ReplyKind::lost, id_);
  }
}

void Run::Kill() {
  killed_ = true;
  if (supervisor_ > 0) kill(supervisor_, SIGTERM);
  // For process 1, should its supervisor have been killed.
  if (life_socket_) shutdown(life_socket_.Get(), SHUT_WR);
}

void Run::Terminate() {
  killed_ = true;
  if (supervisor_ > 0) kill(supervisor_, kPoliteSignal);
}

void Run::WaitForSupervisor() {
  if (supervisor_ > 0) {
    while (waitpid(supervisor_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  supervisor_ = 0;
}

void Run::OnRecord(const LifeRecord& record, Control& control) {
  switch (record.event) {
    case LifeEvent::forked:
      child_ = record.value;
      return;
    case LifeEvent::builder_ended:
      builder_status_ = record.value;
      return;
    case LifeEvent::network_lost:
      network_lost_ = true;
      return;
    case LifeEvent::ended:
      while (setup_pipe_) OnSetup(control);
      if (setup_.failure) {
        ReportSetupFailure(*setup_.failure, control);
      } else if (!setup_.ready) {
        ReportSetupFailure({"setup-killed", killed_ ? ECANCELED : EINTR, {}}, control);
      } else {
        ReportExit(record, control);
      }
      return;
  }
}

void Run::ReportSetupFailure(const SetupFailure& failure, Control& control) {
  const auto error = static_cast<int32_t>(failure.error);
  const auto step_length = static_cast<uint32_t>(failure.step.size());
  std::string payload(reinterpret_cast<const char*>(&error), sizeof error);
  payload.append(reinterpret_cast<const char*>(&step_length), sizeof step_length);
  payload += failure.step + failure.path;
  control.Reply(ReplyKind::setup_failed, id_, payload);
  answered_ = true;
}

void Run::ReportExit(const LifeRecord& end, Control& control) {
  ExitedReply reply;
  const int status = builder_status_.value_or(end.value);
  // Without a status of the builder, process 1 was killed: by us, or by somebody outside.
  if (killed_) {
    reply.ending = Ending::killed;
  } else if (network_lost_ && !builder_status_) {
    reply.ending = Ending::network_lost;
  } else if (WIFSIGNALED(status)) {
    reply.ending = Ending::signalled;
    reply.value = WTERMSIG(status);
  } else {
    reply.ending = Ending::exited;
    reply.value = WEXITSTATUS(status);
  }
  reply.user_microseconds = end.user_microseconds;
  reply.system_microseconds = end.system_microseconds;
  reply.max_resident_bytes = end.max_resident_bytes;
  control.Reply(ReplyKind::exited, id_, reply);
  answered_ = true;
}

}  // namespace airplant
