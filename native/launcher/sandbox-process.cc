#include "launcher/sandbox-process.h"

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
  try {
    ConnectStdio(request, launch);
    CloseAllExcept({0, 1, 2, request.descriptors[0].Get(), launch.stdio[0], launch.stdio[1], launch.stdio[2],
                    launch.setup_pipe, launch.life_socket});
    const SandboxSpec spec = DecodeSpec(request.Payload());
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
  const auto fd = [&](size_t index) { return request.descriptors[index].Get(); };
  if (request.descriptor_count == 2) {
    launch.stdio[0] = STDIN_FILENO;  // the launcher's own, /dev/null
    launch.stdio[1] = launch.stdio[2] = fd(1);
  } else if (request.descriptor_count == 4) {
    for (size_t i = 0; i < 3; i++) launch.stdio[i] = fd(i + 1);
  } else {
    Fail("read-request", {}, EBADMSG);
  }
}

}  // namespace airplant
