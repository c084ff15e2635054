#include "js/read-spec.h"

#include <algorithm>
#include <cmath>

#include "builtin/names.h"
#include "js/arguments.h"
#include "js/text.h"

namespace airplant {

namespace {

// The kernel keeps the largest number for "no id".
constexpr uint32_t kLargestId = 0xfffffffe;

// Lines that the kernel takes in one map (user_namespaces(7)).
constexpr size_t kMostRanges = 340;

// The kernel's __NEW_UTS_LEN.
constexpr size_t kMaxHostName = 64;

// A value, and where it was found, for messages. Fields live no longer than the expressions that look at them.
struct Field {
  Napi::Value value;
  const Field* parent;
  const char* key;
  uint32_t index = 0;

  Field operator[](const char* name) const {
    if (!value.IsObject()) Refuse("an object");
    return {value.As<Napi::Object>().Get(name), this, name};
  }

  Field At(uint32_t i) const { return {value.As<Napi::Array>().Get(i), this, nullptr, i}; }

  std::string Name() const {
    if (parent == nullptr) return key;
    std::string name = parent->Name();
    if (key != nullptr) return name.append(".").append(key);
    return name.append("[").append(std::to_string(index)).append("]");
  }

  [[noreturn]] void Refuse(const char* expected) const { throw WrongArgument(value.Env(), Name() + " must be " + expected); }

  std::string Bytes() const {
    if (!value.IsString()) Refuse("a string");
    try {
      return ToBytes(value, "it");
    } catch (const Napi::Error&) {
      Refuse("without lone surrogates that stand for no byte");
    }
  }

  // What the kernel takes as a string ends at its first NUL.
  std::string Text() const {
    std::string bytes = Bytes();
    if (bytes.find('\0') != std::string::npos) Refuse("without NUL");
    return bytes;
  }

  std::string AbsolutePath() const {
    std::string path = Text();
    if (!path.starts_with('/')) Refuse("an absolute path");
    return path;
  }

  bool Flag() const {
    if (!value.IsBoolean()) Refuse("a boolean");
    return value.As<Napi::Boolean>();
  }

  bool FlagOr(bool absent) const { return value.IsUndefined() ? absent : Flag(); }

  uint64_t Integer(uint64_t largest) const {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0) || number != std::floor(number) || number > static_cast<double>(largest)) {
      Refuse(("an integer from 0 to " + std::to_string(largest)).c_str());
    }
    return static_cast<uint64_t>(number);
  }

  uint32_t Mode() const { return static_cast<uint32_t>(Integer(07777)); }

  template <class Choice>
  Choice OneOf(std::initializer_list<std::pair<const char*, Choice>> choices) const {
    if (value.IsString()) {
      const std::string word = value.As<Napi::String>().Utf8Value();
      for (const auto& [name, choice] : choices) {
        if (word == name) return choice;
      }
    }
    return ToChoice<Choice>(value, Name().c_str(), choices);
  }

  template <class Visit>
  void Each(Visit visit) const {
    if (!value.IsArray()) Refuse("an array");
    const auto array = value.As<Napi::Array>();
    const uint32_t length = array.Length();
    for (uint32_t i = 0; i < length; i++) {
      const Napi::HandleScope scope(value.Env());
      visit(At(i));
    }
  }

  std::pair<Field, Field> Pair() const {
    if (!value.IsArray() || value.As<Napi::Array>().Length() != 2) Refuse("a pair");
    return {At(0), At(1)};
  }
};

void ReadBackend(const Field& field, SandboxSpec& spec);
NetworkHelper ReadNetworkHelper(const Field& field);
void ReadIds(const Field& spec_field, SandboxSpec& spec);
void ReadIdMaps(const Field& field, SandboxSpec& spec);
std::optional<IdMap> ReadIdMap(const Field& field);
IdRange ReadIdRange(const Field& field);
bool Covers(const IdMap& map, uint32_t first, uint32_t count);
Entry ReadEntry(const Field& field);
void ReadBind(const Field& field, Entry& entry);
Command ReadCommand(const Field& field);
std::string ReadVariable(const Field& field);
Limit ReadLimit(const Field& field);
uint64_t ReadBound(const Field& field);

}  // namespace

SandboxSpec ToSpec(const Napi::Value& value) {
  const Field field{value, nullptr, "spec"};
  SandboxSpec spec;
  if (field["version"].Integer(1) != 1) field["version"].Refuse("1");
  ReadBackend(field["backend"], spec);
  spec.session =
      field["session"].OneOf<Session>(
          {{"sealed", Session::sealed}, {"interactive", Session::interactive}, {"hook", Session::hook}});

  const Field root = field["root"];
  spec.root_kind = root["kind"].OneOf<RootKind>({{"directory", RootKind::directory}, {"tmpfs", RootKind::tmpfs}});
  if (spec.root_kind == RootKind::directory) spec.root = root["path"].AbsolutePath();
  spec.read_only_root = root["readOnly"].FlagOr(false);

  const Field namespaces = field["namespaces"];
  spec.private_pids = namespaces["pid"].Flag();
  spec.private_ipc = namespaces["ipc"].Flag();
  spec.private_uts = namespaces["uts"].Flag();
  spec.private_network = namespaces["network"].OneOf<bool>({{"private", true}, {"host", false}});
  spec.private_cgroups = namespaces["cgroup"].FlagOr(false);
  spec.nested_namespaces = namespaces["nested"].FlagOr(true);
  if (const Field helper = field["networkHelper"]; !helper.value.IsUndefined()) {
    if (!spec.private_network || !spec.private_pids) helper.Refuse("absent unless network and processes are private");
    spec.network_helper = ReadNetworkHelper(helper);
  }
  if (const Field scope = field["scopeAbstractSockets"]; !scope.value.IsUndefined()) {
    spec.scope_abstract_sockets = scope.Flag();
  }

  ReadIds(field, spec);
  spec.host_name = field["hostname"].Text();
  if (spec.host_name.size() > kMaxHostName) field["hostname"].Refuse("at most 64 bytes long");
  spec.domain_name = field["domainname"].Text();
  if (spec.domain_name.size() > kMaxHostName) field["domainname"].Refuse("at most 64 bytes long");
  field["entries"].Each([&](const Field& entry) { spec.entries.push_back(ReadEntry(entry)); });
  spec.command = ReadCommand(field["command"]);
  field["limits"]["rlimits"].Each([&](const Field& limit) { spec.limits.push_back(ReadLimit(limit)); });
  spec.observed = field["observed"].FlagOr(false);
  const Field group = field["controlGroup"];
  if (!group.value.IsUndefined()) spec.control_group = group.AbsolutePath();
  if (const Field first = field["firstProcess"]; !first.value.IsUndefined()) {
    if (!spec.private_pids) first.Refuse("absent unless processes are private");
    spec.first_process = static_cast<uint32_t>(first.Integer(kLargestProcess));
    if (spec.first_process < 2) first.Refuse("at least 2");
  }
  spec.personality = static_cast<uint32_t>(field["personality"].Integer(0xfffffffe));
  spec.filter = field["filter"].OneOf<Filter>({{"sealed", Filter::sealed}, {"none", Filter::none}});
  return spec;
}

SandboxSpec ToTakeBack(const Napi::Value& id_maps, const Napi::Value& directory) {
  SandboxSpec spec;
  spec.backend = Backend::take_back;
  spec.root_kind = RootKind::tmpfs;
  spec.private_pids = spec.private_ipc = spec.private_uts = spec.private_network = false;
  ReadIdMaps({id_maps, nullptr, "idMaps"}, spec);
  // More than the caller's own: whose they are does not matter.
  spec.id_count = UINT32_MAX;
  Entry entry;
  entry.kind = EntryKind::bind;
  entry.text = Field{directory, nullptr, "directory"}.AbsolutePath();
  entry.for_builder = true;
  spec.entries.push_back(std::move(entry));
  return spec;
}

namespace {

void ReadBackend(const Field& field, SandboxSpec& spec) {
  if (field.value.IsUndefined()) return;
  spec.backend = field["kind"].OneOf<Backend>({{"linux-namespaces", Backend::namespaces},
                                               {"darwin-seatbelt", Backend::seatbelt},
                                               {"none", Backend::none}});
  if (spec.backend != Backend::seatbelt) return;
  spec.profile = field["profile"].Text();
  field["parameters"].Each([&](const Field& parameter) {
    const auto [name, text] = parameter.Pair();
    spec.profile_parameters.push_back(name.Text());
    spec.profile_parameters.push_back(text.Text());
  });
}

NetworkHelper ReadNetworkHelper(const Field& field) {
  NetworkHelper helper;
  helper.program = field["program"].AbsolutePath();
  field["argv"].Each([&](const Field& argument) { helper.arguments.push_back(argument.Text()); });
  helper.timeout_milliseconds = static_cast<uint32_t>(field["timeoutMilliseconds"].Integer(INT32_MAX));
  field["unreachable"].Each([&](const Field& network) { helper.unreachable.push_back(network.Text()); });
  return helper;
}

void ReadIds(const Field& spec_field, SandboxSpec& spec) {
  const Field field = spec_field["ids"];
  spec.uid = static_cast<uint32_t>(field["uid"].Integer(kLargestId));
  spec.gid = static_cast<uint32_t>(field["gid"].Integer(kLargestId));
  if (const Field count = field["count"]; !count.value.IsUndefined()) {
    spec.id_count = static_cast<uint32_t>(count.Integer(kLargestId));
  }
  if (const Field maps = spec_field["idMaps"]; !maps.value.IsUndefined()) ReadIdMaps(maps, spec);
  if (spec.id_count == 0) field["count"].Refuse("a positive integer");
  if (spec.id_count > 1 && (!spec.uid_map || !spec.gid_map)) field["count"].Refuse("1 unless idMaps maps users and groups");
  if (spec.uid_map && !Covers(*spec.uid_map, spec.uid, spec.id_count)) field["uid"].Refuse("in a range of idMaps.uids, with all that follow");
  if (spec.gid_map && !Covers(*spec.gid_map, spec.gid, spec.id_count)) field["gid"].Refuse("in a range of idMaps.gids, with all that follow");
}

void ReadIdMaps(const Field& field, SandboxSpec& spec) {
  spec.uid_map = ReadIdMap(field["uids"]);
  spec.gid_map = ReadIdMap(field["gids"]);
}

std::optional<IdMap> ReadIdMap(const Field& field) {
  if (field.value.IsUndefined()) return std::nullopt;
  IdMap map;
  field["ranges"].Each([&](const Field& range) { map.ranges.push_back(ReadIdRange(range)); });
  if (map.ranges.empty() || map.ranges.size() > kMostRanges) field["ranges"].Refuse("an array of 1 to 340 ranges");
  if (const Field program = field["program"]; !program.value.IsUndefined()) map.program = program.AbsolutePath();
  return map;
}

IdRange ReadIdRange(const Field& field) {
  IdRange range;
  range.inside = static_cast<uint32_t>(field["inside"].Integer(kLargestId));
  range.outside = static_cast<uint32_t>(field["outside"].Integer(kLargestId));
  const uint64_t most = uint64_t{kLargestId} + 1 - std::max(range.inside, range.outside);
  range.count = static_cast<uint32_t>(field["count"].Integer(most));
  if (range.count == 0) field["count"].Refuse("a positive integer");
  return range;
}

// Whether all ids inside are in one of the ranges.
bool Covers(const IdMap& map, uint32_t first, uint32_t count) {
  return std::any_of(map.ranges.begin(), map.ranges.end(), [&](const IdRange& range) {
    return first >= range.inside && uint64_t{first} + count <= uint64_t{range.inside} + range.count;
  });
}

Entry ReadEntry(const Field& field) {
  Entry entry;
  entry.kind = field["kind"].OneOf<EntryKind>({{"directory", EntryKind::directory},
                                               {"file", EntryKind::file},
                                               {"symlink", EntryKind::symlink},
                                               {"bind", EntryKind::bind},
                                               {"proc", EntryKind::proc},
                                               {"tmpfs", EntryKind::tmpfs},
                                               {"devpts", EntryKind::devpts},
                                               {"reversed", EntryKind::reversed}});
  entry.target = field["target"].AbsolutePath();
  switch (entry.kind) {
    case EntryKind::directory:
      entry.mode = field["mode"].Mode();
      break;
    case EntryKind::file:
      entry.mode = field["mode"].Mode();
      entry.text = field["contents"].Bytes();
      break;
    case EntryKind::symlink:
      entry.text = field["to"].Text();
      break;
    case EntryKind::bind:
      ReadBind(field, entry);
      break;
    case EntryKind::reversed:
      entry.text = field["source"].AbsolutePath();
      entry.read_only = field["readOnly"].Flag();
      break;
    case EntryKind::tmpfs:
      entry.mode = field["mode"].Mode();
      entry.text = field["size"].Text();
      break;
    case EntryKind::proc:
    case EntryKind::devpts:
      break;
  }
  return entry;
}

void ReadBind(const Field& field, Entry& entry) {
  entry.text = field["source"].AbsolutePath();
  entry.read_only = field["readOnly"].Flag();
  entry.optional = field["optional"].Flag();
  entry.follow = field["follow"].Flag();
  entry.resolved = field["resolved"].FlagOr(false);
  entry.for_builder = field["forBuilder"].FlagOr(false);
  const Field device = field["device"];
  if (device.value.IsUndefined()) return;
  entry.device.emplace();
  entry.device->major = static_cast<uint32_t>(device["major"].Integer(0xfff));
  entry.device->minor = static_cast<uint32_t>(device["minor"].Integer(0xfffff));
}

Command ReadCommand(const Field& field) {
  Command command;
  command.path = field["path"].Text();
  if (!IsBuiltin(command.path)) command.path = field["path"].AbsolutePath();
  field["argv"].Each([&](const Field& argument) { command.arguments.push_back(argument.Text()); });
  field["env"].Each([&](const Field& variable) { command.environment.push_back(ReadVariable(variable)); });
  command.directory = field["cwd"].AbsolutePath();
  command.umask = static_cast<uint32_t>(field["umask"].Integer(0777));
  if (const Field processors = field["processors"]; !processors.value.IsUndefined()) {
    processors.Each([&](const Field& number) {
      command.processors.push_back(static_cast<uint32_t>(number.Integer(kMostProcessors - 1)));
    });
  }
  command.controlling_terminal = field["controllingTerminal"].FlagOr(false);
  if (const Field more = field["moreDescriptors"]; !more.value.IsUndefined()) {
    command.more_descriptors = static_cast<uint32_t>(more.Integer(100));
  }
  return command;
}

// Any name will do, also an empty one or one with a '=': that is how Nix passes the attributes of a derivation.
std::string ReadVariable(const Field& field) {
  const auto [name, text] = field.Pair();
  return name.Text() + "=" + text.Text();
}

Limit ReadLimit(const Field& field) {
  Limit limit;
  limit.resource = field["resource"].OneOf<Resource>({{"core", Resource::core},
                                                      {"cpu", Resource::cpu},
                                                      {"data", Resource::data},
                                                      {"fsize", Resource::fsize},
                                                      {"memlock", Resource::memlock},
                                                      {"nofile", Resource::nofile},
                                                      {"nproc", Resource::nproc},
                                                      {"stack", Resource::stack},
                                                      {"as", Resource::as}});
  limit.soft = ReadBound(field["soft"]);
  limit.hard = ReadBound(field["hard"]);
  return limit;
}

uint64_t ReadBound(const Field& field) {
  if (field.value.IsString() && field.value.As<Napi::String>().Utf8Value() == "infinity") return kUnlimited;
  // The largest integer a JavaScript number holds exactly.
  return field.Integer((uint64_t{1} << 53) - 1);
}

}  // namespace
}  // namespace airplant
