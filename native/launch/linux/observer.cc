#include "launch/linux/observer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "launch/common/failure.h"
#include "launch/linux/interpreter.h"
#include "launch/linux/seccomp.h"

namespace airplant {

namespace {

constexpr char kStep[] = "observe";

// PTRACE_GET_SYSCALL_INFO and its record, linux/ptrace.h of Linux 5.3; the C libraries disagree on its name.
constexpr int kGetCall = 0x420e;
constexpr uint8_t kAtReturn = 2;
constexpr uint8_t kAtFilter = 3;
struct CallRecord {
  uint8_t kind;
  uint8_t padding[3];
  uint32_t architecture;
  uint64_t instruction;
  uint64_t stack;
  union {
    struct {
      uint64_t number;
      uint64_t arguments[6];
      uint32_t data;
    } call;
    struct {
      int64_t value;
      uint8_t is_error;
    } result;
  };
};

// What is written to the pipe, followed by the three texts. ts/sandbox/attempt.ts reads it.
struct AttemptRecord {
  int32_t thread;
  Intent intent;
  int32_t error;
  uint32_t flags;
  uint32_t base_length;
  uint32_t path_length;
  uint32_t missing_length;
};

bool HasCallRecords();
long Trace(int request, pid_t thread, unsigned long address, void* data);
void Continue(pid_t thread, int signal, bool until_return);
bool Ask(pid_t thread, CallRecord& record);
std::string ReadText(pid_t thread, uint64_t address);
std::string ReadAddress(pid_t thread, uint64_t address, uint64_t size);
size_t ReadMemory(pid_t thread, uint64_t address, void* buffer, size_t size);
std::string LinkTarget(const std::string& link);

}  // namespace

void LetParentObserve() {
  if (!HasCallRecords()) Fail(kStep, {}, ENOSYS);
  Check(Trace(PTRACE_TRACEME, 0, 0, nullptr), kStep);
  Check(raise(SIGSTOP), kStep);
}

void InstallObservationFilter() { InstallTracingFilter(PathCallNames()); }

void Observer::OnWait(pid_t thread, int status) {
  if (WIFSTOPPED(status)) {
    OnStop(thread, status);
  } else {
    known_.erase(thread);
    under_way_.erase(thread);
  }
}

void Observer::OnStop(pid_t thread, int status) {
  const int signal = WSTOPSIG(status);
  switch (status >> 16) {
    case 0: break;
    case PTRACE_EVENT_SECCOMP: return Continue(thread, 0, OnCall(thread));
    case PTRACE_EVENT_EXEC: {
      // All threads but one are gone, and that one has the number of the first.
      unsigned long former = 0;
      Trace(PTRACE_GETEVENTMSG, thread, 0, &former);
      const auto attempt = under_way_.find(static_cast<pid_t>(former));
      if (attempt != under_way_.end()) {
        Write(thread, attempt->second, 0);
        under_way_.erase(attempt);
      }
      if (static_cast<pid_t>(former) != thread) {
        known_.erase(static_cast<pid_t>(former));
        under_way_.erase(thread);
      }
      return Continue(thread, 0, false);
    }
    default: return Continue(thread, 0, false);
  }
  if (signal == (SIGTRAP | 0x80)) {
    OnReturn(thread);
    return Continue(thread, 0, false);
  }
  // A thread begins with a stop of its own.
  if (known_.insert(thread).second) {
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
                              PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    Trace(PTRACE_SETOPTIONS, thread, 0, reinterpret_cast<void*>(kOptions));
    if (signal == SIGSTOP) return Continue(thread, 0, false);
  }
  // A signal is on its way; without one the whole process was stopped, which nobody could end from here.
  siginfo_t info{};
  Continue(thread, Trace(PTRACE_GETSIGINFO, thread, 0, &info) == 0 ? signal : 0, under_way_.contains(thread));
}

// True if its end is to be seen as well.
bool Observer::OnCall(pid_t thread) {
  CallRecord record{};
  if (!Ask(thread, record) || record.kind != kAtFilter) return false;
  const PathCall* call = FindPathCall(record.architecture, record.call.number);
  if (call == nullptr) return false;
  const auto argument = [&](int i) { return record.call.arguments[i]; };
  Attempt attempt{call, 0, {}, {}};
  if (call->intent == Intent::connect) {
    attempt.path = ReadAddress(thread, argument(call->path), argument(call->path + 1));
  } else {
    attempt.path = ReadText(thread, argument(call->path));
  }
  if (attempt.path.empty()) return false;
  if (call->flags >= 0) attempt.flags = static_cast<uint32_t>(argument(call->flags));
  if (attempt.path[0] != '/' && call->intent != Intent::connect) {
    const int directory = call->directory < 0 ? AT_FDCWD : static_cast<int>(argument(call->directory));
    const std::string process = "/proc/" + std::to_string(thread);
    attempt.base = LinkTarget(directory == AT_FDCWD ? process + "/cwd" : process + "/fd/" + std::to_string(directory));
  }
  under_way_[thread] = std::move(attempt);
  return true;
}

void Observer::OnReturn(pid_t thread) {
  const auto attempt = under_way_.find(thread);
  if (attempt == under_way_.end()) return;
  CallRecord record{};
  if (Ask(thread, record) && record.kind == kAtReturn) {
    Write(thread, attempt->second, record.result.is_error ? static_cast<int>(-record.result.value) : 0);
  }
  under_way_.erase(attempt);
}

void Observer::Write(pid_t thread, const Attempt& attempt, int error) {
  if (pipe_ < 0) return;
  std::string missing;
  if (attempt.call->intent == Intent::execute && (error == ENOENT || error == EACCES)) {
    missing = MissingInterpreter(attempt.path[0] == '/' ? attempt.path : attempt.base + "/" + attempt.path);
  }
  const AttemptRecord record{thread,
                             attempt.call->intent,
                             error,
                             attempt.flags,
                             static_cast<uint32_t>(attempt.base.size()),
                             static_cast<uint32_t>(attempt.path.size()),
                             static_cast<uint32_t>(missing.size())};
  std::string bytes(reinterpret_cast<const char*>(&record), sizeof record);
  bytes += attempt.base + attempt.path + missing;
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(pipe_, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      // Nobody wants to know any more.
      pipe_ = -1;
      return;
    }
    done += static_cast<size_t>(written);
  }
}

namespace {

// Asked of the version: what would say so itself takes a thread that is traced already.
bool HasCallRecords() {
  utsname system{};
  int major = 0;
  int minor = 0;
  if (uname(&system) != 0 || sscanf(system.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 5 || (major == 5 && minor >= 3);
}

long Trace(int request, pid_t thread, unsigned long address, void* data) {
  return syscall(SYS_ptrace, static_cast<long>(request), static_cast<long>(thread), address, data);
}

// A thread that was killed meanwhile does not go on; its end will be told.
void Continue(pid_t thread, int signal, bool until_return) {
  Trace(until_return ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0, reinterpret_cast<void*>(static_cast<long>(signal)));
}

bool Ask(pid_t thread, CallRecord& record) { return Trace(kGetCall, thread, sizeof record, &record) > 0; }

// Up to the first NUL. Empty for what cannot be read, or has no end where the kernel would look for one.
std::string ReadText(pid_t thread, uint64_t address) {
  constexpr uint64_t kPage = 4096;
  std::string text;
  while (text.size() < PATH_MAX) {
    char buffer[kPage];
    // Not beyond the page, as the next one may not be there.
    const size_t wanted = std::min<size_t>(kPage - address % kPage, PATH_MAX - text.size());
    const size_t got = ReadMemory(thread, address, buffer, wanted);
    if (got == 0) return "";
    if (const void* end = memchr(buffer, 0, got)) return text.append(buffer, static_cast<const char*>(end) - buffer);
    text.append(buffer, got);
    address += got;
  }
  return "";
}

// As `unix:/path`, `unix:@abstract`, `inet:1.2.3.4:53` or `inet6:::1:53`.
std::string ReadAddress(pid_t thread, uint64_t address, uint64_t size) {
  sockaddr_storage any{};
  const size_t got = ReadMemory(thread, address, &any, static_cast<size_t>(std::min<uint64_t>(size, sizeof any)));
  char text[INET6_ADDRSTRLEN];
  if (any.ss_family == AF_INET && got >= sizeof(sockaddr_in)) {
    sockaddr_in inet{};
    memcpy(&inet, &any, sizeof inet);
    inet_ntop(AF_INET, &inet.sin_addr, text, sizeof text);
    return "inet:" + std::string(text) + ":" + std::to_string(ntohs(inet.sin_port));
  }
  if (any.ss_family == AF_INET6 && got >= offsetof(sockaddr_in6, sin6_scope_id)) {
    sockaddr_in6 inet{};
    memcpy(&inet, &any, sizeof inet);
    inet_ntop(AF_INET6, &inet.sin6_addr, text, sizeof text);
    return "inet6:" + std::string(text) + ":" + std::to_string(ntohs(inet.sin6_port));
  }
  constexpr size_t kNameOffset = offsetof(sockaddr_un, sun_path);
  if (any.ss_family != AF_UNIX || got <= kNameOffset) return "";
  std::string name(reinterpret_cast<const char*>(&any) + kNameOffset, got - kNameOffset);
  if (name[0] == '\0') return "unix:@" + name.substr(1);
  return "unix:" + name.substr(0, name.find('\0'));
}

size_t ReadMemory(pid_t thread, uint64_t address, void* buffer, size_t size) {
  const iovec here{buffer, size};
  const iovec there{reinterpret_cast<void*>(static_cast<uintptr_t>(address)), size};
  const ssize_t got = process_vm_readv(thread, &here, 1, &there, 1, 0);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

std::string LinkTarget(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), target, sizeof target);
  // What is no file has a name like `pipe:[1]`.
  return size > 0 && target[0] == '/' ? std::string(target, static_cast<size_t>(size)) : "";
}

}  // namespace
}  // namespace airplant
