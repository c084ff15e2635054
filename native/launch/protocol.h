#pragma once

#include <cstdint>

// What addon and launcher say to each other over a stream socket. Both are of one build and run on one machine: fields
// are in its byte order. ts/sandbox/launcher-reply.ts reads the replies.
namespace airplant {

// The launcher's end of the socket.
inline constexpr int kControlFd = 3;

inline constexpr uint32_t kProtocolVersion = 1;

enum class RequestKind : uint32_t {
  // Comes with 1 to 4 descriptors: the encoded spec, then nothing (all is /dev/null), one descriptor for standard output
  // and error (standard input is /dev/null), that and a pipe for what is observed, or standard input, output and error.
  launch = 1,
  kill = 2,
  // Comes with 1 descriptor: the absolute path of a directory, which the launcher removes if the process it works for
  // dies before it has taken the guard back. `run` numbers the guard; guards and runs have numbers of their own.
  guard = 3,
  unguard = 4,
  // Asks all processes of a sandbox to end (SIGTERM); `kill` is for those that do not.
  terminate = 5,
};

struct Request {
  uint32_t version = kProtocolVersion;
  RequestKind kind = RequestKind::launch;
  uint64_t run = 0;
  // launch: size of the encoded spec; guard: size of the path.
  uint64_t length = 0;
};

inline constexpr int kMaxDescriptors = 4;

enum class ReplyKind : uint32_t {
  started = 1,        // payload: StartedReply
  setup_failed = 2,   // payload: errno (int32), length of step (uint32), step, path
  exited = 3,         // payload: ExitedReply
  lost = 4,           // no payload: the sandbox is gone, killed from outside, and nobody saw how it ended
  launcher_failed = 5 // payload: errno (int32); the launcher could not be executed at all
};

struct ReplyHeader {
  // Of the payload.
  uint32_t length = 0;
  ReplyKind kind = ReplyKind::started;
  uint64_t run = 0;
};

struct StartedReply {
  // As the host sees it: process 1 of the sandbox, or the builder where processes are not private.
  int32_t pid = 0;
};

// network_lost: the program that connected the sandbox with the network ended before the builder, and the sandbox with it.
enum class Ending : uint32_t { exited = 0, signalled = 1, killed = 2, network_lost = 3 };

struct ExitedReply {
  Ending ending = Ending::killed;
  // Exit status or signal number.
  int32_t value = 0;
  uint64_t user_microseconds = 0;
  uint64_t system_microseconds = 0;
  uint64_t max_resident_bytes = 0;
};

}  // namespace airplant
