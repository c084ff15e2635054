#include "builtin/run-builtin.h"

#include <cstdio>
#include <exception>

#include "builtin/attributes.h"
#include "builtin/buildenv.h"
#include "builtin/names.h"
#include "builtin/unpack-channel.h"

namespace airplant {

static void Run(const Command& command);

int RunBuiltin(const Command& command) {
  try {
    Run(command);
    return 0;
  } catch (const std::exception& error) {
    fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}

static void Run(const Command& command) {
  const Attributes attributes(command.environment);
  if (command.path == kBuildenv) return BuildEnvironment(attributes);
  if (command.path == kUnpackChannel) return UnpackChannel(attributes, command.arguments);
  throw BuiltinFailure("there is no builder '" + command.path + "'");
}

}  // namespace airplant
