#include "fs/exports.h"

#include <memory>
#include <string>

#include "fs/archive.h"
#include "fs/canonicalise.h"
#include "fs/copy-tree.h"
#include "fs/create-at.h"
#include "fs/hash-arguments.h"
#include "fs/link-inodes.h"
#include "fs/link-trees.h"
#include "fs/lock.h"
#include "fs/move-tree.h"
#include "fs/remove-tree.h"
#include "fs/special-files.h"
#include "js/arguments.h"
#include "js/background.h"
#include "js/errors.h"
#include "js/text.h"

namespace airplant {

// Each export unpacks its arguments (wrong ones throw a TypeError at once) and calls one function of this folder.

static Napi::Value Undefined(Napi::Env env, int) { return env.Undefined(); }

static Background& BackgroundOf(const Napi::CallbackInfo& info) { return *static_cast<Background*>(info.Data()); }

// A cancellation that JavaScript holds, which lives as long as there is work under it.
using SharedCancellation = std::shared_ptr<Cancellation>;

static Napi::Value JsNewCancellation(const Napi::CallbackInfo& info) {
  return Napi::External<SharedCancellation>::New(
      info.Env(), new SharedCancellation(std::make_shared<Cancellation>()),
      [](Napi::Env, SharedCancellation* cancellation) { delete cancellation; });
}

// Without one nobody but the end of the process cancels.
static SharedCancellation ToCancellation(const Napi::Value& value) {
  if (value.IsUndefined()) return std::make_shared<Cancellation>();
  if (!value.IsExternal()) throw WrongArgument(value.Env(), "cancellation must be made by newCancellation");
  return *value.As<Napi::External<SharedCancellation>>().Data();
}

static Napi::Value JsCancel(const Napi::CallbackInfo& info) {
  BackgroundOf(info).Cancel(info.Env(), *ToCancellation(info[0]));
  return info.Env().Undefined();
}

static Background::How Bounded(const Napi::Value& cancellation) {
  return {Background::Queue::bounded, ToCancellation(cancellation)};
}

static Napi::Value JsTryLock(const Napi::CallbackInfo& info) {
  const int fd = ToDescriptor(info[0], "fd");
  const auto mode = ToChoice<LockMode>(
      info[1], "mode", {{"shared", LockMode::shared}, {"exclusive", LockMode::exclusive}});
  return Napi::Boolean::New(info.Env(), ThrowingJsErrors(info.Env(), [&] { return TryLock(fd, mode); }));
}

static Napi::Value JsUnlock(const Napi::CallbackInfo& info) {
  const int fd = ToDescriptor(info[0], "fd");
  ThrowingJsErrors(info.Env(), [&] { Unlock(fd); });
  return info.Env().Undefined();
}

static Napi::Object FromTreeHash(Napi::Env env, const TreeHash& hash) {
  const auto references = Napi::Array::New(env, hash.references.size());
  for (uint32_t i = 0; i < hash.references.size(); i++) {
    references.Set(i, Napi::String::New(env, hash.references[i]));
  }
  const auto object = Napi::Object::New(env);
  object.Set("hash", Napi::String::New(env, hash.hash));
  object.Set("narSize", Napi::Number::New(env, static_cast<double>(hash.nar_size)));
  object.Set("references", references);
  return object;
}

static Napi::Value JsHashTree(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  const HashOptions options = ToHashOptions(info[1], info[2]);
  return BackgroundOf(info).Run(
      info.Env(), Bounded(info[3]),
      [=](const Cancellation& cancellation) { return HashTree(path, options, cancellation); },
      FromTreeHash);
}

static Napi::Value JsRewriteTree(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  const HashRewriter::Pairs rewrites = ToRewrites(info[1]);
  const HashOptions options = ToHashOptions(info[2], info[3]);
  return BackgroundOf(info).Run(
      info.Env(), Bounded(info[4]),
      [=](const Cancellation& cancellation) { return RewriteTree(path, rewrites, options, cancellation); },
      [](Napi::Env env, const RewrittenTree& rewritten) {
        const Napi::Object object = FromTreeHash(env, rewritten.tree);
        object.Set("replaced", Napi::Number::New(env, static_cast<double>(rewritten.replaced)));
        return Napi::Value(object);
      });
}

static Napi::Value JsDumpTree(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  const int fd = ToDescriptor(info[1], "fd");
  const bool case_hack = ToCaseHack(info[2]);
  return BackgroundOf(info).Run(
      info.Env(), {Background::Queue::unbounded, ToCancellation(info[3])},
      [=](const Cancellation& cancellation) { return DumpTree(path, fd, case_hack, cancellation); },
      [](Napi::Env env, uint64_t size) { return Napi::Number::New(env, static_cast<double>(size)); });
}

static Napi::Value JsCanonicaliseTree(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  return BackgroundOf(info).Run(
      info.Env(), Bounded(info[1]),
      [=](const Cancellation& cancellation) {
        CanonicaliseTree(path, cancellation);
        return 0;
      },
      Undefined);
}

static Napi::Value JsRemoveTree(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  // Waits for the disk rather than for a processor, above all where freed blocks are discarded at once.
  return BackgroundOf(info).Run(
      info.Env(), {Background::Queue::unbounded, ToCancellation(info[1])},
      [=](const Cancellation& cancellation) { return RemoveTree(path, cancellation); },
      [](Napi::Env env, const RemovedTree& removed) {
        const Napi::Object object = Napi::Object::New(env);
        object.Set("freed", Napi::Number::New(env, static_cast<double>(removed.freed)));
        object.Set("likelyFreed", Napi::Number::New(env, static_cast<double>(removed.likely_freed)));
        return Napi::Value(object);
      });
}

static Napi::Value JsCopyTree(const Napi::CallbackInfo& info) {
  const std::string from = ToPath(info[0], "from");
  const std::string to = ToPath(info[1], "to");
  return BackgroundOf(info).Run(
      info.Env(), Bounded(info[2]),
      [=](const Cancellation& cancellation) {
        CopyTree(from, to, cancellation);
        return 0;
      },
      Undefined);
}

static Napi::Value JsMoveTree(const Napi::CallbackInfo& info) {
  const std::string from = ToPath(info[0], "from");
  const std::string to = ToPath(info[1], "to");
  const auto mode = ToChoice<RenameMode>(info[2], "how",
                                         {{"replace", RenameMode::replace},
                                          {"no-replace", RenameMode::no_replace},
                                          {"exchange", RenameMode::exchange}});
  ThrowingJsErrors(info.Env(), [&] { MoveTree(from, to, mode); });
  return info.Env().Undefined();
}

static Napi::Value FromSpecialSearch(Napi::Env env, const SpecialSearch& search) {
  const auto object = Napi::Object::New(env);
  if (!search.found.empty()) object.Set("found", FromBytes(env, search.found));
  object.Set("directories",
             Napi::Buffer<char>::Copy(env, search.directories.data(), search.directories.size()));
  return object;
}

static Napi::Value JsFindSpecialFile(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  const std::string known = ToBytes(info[1], "known");
  return BackgroundOf(info).Run(
      info.Env(), Bounded(info[2]),
      [=](const Cancellation& cancellation) { return FindSpecialFile(path, known, cancellation); },
      FromSpecialSearch);
}

// Inodes that JavaScript holds, which live as long as there is work that uses them.
using SharedInodes = std::shared_ptr<LinkInodes>;

static Napi::Value JsLoadLinkInodes(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  return BackgroundOf(info).Run(
      info.Env(), Bounded(info[1]),
      [=](const Cancellation&) {
        auto inodes = std::make_shared<LinkInodes>();
        LoadLinkInodes(path, *inodes);
        return inodes;
      },
      [](Napi::Env env, const SharedInodes& inodes) {
        return Napi::Value(Napi::External<SharedInodes>::New(
            env, new SharedInodes(inodes), [](Napi::Env, SharedInodes* held) { delete held; }));
      });
}

static Napi::Value FromLinkedTrees(Napi::Env env, const LinkedTrees& linked) {
  static constexpr const char* kKinds[] = {"writable", "corrupt", "full", "many"};
  const auto notices = Napi::Array::New(env, linked.notices.size());
  for (uint32_t i = 0; i < linked.notices.size(); i++) {
    const auto notice = Napi::Object::New(env);
    notice.Set("kind", Napi::String::New(env, kKinds[static_cast<int>(linked.notices[i].kind)]));
    notice.Set("path", FromBytes(env, linked.notices[i].path));
    notices.Set(i, notice);
  }
  const auto failures = Napi::Array::New(env, linked.failures.size());
  for (uint32_t i = 0; i < linked.failures.size(); i++) failures.Set(i, ToJsError(env, linked.failures[i]).Value());
  const auto object = Napi::Object::New(env);
  object.Set("filesLinked", Napi::Number::New(env, static_cast<double>(linked.files_linked)));
  object.Set("bytesFreed", Napi::Number::New(env, static_cast<double>(linked.bytes_freed)));
  object.Set("notices", notices);
  object.Set("failures", failures);
  return object;
}

static Napi::Value JsLinkTrees(const Napi::CallbackInfo& info) {
  const std::string store = ToPath(info[0], "store");
  if (!info[1].IsArray()) throw WrongArgument(info.Env(), "names must be an array");
  const auto array = info[1].As<Napi::Array>();
  std::vector<std::string> names;
  for (uint32_t i = 0; i < array.Length(); i++) names.push_back(ToPath(array.Get(i), "name"));
  SharedInodes known;
  if (info[2].IsExternal()) known = *info[2].As<Napi::External<SharedInodes>>().Data();
  LinkOptions options;
  options.known = known.get();
  options.check_links = info[3].ToBoolean();
  options.spare_applications = info[4].ToBoolean();
  return BackgroundOf(info).Run(
      info.Env(), Bounded(info[5]),
      [=](const Cancellation& cancellation) {
        // `known` keeps what the options point at.
        (void)known;
        return LinkTrees(store, names, options, cancellation);
      },
      FromLinkedTrees);
}

static Napi::Value JsOpenDirectory(const Napi::CallbackInfo& info) {
  const std::string path = ToPath(info[0], "path");
  return Napi::Number::New(info.Env(), ThrowingJsErrors(info.Env(), [&] { return OpenDirectory(path); }));
}

static Napi::Value JsMakeDirectoryAt(const Napi::CallbackInfo& info) {
  const int parent = ToDescriptor(info[0], "directory");
  const std::string name = ToPath(info[1], "name");
  return Napi::Number::New(info.Env(),
                           ThrowingJsErrors(info.Env(), [&] { return MakeDirectoryAt(parent, name); }));
}

static Napi::Value JsCreateFileAt(const Napi::CallbackInfo& info) {
  const int parent = ToDescriptor(info[0], "directory");
  const std::string name = ToPath(info[1], "name");
  if (!info[2].IsBoolean()) throw WrongArgument(info.Env(), "executable must be a boolean");
  const bool executable = info[2].As<Napi::Boolean>();
  return Napi::Number::New(
      info.Env(), ThrowingJsErrors(info.Env(), [&] { return CreateFileAt(parent, name, executable); }));
}

static Napi::Value JsSymlinkAt(const Napi::CallbackInfo& info) {
  const std::string target = ToPath(info[0], "target");
  const int parent = ToDescriptor(info[1], "directory");
  const std::string name = ToPath(info[2], "name");
  ThrowingJsErrors(info.Env(), [&] { SymlinkAt(target, parent, name); });
  return info.Env().Undefined();
}

void ExportFileSystem(Napi::Env env, Napi::Object exports) {
  Background* background = Background::Create(env);
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name, background));
  };
  add("newCancellation", JsNewCancellation);
  add("cancel", JsCancel);
  add("tryLock", JsTryLock);
  add("unlock", JsUnlock);
  add("hashTree", JsHashTree);
  add("rewriteTree", JsRewriteTree);
  add("dumpTree", JsDumpTree);
  add("canonicaliseTree", JsCanonicaliseTree);
  add("removeTree", JsRemoveTree);
  add("copyTree", JsCopyTree);
  add("moveTree", JsMoveTree);
  add("findSpecialFile", JsFindSpecialFile);
  add("loadLinkInodes", JsLoadLinkInodes);
  add("linkTrees", JsLinkTrees);
  add("openDirectory", JsOpenDirectory);
  add("makeDirectoryAt", JsMakeDirectoryAt);
  add("createFileAt", JsCreateFileAt);
  add("symlinkAt", JsSymlinkAt);
}

}  // namespace airplant
