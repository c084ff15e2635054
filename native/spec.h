#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// ts/sandbox/spec.ts in plain C++: what the launcher carries out for one sandbox. All strings are bytes without NUL,
// except the contents of a file. Nothing here knows JavaScript or the operating system.
namespace airplant {

// take_back: nothing is run; the entries' directories are freed of what a builder with other ids has left in them.
enum class Backend : uint8_t { namespaces, seatbelt, none, take_back };
enum class Session : uint8_t { sealed, interactive, hook };
enum class Filter : uint8_t { none, sealed };
enum class RootKind : uint8_t { directory, tmpfs };
enum class EntryKind : uint8_t { directory, file, symlink, bind, proc, tmpfs, devpts, reversed };
enum class Resource : uint8_t { core, cpu, data, fsize, memlock, nofile, nproc, stack, as };

inline constexpr uint64_t kUnlimited = ~uint64_t{0};
// What Linux can be configured for.
inline constexpr uint32_t kMostProcessors = 8192;
// The smallest `pid_max` a Linux has had by default.
inline constexpr uint32_t kLargestProcess = 32767;

struct DeviceNumber {
  uint32_t major = 0;
  uint32_t minor = 0;
};

struct Entry {
  EntryKind kind = EntryKind::directory;
  std::string target;
  // Permission bits of a directory, a file, a tmpfs.
  uint32_t mode = 0;
  // file: contents; symlink: where it points; bind and reversed: source; tmpfs: size.
  std::string text;
  // Of a bind or a reversed copy; the rest is for binds.
  bool read_only = false;
  bool optional = false;
  bool follow = false;
  // A symlink in the source, wherever, is an error.
  bool resolved = false;
  // The source, a directory, and all in it belong to the builder while the sandbox lives.
  bool for_builder = false;
  std::optional<DeviceNumber> device;
};

// Consecutive ids: those from `inside` on are, outside of the user namespace, those from `outside` on.
struct IdRange {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t count = 1;
};

// The ids of one kind in a user namespace, where it takes more to map them than a process may do for itself.
struct IdMap {
  std::vector<IdRange> ranges;
  // Absolute path of newuidmap or newgidmap; empty: written directly, which takes the host's root.
  std::string program;
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
  // Numbers of the processors it may run on; empty: all.
  std::vector<uint32_t> processors;
  // Standard input is a terminal that becomes the controlling one of its session.
  bool controlling_terminal = false;
  // Descriptors of /dev/null that it inherits after the standard ones.
  uint32_t more_descriptors = 0;
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
  // The builder's ids: so many from these on. They are the caller's outside, unless maps say otherwise.
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t id_count = 1;
  std::optional<IdMap> uid_map;
  std::optional<IdMap> gid_map;
  std::string host_name;
  std::string domain_name;
  std::vector<Entry> entries;
  Command command;
  std::vector<Limit> limits;
  uint32_t personality = 0;
  Filter filter = Filter::sealed;
  // What it tries to reach by name is told (Launch::observer).
  bool observed = false;
  // Directory of the control group that everything in the sandbox is in; empty: the caller's.
  std::string control_group;
  // Process id of the command in a process namespace of its own; 0: whatever comes, which is 2.
  uint32_t first_process = 0;
  // For Backend::seatbelt: the profile's text, and its parameters as name, value, name, value…
  std::string profile;
  std::vector<std::string> profile_parameters;
};

}  // namespace airplant
