#pragma once

#include <napi.h>

#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "cancellation.h"

namespace airplant {

// Work off the main thread, as promises. Each piece of work has a thread of its own instead of one of libuv's four:
// hashing gigabytes would starve every fs and dns call of the process, and a dump into a pipe that is read through
// libuv's pool would wait for itself. Everything here but Perform and what it calls runs on the JavaScript thread.
class Background {
 public:
  // `bounded` work queues up behind as many others as there are processors (at least two), and the thread that has done
  // one piece goes on with the next that waits. Work that waits for somebody else, as a writer into a pipe does, must be
  // `unbounded`, or it could wait for work queued behind it.
  enum class Queue { bounded, unbounded };

  static Background* Create(Napi::Env env);

  // How to do a piece of work: `cancellation` may be shared by several, and with whoever cancels them.
  struct How {
    Queue queue;
    std::shared_ptr<Cancellation> cancellation;
  };

  // Runs `work(const Cancellation&)` on its own thread, then resolves with `convert(env, result)` or rejects.
  template <class Work, class Convert>
  Napi::Promise Run(Napi::Env env, How how, Work work, Convert convert);

  // What runs stops soon and rejects with ECANCELED unless it had come to its end; what waits is rejected at once.
  void Cancel(Napi::Env env, Cancellation& cancellation);

 private:
  class Operation {
   public:
    Operation(Napi::Env env, How how) : how(std::move(how)), deferred(Napi::Promise::Deferred::New(env)) {}
    virtual ~Operation() = default;
    virtual void Execute() = 0;
    virtual Napi::Value Result(Napi::Env env) = 0;

    const How how;
    Napi::Promise::Deferred deferred;
    std::exception_ptr error;
    std::list<std::unique_ptr<Operation>>::iterator place;
    // Guarded by mutex_: its thread, unless that has gone on with another operation.
    std::thread thread;
    bool passed_on = false;
  };

  template <class Work, class Convert>
  class TypedOperation final : public Operation {
   public:
    TypedOperation(Napi::Env env, How how, Work work, Convert convert)
        : Operation(env, std::move(how)), work_(std::move(work)), convert_(std::move(convert)) {}
    void Execute() override { result_ = work_(*how.cancellation); }
    Napi::Value Result(Napi::Env env) override { return convert_(env, result_); }

   private:
    Work work_;
    Convert convert_;
    std::invoke_result_t<Work, const Cancellation&> result_{};
  };

  void Submit(Napi::Env env, std::unique_ptr<Operation> operation);
  void Start(Napi::Env env, std::unique_ptr<Operation> operation);
  void Perform(Operation* operation);
  Operation* TakeNext(Operation& done);
  void Settle(Napi::Env env, Operation* operation);
  static void OnDone(napi_env env, napi_value, void* context, void* operation);
  static void OnTeardown(void* background);
  static void OnFinalized(napi_env, void* background, void*);

  napi_threadsafe_function done_ = nullptr;
  std::mutex mutex_;
  // Guarded by mutex_. What is running, or has been and is not settled.
  std::list<std::unique_ptr<Operation>> running_;
  std::deque<std::unique_ptr<Operation>> waiting_;
  size_t bounded_running_ = 0;
};

template <class Work, class Convert>
Napi::Promise Background::Run(Napi::Env env, How how, Work work, Convert convert) {
  auto operation =
      std::make_unique<TypedOperation<Work, Convert>>(env, std::move(how), std::move(work), std::move(convert));
  const Napi::Promise promise = operation->deferred.Promise();
  Submit(env, std::move(operation));
  return promise;
}

}  // namespace airplant
