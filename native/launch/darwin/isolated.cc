#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "launch/backend.h"
#include "launch/common/execute.h"
#include "launch/common/failure.h"
#include "launch/common/supervise.h"

// Exported by libsystem_sandbox and used by every browser and package manager with a sandbox, but in no public header.
extern "C" {
int sandbox_init_with_parameters(const char* profile, uint64_t flags, const char* const parameters[], char** error);
void sandbox_free_error(char* error);
}

namespace airplant {

static void ApplyProfile(const SandboxSpec& spec);

void PrepareIsolation() {}

// There are neither control groups nor personalities, and no way to give up set-user-id programs but a profile.
void PreparePlain(const SandboxSpec&) {}

// There are no namespaces: root, names, ids and entries of the spec are not looked at. The profile confines the builder and
// all its descendants for good.
void RunIsolated(const SandboxSpec& spec, const Launch& launch) {
  if (spec.backend != Backend::seatbelt) Fail("backend", {}, ENOTSUP);
  // A profile confines root much less, and there is no other id to take. The planner refuses it too.
  if (geteuid() == 0) Fail("ids", {}, EPERM);
  const auto reach = spec.session == Session::sealed ? KillReach::group : KillReach::child;
  Supervise(launch, reach, [&] {
    ApplyProfile(spec);
    Execute(spec, launch);
  });
}

static void ApplyProfile(const SandboxSpec& spec) {
  std::vector<const char*> parameters;
  for (const std::string& parameter : spec.profile_parameters) parameters.push_back(parameter.c_str());
  parameters.push_back(nullptr);
  char* error = nullptr;
  if (sandbox_init_with_parameters(spec.profile.c_str(), 0, parameters.data(), &error) == 0) return;
  const std::string message = error != nullptr ? error : "";
  if (error != nullptr) sandbox_free_error(error);
  Fail("seatbelt-profile", message, EINVAL);
}

}  // namespace airplant
