#include "spec-message.h"

#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace airplant {

namespace {

// One description of the message serves both directions, so that they cannot drift apart.
template <class Archive>
void Describe(Archive& archive, DeviceNumber& device) {
  archive(device.major, device.minor);
}

template <class Archive>
void Describe(Archive& archive, Entry& entry) {
  archive(entry.kind, entry.target, entry.mode, entry.text, entry.read_only, entry.optional, entry.follow,
          entry.resolved, entry.for_builder, entry.device);
}

template <class Archive>
void Describe(Archive& archive, IdRange& range) {
  archive(range.inside, range.outside, range.count);
}

template <class Archive>
void Describe(Archive& archive, IdMap& map) {
  archive(map.ranges, map.program);
}

template <class Archive>
void Describe(Archive& archive, Limit& limit) {
  archive(limit.resource, limit.soft, limit.hard);
}

template <class Archive>
void Describe(Archive& archive, Command& command) {
  archive(command.path, command.arguments, command.environment, command.directory, command.umask);
  archive(command.processors, command.controlling_terminal, command.more_descriptors);
}

template <class Archive>
void Describe(Archive& archive, NetworkHelper& helper) {
  archive(helper.program, helper.arguments, helper.timeout_milliseconds, helper.unreachable);
}

template <class Archive>
void Describe(Archive& archive, SandboxSpec& spec) {
  archive(spec.backend, spec.session, spec.root_kind, spec.root, spec.read_only_root);
  archive(spec.private_pids, spec.private_ipc, spec.private_uts, spec.private_network);
  archive(spec.private_cgroups, spec.nested_namespaces);
  archive(spec.network_helper, spec.scope_abstract_sockets);
  archive(spec.uid, spec.gid, spec.id_count, spec.uid_map, spec.gid_map);
  archive(spec.host_name, spec.domain_name);
  archive(spec.entries, spec.command, spec.limits, spec.personality, spec.filter, spec.observed, spec.control_group);
  archive(spec.first_process, spec.profile, spec.profile_parameters);
}

constexpr Backend LastOf(Backend) { return Backend::take_back; }
constexpr Session LastOf(Session) { return Session::hook; }
constexpr Filter LastOf(Filter) { return Filter::sealed; }
constexpr RootKind LastOf(RootKind) { return RootKind::tmpfs; }
constexpr EntryKind LastOf(EntryKind) { return EntryKind::reversed; }
constexpr Resource LastOf(Resource) { return Resource::as; }

class Writer {
 public:
  template <class... Fields>
  void operator()(Fields&... fields) {
    (Put(fields), ...);
  }

  std::string Take() { return std::move(bytes_); }

 private:
  template <class Field>
  void Put(Field& field) {
    if constexpr (std::is_arithmetic_v<Field> || std::is_enum_v<Field>) {
      bytes_.append(reinterpret_cast<const char*>(&field), sizeof(Field));
    } else {
      Describe(*this, field);
    }
  }

  void Put(std::string& text) {
    PutLength(text.size());
    bytes_ += text;
  }

  template <class Item>
  void Put(std::vector<Item>& items) {
    PutLength(items.size());
    for (Item& item : items) Put(item);
  }

  template <class Value>
  void Put(std::optional<Value>& value) {
    bool present = value.has_value();
    Put(present);
    if (present) Put(*value);
  }

  void PutLength(uint64_t length) { Put(length); }

  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (Get(fields), ...);
  }

  void ExpectEnd() const {
    if (!left_.empty()) throw std::runtime_error("bytes after the end of the request");
  }

 private:
  template <class Field>
  void Get(Field& field) {
    if constexpr (std::is_enum_v<Field>) {
      uint8_t number = 0;
      Get(number);
      if (number > static_cast<uint8_t>(LastOf(Field{}))) throw std::runtime_error("unknown enumerator");
      field = static_cast<Field>(number);
    } else if constexpr (std::is_same_v<Field, bool>) {
      uint8_t number = 0;
      Get(number);
      if (number > 1) throw std::runtime_error("a boolean that is neither 0 nor 1");
      field = number == 1;
    } else if constexpr (std::is_arithmetic_v<Field>) {
      memcpy(&field, Next(sizeof(Field)).data(), sizeof(Field));
    } else {
      Describe(*this, field);
    }
  }

  void Get(std::string& text) { text = Next(GetLength()); }

  template <class Item>
  void Get(std::vector<Item>& items) {
    // Every item takes a byte or more, so a lying count cannot make us allocate more than the message's size.
    const uint64_t count = GetLength();
    if (count > left_.size()) throw std::runtime_error("a count beyond the end of the request");
    for (uint64_t i = 0; i < count; i++) Get(items.emplace_back());
  }

  template <class Value>
  void Get(std::optional<Value>& value) {
    bool present = false;
    Get(present);
    if (present) Get(value.emplace());
  }

  uint64_t GetLength() {
    uint64_t length = 0;
    Get(length);
    return length;
  }

  std::string_view Next(uint64_t length) {
    if (length > left_.size()) throw std::runtime_error("the request is cut short");
    const std::string_view bytes = left_.substr(0, length);
    left_.remove_prefix(length);
    return bytes;
  }

  std::string_view left_;
};

}  // namespace

std::string EncodeSpec(const SandboxSpec& spec) {
  Writer writer;
  Describe(writer, const_cast<SandboxSpec&>(spec));  // a Writer only reads
  return writer.Take();
}

SandboxSpec DecodeSpec(std::string_view message) {
  Reader reader(message);
  SandboxSpec spec;
  Describe(reader, spec);
  reader.ExpectEnd();
  return spec;
}

}  // namespace airplant
