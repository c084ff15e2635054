#include "launcher/sandbox-process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <exception>
#include <string>

#include "launch/common/descriptors.h"
#include "launch/common/failure.h"
#include "launch/common/records.h"
#include "spec-message.h"
#include "system-error.h"

namespace airplant {

static void ConnectStdio(const ReceivedRequest& request, Launch& launch);

void RunSandboxProcess(const ReceivedRequest& request, Launch launch) {
  // To us it means what the launcher ignores. It stays blocked until there is something to end.
  signal(SIGTERM, SIG_DFL);
  try {
    ConnectStdio(request, launch);
    CloseAllExcept({0, 1, 2, request.descriptors[0].Get(), launch.stdio[0], launch.stdio[1], launch.stdio[2],
                    launch.setup_pipe, launch.life_socket, launch.observer});
    const SandboxSpec spec = DecodeSpec(request.Payload());
    if (spec.command.more_descriptors > 0) {
      // Their numbers are to be the first.
      const int above = 3 + static_cast<int>(spec.command.more_descriptors);
      launch.setup_pipe = Check(fcntl(launch.setup_pipe, F_DUPFD_CLOEXEC, above), "descriptors");
    }
    // Who is told to end along with its whole group ends us, too, and then it was not a build that failed. A program that the
    // caller sits in front of stays in the group that has the terminal.
    if (spec.session != Session::interactive) setpgid(0, 0);
    if (spec.observed != (launch.observer >= 0)) Fail("read-request", {}, EBADMSG);
    if (spec.backend == Backend::none) RunPlain(spec, launch);
    RunIsolated(spec, launch);
  } catch (const SetupFailure& failure) {
    ReportFailure(launch.setup_pipe, failure);
  } catch (const SystemError& error) {
    ReportFailure(launch.setup_pipe, {error.syscall, error.error, {}});
  } catch (const std::exception& error) {
    ReportFailure(launch.setup_pipe, {"read-request", EBADMSG, error.what()});
  }
  _exit(1);
}

static void ConnectStdio(const ReceivedRequest& request, Launch& launch) {
  if (request.truncated) Fail("read-request", {}, EMFILE);
  const auto fd = [&](size_t index) { return request.descriptors[index].Get(); };
  if (request.descriptor_count == 1) {
    for (int& fd : launch.stdio) fd = STDIN_FILENO;  // the launcher's own, /dev/null
  } else if (request.descriptor_count == 2 || request.descriptor_count == 3) {
    launch.stdio[0] = STDIN_FILENO;
    launch.stdio[1] = launch.stdio[2] = fd(1);
    if (request.descriptor_count == 3) launch.observer = fd(2);
  } else if (request.descriptor_count == 4) {
    for (size_t i = 0; i < 3; i++) launch.stdio[i] = fd(i + 1);
  } else {
    Fail("read-request", {}, EBADMSG);
  }
}

}  // namespace airplant
