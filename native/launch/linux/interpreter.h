#pragma once

#include <string>

namespace airplant {

// The file without which the kernel does not execute the program at `path`, although that is there: the interpreter in the
// first line of a script, the loader of a dynamic program, or theirs in turn. Empty if none is missing. As this process sees
// files; `path` may be anything, and nothing is waited for.
std::string MissingInterpreter(const std::string& path);

}  // namespace airplant
