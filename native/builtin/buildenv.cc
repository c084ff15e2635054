#include "builtin/buildenv.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>
#include <utility>

#include "builtin/files.h"
#include "builtin/link-farm.h"

namespace airplant {

namespace {

struct Package {
  std::string path;
  bool active;
  int priority;
};

}  // namespace

static std::vector<Package> ParsePackages(const std::string& text);
static int ParseNumber(const std::string& word);
static std::vector<std::string> PropagatedPackages(const std::string& package);

void BuildEnvironment(const Attributes& attributes) {
  const std::string out = attributes.Get("out");
  std::vector<Package> packages = ParsePackages(attributes.Get("derivations"));
  const std::string manifest = attributes.Get("manifest");
  std::sort(packages.begin(), packages.end(), [](const Package& a, const Package& b) {
    return std::tie(a.priority, a.path) < std::tie(b.priority, b.path);
  });

  MakeDirectory(out);
  LinkFarm farm;
  std::set<std::string> done;
  std::set<std::string> propagated;
  const auto add = [&](const std::string& package, int priority) {
    if (!done.insert(package).second) return;
    farm.Add(package, out, priority);
    for (const std::string& another : PropagatedPackages(package)) {
      if (done.count(another) == 0) propagated.insert(another);
    }
  };
  for (const Package& package : packages) {
    if (package.active) add(package.path, package.priority);
  }
  // What packages bring along yields to what was asked for: nobody gives a package so high a number.
  for (int priority = 1000; !propagated.empty();) {
    for (const std::string& package : std::exchange(propagated, {})) add(package, priority++);
  }
  MakeSymlink(manifest, out + "/manifest.nix");
}

static std::vector<Package> ParsePackages(const std::string& text) {
  const std::vector<std::string> words = SplitWords(text, " \t\n\r");
  std::vector<Package> packages;
  for (size_t at = 0; at < words.size();) {
    if (words.size() - at < 3) throw BuiltinFailure("attribute 'derivations' ends within a package");
    const bool active = words[at] != "false";
    const int priority = ParseNumber(words[at + 1]);
    const int outputs = ParseNumber(words[at + 2]);
    at += 3;
    if (outputs < 0 || static_cast<size_t>(outputs) > words.size() - at) {
      throw BuiltinFailure("attribute 'derivations' has fewer than " + std::to_string(outputs) + " paths of a package");
    }
    for (int output = 0; output < outputs; output++) packages.push_back({words[at++], active, priority});
  }
  return packages;
}

static int ParseNumber(const std::string& word) {
  int number = 0;
  const char* end = word.data() + word.size();
  const auto [read, error] = std::from_chars(word.data(), end, number);
  if (error == std::errc() && read == end) return number;
  throw BuiltinFailure("attribute 'derivations' has '" + word + "' where a number should be");
}

static std::vector<std::string> PropagatedPackages(const std::string& package) {
  const auto text = ReadFileIfThere(package + "/nix-support/propagated-user-env-packages");
  return text ? SplitWords(*text, " \n") : std::vector<std::string>();
}

}  // namespace airplant
