#include "builtin/unpack-channel.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "builtin/files.h"

namespace airplant {

static void Extract(const std::string& archive, const std::string& directory, const std::vector<std::string>& arguments);
[[noreturn]] static void BecomeTar(const std::vector<std::string>& words, const std::string& search_path);

void UnpackChannel(const Attributes& attributes, const std::vector<std::string>& arguments) {
  const std::string out = attributes.Get("out");
  const std::string name = attributes.Get("channelName");
  const std::string archive = attributes.Get("src");
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    throw BuiltinFailure("channelName is '" + name + "', which is not the name of a file");
  }

  MakeDirectory(out);
  Extract(archive, out, arguments);

  const auto names = ListDirectory(out);
  if (!names || names->empty()) throw BuiltinFailure("channel tarball '" + archive + "' is empty");
  if (names->size() != 1) throw BuiltinFailure("channel tarball '" + archive + "' contains more than one file");
  Rename(out + "/" + names->front(), out + "/" + name);
}

static void Extract(const std::string& archive, const std::string& directory,
                    const std::vector<std::string>& arguments) {
  if (arguments.size() != 3) throw BuiltinFailure("there is no `tar` to unpack '" + archive + "' with");
  const std::string& tar = arguments[1];
  const pid_t child = fork();
  if (child < 0) throw SystemFailure("starting", tar);
  if (child == 0) BecomeTar({tar, "-x", "-f", archive, "-C", directory}, arguments[2]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw SystemFailure("waiting for", tar);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw BuiltinFailure("cannot unpack '" + archive + "'");
}

static void BecomeTar(const std::vector<std::string>& words, const std::string& search_path) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string path = "PATH=" + search_path;
  char* const environment[] = {path.data(), nullptr};
  execve(words[0].c_str(), arguments.data(), environment);
  fprintf(stderr, "cannot run '%s': %s\n", words[0].c_str(), strerror(errno));
  _exit(127);
}

}  // namespace airplant
