#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "launch/common/failure.h"

// What the processes of one sandbox tell the launcher.
//
// The set-up pipe holds nothing, one failure, or "ready" and then end of file: its write end is closed on exec, so
// that the end of file after "ready" means that the builder runs. The life socket carries fixed-size records; the
// launcher never writes to it, and its end is the only thing that keeps the sandbox alive.
namespace airplant {

void ReportReady(int setup_pipe);
void ReportFailure(int setup_pipe, const SetupFailure& failure);

struct SetupOutcome {
  bool ready = false;
  std::optional<SetupFailure> failure;
};

// What everything read from a set-up pipe means.
SetupOutcome ParseSetup(std::string_view bytes);

enum class LifeEvent : uint32_t {
  // value: pid of the child that the supervisor has forked
  forked = 1,
  // value: wait status of the builder, from process 1
  builder_ended = 2,
  // value: wait status of the supervisor's child, with the usage of it and all its descendants
  ended = 3,
  // from process 1, which ends then: the network helper is gone
  network_lost = 4,
};

struct LifeRecord {
  LifeEvent event = LifeEvent::forked;
  int32_t value = 0;
  uint64_t user_microseconds = 0;
  uint64_t system_microseconds = 0;
  uint64_t max_resident_bytes = 0;
};

void ReportLife(int life_socket, LifeEvent event, int32_t value);
void ReportEnd(int life_socket, int32_t wait_status, const rusage& usage);

}  // namespace airplant
