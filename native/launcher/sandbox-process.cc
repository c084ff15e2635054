#include "launcher/sandbox-process.h"

#include <unistd.h>

#include <exception>
#include <string>

#include "launch/common/descriptors.h"
#include "launch/common/failure.h"
#include "launch/common/records.h"
#include "spec-message.h"

namespace airplant {

static void ConnectStdio(const ReceivedRequest& request, Launch& launch);
static SandboxSpec ReadSpec(const ReceivedRequest& request);

void RunSandboxProcess(const ReceivedRequest& request, Launch launch) {
  try {
    ConnectStdio(request, launch);
    CloseAllExcept({0, 1, 2, request.descriptors[0].Get(), launch.stdio[0], launch.stdio[1], launch.stdio[2],
                    launch.setup_pipe, launch.life_socket});
    const SandboxSpec spec = ReadSpec(request);
    if (spec.backend == Backend::none) RunPlain(spec, launch);
    RunIsolated(spec, launch);
  } catch (const SetupFailure& failure) {
    ReportFailure(launch.setup_pipe, failure);
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

static SandboxSpec ReadSpec(const ReceivedRequest& request) {
  const uint64_t length = request.header.length;
  if (length > kMaxMessageBytes) Fail("read-request", {}, EMSGSIZE);
  std::string message(length, '\0');
  for (uint64_t done = 0; done < length;) {
    const ssize_t size =
        Check(pread(request.descriptors[0].Get(), message.data() + done, length - done, static_cast<off_t>(done)),
              "read-request");
    if (size == 0) Fail("read-request", {}, EBADMSG);
    done += static_cast<uint64_t>(size);
  }
  return DecodeSpec(message);
}

}  // namespace airplant
