#include "launch/common/records.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "launch/platform.h"

namespace airplant {

namespace {

constexpr char kReady = 'R';
constexpr char kFailed = 'F';

struct FailureHeader {
  int32_t error = 0;
  uint32_t step_length = 0;
  uint32_t path_length = 0;
};

void Send(int life_socket, const LifeRecord& record) {
  // The launcher reads these at once, and the socket's buffer holds hundreds. If it is dead, so are we in a moment.
  [[maybe_unused]] const auto sent = send(life_socket, &record, sizeof record, SendFlags());
}

uint64_t Microseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1000000 + static_cast<uint64_t>(time.tv_usec);
}

}  // namespace

void ReportReady(int setup_pipe) { [[maybe_unused]] const auto written = write(setup_pipe, &kReady, 1); }

void ReportFailure(int setup_pipe, const SetupFailure& failure) {
  // At most PIPE_BUF bytes are written in one piece; a path that does not fit is cut.
  constexpr size_t kRoom = PIPE_BUF - 1 - sizeof(FailureHeader);
  FailureHeader header;
  header.error = failure.error;
  header.step_length = static_cast<uint32_t>(std::min(failure.step.size(), size_t{64}));
  header.path_length = static_cast<uint32_t>(std::min(failure.path.size(), kRoom - header.step_length));
  std::string bytes(1, kFailed);
  bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(failure.step, 0, header.step_length).append(failure.path, 0, header.path_length);
  [[maybe_unused]] const auto written = write(setup_pipe, bytes.data(), bytes.size());
}

SetupOutcome ParseSetup(std::string_view bytes) {
  SetupOutcome outcome;
  if (bytes.starts_with(kReady)) {
    outcome.ready = true;
    bytes.remove_prefix(1);
  }
  FailureHeader header;
  if (!bytes.starts_with(kFailed) || bytes.size() < 1 + sizeof header) return outcome;
  memcpy(&header, bytes.data() + 1, sizeof header);
  bytes.remove_prefix(1 + sizeof header);
  outcome.failure.emplace();
  outcome.failure->error = header.error;
  outcome.failure->step = bytes.substr(0, header.step_length);
  outcome.failure->path = bytes.substr(std::min<size_t>(header.step_length, bytes.size()), header.path_length);
  return outcome;
}

void ReportLife(int life_socket, LifeEvent event, int32_t value) {
  LifeRecord record;
  record.event = event;
  record.value = value;
  Send(life_socket, record);
}

void ReportEnd(int life_socket, int32_t wait_status, const rusage& usage) {
  LifeRecord record;
  record.event = LifeEvent::ended;
  record.value = wait_status;
  record.user_microseconds = Microseconds(usage.ru_utime);
  record.system_microseconds = Microseconds(usage.ru_stime);
  record.max_resident_bytes = MaxResidentBytes(usage);
  Send(life_socket, record);
}

}  // namespace airplant
