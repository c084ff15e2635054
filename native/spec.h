#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// ts/sandbox/spec.ts in plain C++: what the launcher carries out for one sandbox. All strings are bytes without NUL,
// except the contents of a file. Nothing here knows JavaScript or the operating system.
namespace airplant {

enum class Backend : uint8_t { namespaces, seatbelt, none };
enum class Session : uint8_t { sealed, interactive };
enum class Filter : uint8_t { none, sealed };
enum class RootKind : uint8_t { directory, tmpfs };
enum class EntryKind : uint8_t { directory, file, symlink, bind, proc, tmpfs, devpts };
enum class Resource : uint8_t { core, cpu, data, fsize, memlock, nofile, nproc, stack, as };

inline constexpr uint64_t kUnlimited = ~uint64_t{0};

struct DeviceNumber {
  uint32_t major = 0;
  uint32_t minor = 0;
};

struct Entry {
  EntryKind kind = EntryKind::directory;
  std::string target;
  // Permission bits of a directory, a file, a tmpfs.
  uint32_t mode = 0;
  // file: contents; symlink: where it points; bind: source; tmpfs: size.
  std::string text;
  // The rest is for binds.
  bool read_only = false;
  bool optional = false;
  bool follow = false;
  std::optional<DeviceNumber> device;
};

struct Limit {
  Resource resource = Resource::core;
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct Command {
  std::string path;
  std::vector<std::string> arguments;
  // `NAME=value` each.
  std::vector<std::string> environment;
  std::string directory;
  uint32_t umask = 0;
};

// A program outside the sandbox that connects the private network namespace with the host's network.
struct NetworkHelper {
  std::string program;
  // argv[0] included. Descriptor 0 is the network namespace, 1 the user namespace it belongs to, 2 a pipe for messages.
  std::vector<std::string> arguments;
  uint32_t timeout_milliseconds = 0;
  // Networks that stay out of reach, as `address/prefix length`.
  std::vector<std::string> unreachable;
};

struct SandboxSpec {
  Backend backend = Backend::namespaces;
  Session session = Session::sealed;
  RootKind root_kind = RootKind::directory;
  std::string root;
  // Once it is filled: what is to stay writable is a mount of its own.
  bool read_only_root = false;
  bool private_pids = true;
  bool private_ipc = true;
  bool private_uts = true;
  bool private_network = true;
  bool private_cgroups = false;
  // Whether the builder may make user namespaces of its own.
  bool nested_namespaces = true;
  std::optional<NetworkHelper> network_helper;
  bool scope_abstract_sockets = false;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string host_name;
  std::string domain_name;
  std::vector<Entry> entries;
  Command command;
  std::vector<Limit> limits;
  uint32_t personality = 0;
  Filter filter = Filter::sealed;
  // Directory of the control group that everything in the sandbox is in; empty: the caller's.
  std::string control_group;
  // For Backend::seatbelt: the profile's text, and its parameters as name, value, name, value…
  std::string profile;
  std::vector<std::string> profile_parameters;
};

}  // namespace airplant
