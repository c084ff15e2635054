#include "launch/linux/map-writer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "launch/common/descriptors.h"
#include "launch/common/execute.h"
#include "launch/common/failure.h"
#include "launch/platform.h"

namespace airplant {

namespace {

constexpr char kStep[] = "map-ids";

// Of what a program says, the start is kept.
constexpr size_t kMaxWords = 512;

// What the child answers: how it went, and what a program had to say.
struct Answer {
  int32_t error = 0;
  char words[kMaxWords] = {};
};

[[noreturn]] void Serve(int socket, pid_t parent, const UniqueFd& parent_directory,
                        const std::vector<MapWriter::File>& files);
void WriteDirectly(const UniqueFd& directory, const MapWriter::File& file);
void RunProgram(pid_t target, const MapWriter::File& file);
[[noreturn]] void Become(const std::string& program, std::vector<std::string> arguments, int output);

}  // namespace

MapWriter::MapWriter(const Proc& proc, const std::vector<File>& files) {
  FdPair sockets = MakeSocketPair();
  // Stays this process, whatever becomes of its number.
  const UniqueFd self(openat(proc.Get(), "self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  Check(self.Get(), kStep, "/proc/self");
  const pid_t parent = getpid();
  child_ = Check(fork(), "fork");
  if (child_ == 0) {
    sockets.first.Reset();
    Serve(sockets.second.Get(), parent, self, files);
  }
  socket_ = std::move(sockets.first);
}

void MapWriter::Write() {
  char go = 0;
  Answer answer;
  Check(send(socket_.Get(), &go, 1, SendFlags()), kStep);
  const ssize_t size = recv(socket_.Get(), &answer, sizeof answer, MSG_WAITALL);
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (size != sizeof answer) Fail(kStep, {}, size < 0 ? errno : ECHILD);
  if (answer.error != 0) Fail(kStep, std::string(answer.words, strnlen(answer.words, kMaxWords)), answer.error);
}

namespace {

void Serve(int socket, pid_t parent, const UniqueFd& parent_directory, const std::vector<MapWriter::File>& files) {
  char go;
  // The end of the file: the parent has failed before there was anything to map.
  if (recv(socket, &go, 1, 0) != 1) _exit(0);
  Answer answer;
  try {
    for (const MapWriter::File& file : files) {
      if (file.map.program.empty()) {
        WriteDirectly(parent_directory, file);
      } else {
        RunProgram(parent, file);
      }
    }
  } catch (const SetupFailure& failure) {
    answer.error = failure.error;
    failure.path.copy(answer.words, kMaxWords);
  }
  [[maybe_unused]] const auto sent = send(socket, &answer, sizeof answer, SendFlags());
  _exit(0);
}

void WriteDirectly(const UniqueFd& directory, const MapWriter::File& file) {
  std::string text;
  for (const IdRange& range : file.map.ranges) {
    text += std::to_string(range.inside) + " " + std::to_string(range.outside) + " " + std::to_string(range.count) + "\n";
  }
  const UniqueFd map(openat(directory.Get(), file.name, O_WRONLY | O_CLOEXEC));
  Check(map.Get(), kStep, file.name);
  Check(write(map.Get(), text.data(), text.size()), kStep, file.name);
}

// It looks up in /etc/subuid or /etc/subgid what this user may map.
void RunProgram(pid_t target, const MapWriter::File& file) {
  const std::string& program = file.map.program;
  std::vector<std::string> arguments{program, std::to_string(target)};
  for (const IdRange& range : file.map.ranges) {
    for (const uint32_t number : {range.inside, range.outside, range.count}) arguments.push_back(std::to_string(number));
  }
  FdPair pipe = MakePipe();
  const pid_t child = Check(fork(), "fork");
  if (child == 0) Become(program, std::move(arguments), pipe.second.Get());
  pipe.second.Reset();
  std::string words;
  char buffer[kMaxWords];
  for (ssize_t size; (size = read(pipe.first.Get(), buffer, sizeof buffer)) != 0;) {
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) break;
    if (words.size() < kMaxWords) words.append(buffer, static_cast<size_t>(size));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  while (!words.empty() && words.back() == '\n') words.pop_back();
  Fail(kStep, program + ": " + (words.empty() ? "status " + std::to_string(status) : words), ECHILD);
}

void Become(const std::string& program, std::vector<std::string> arguments, int output) {
  dup2(output, 1);
  dup2(output, 2);
  CloseAllExcept({0, 1, 2});
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  char* const environment[] = {nullptr};
  ResetSignals();
  execve(program.c_str(), pointers.data(), environment);
  dprintf(2, "%s", strerror(errno));
  _exit(127);
}

}  // namespace
}  // namespace airplant
