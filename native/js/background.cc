#include "js/background.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "js/errors.h"

namespace airplant {

static size_t MostBounded() { return std::max(2u, std::thread::hardware_concurrency()); }

Background* Background::Create(Napi::Env env) {
  auto* background = new Background();
  const napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, Napi::String::New(env, "airplant"), 0, 1, background, OnFinalized, background,
      OnDone, &background->done_);
  if (status != napi_ok) {
    delete background;
    throw Napi::Error::New(env);
  }
  napi_unref_threadsafe_function(env, background->done_);
  napi_add_env_cleanup_hook(env, OnTeardown, background);
  return background;
}

void Background::Submit(Napi::Env env, std::unique_ptr<Operation> operation) {
  const std::lock_guard lock(mutex_);
  if (operation->how.queue == Queue::bounded && bounded_running_ >= MostBounded()) {
    waiting_.push_back(std::move(operation));
  } else {
    Start(env, std::move(operation));
  }
}

void Background::Cancel(Napi::Env env, Cancellation& cancellation) {
  cancellation.Cancel();
  const auto concerned = [&](const auto& operation) { return operation->how.cancellation.get() == &cancellation; };
  std::vector<std::unique_ptr<Operation>> cancelled;
  {
    const std::lock_guard lock(mutex_);
    for (auto& operation : waiting_) {
      if (concerned(operation)) cancelled.push_back(std::move(operation));
    }
    std::erase(waiting_, nullptr);
  }
  for (const auto& operation : cancelled) {
    operation->deferred.Reject(ToJsError(env, SystemError(ECANCELED, "cancel", {})).Value());
  }
}

// With mutex_ held.
void Background::Start(Napi::Env env, std::unique_ptr<Operation> owned) {
  Operation* operation = owned.get();
  try {
    operation->thread = std::thread([this, operation] { Perform(operation); });
  } catch (const std::system_error& error) {
    operation->deferred.Reject(ToJsError(env, SystemError(error.code().value(), "pthread_create", {})).Value());
    return;
  }
  if (running_.empty()) napi_ref_threadsafe_function(env, done_);
  if (operation->how.queue == Queue::bounded) bounded_running_++;
  operation->place = running_.insert(running_.end(), std::move(owned));
}

// What a thread does.
void Background::Perform(Operation* operation) {
  // Signals are the main thread's.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  while (operation) {
    try {
      operation->Execute();
    } catch (...) {
      operation->error = std::current_exception();
    }
    // Before it is settled: then it is gone.
    Operation* next = TakeNext(*operation);
    napi_call_threadsafe_function(done_, operation, napi_tsfn_nonblocking);
    operation = next;
  }
}

// Work of many small pieces would otherwise start a thread for each, and wait for JavaScript between them.
Background::Operation* Background::TakeNext(Operation& done) {
  const std::lock_guard lock(mutex_);
  if (done.how.queue != Queue::bounded || waiting_.empty()) return nullptr;
  const auto place = running_.insert(running_.end(), std::move(waiting_.front()));
  waiting_.pop_front();
  Operation* next = place->get();
  next->place = place;
  next->thread = std::move(done.thread);
  done.passed_on = true;
  return next;
}

void Background::Settle(Napi::Env env, Operation* operation) {
  std::unique_lock lock(mutex_);
  const std::unique_ptr<Operation> owned = std::move(*operation->place);
  running_.erase(operation->place);
  if (!owned->passed_on) {
    owned->thread.join();  // which is at its end
    if (owned->how.queue == Queue::bounded) bounded_running_--;
  }
  while (!waiting_.empty() && bounded_running_ < MostBounded()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    Start(env, std::move(next));
  }
  if (running_.empty()) napi_unref_threadsafe_function(env, done_);
  lock.unlock();
  if (owned->error) {
    owned->deferred.Reject(ToJsError(env, owned->error).Value());
  } else {
    owned->deferred.Resolve(owned->Result(env));
  }
}

void Background::OnDone(napi_env env, napi_value, void* context, void* operation) {
  if (env == nullptr) return;  // being torn down: OnTeardown has dealt with every operation
  const Napi::HandleScope scope(env);
  try {
    static_cast<Background*>(context)->Settle(env, static_cast<Operation*>(operation));
  } catch (const Napi::Error&) {
    // The promise cannot be settled: its thread is being terminated, and nobody is left to hear of it.
  }
}

// The process or worker thread exits. The threads run code of this library, which may be unloaded next.
void Background::OnTeardown(void* pointer) {
  auto* background = static_cast<Background*>(pointer);
  {
    const std::lock_guard lock(background->mutex_);
    background->waiting_.clear();  // no thread goes on with another operation from here on
    for (const auto& operation : background->running_) operation->how.cancellation->Cancel();
  }
  for (const auto& operation : background->running_) {
    if (operation->thread.joinable()) operation->thread.join();
  }
  background->running_.clear();
  napi_release_threadsafe_function(background->done_, napi_tsfn_abort);
}

void Background::OnFinalized(napi_env, void* background, void*) { delete static_cast<Background*>(background); }

}  // namespace airplant
