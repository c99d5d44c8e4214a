#ifndef HALFTONE_SERVER_SERVICES_REACTORS_H_
#define HALFTONE_SERVER_SERVICES_REACTORS_H_

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/convert/status.h"
#include "server/services/worker_pool.h"
#include "spdlog/spdlog.h"

namespace halftone {

// Runs a handler: what it throws becomes its status.
template <typename Handler>
absl::Status Guarded(const Handler& handler) {
  try {
    return handler();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("this needs more memory than the server has");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("unexpected exception: ", error.what()));
  }
}

// How a call's computation meets the call's deadline.
enum class AtDeadline {
  kFails,    // there is no answer without all of it
  kAnswers,  // it ends with what it has, early enough for that to reach the client
};

// The deadline of the call, as far as there is one, for the computation that answers it.
inline Cancellation CancellationOf(const grpc::CallbackServerContext* context,
                                   AtDeadline at_deadline = AtDeadline::kFails) {
  Cancellation cancellation;
  const absl::Time now = absl::Now(), deadline = absl::FromChrono(context->deadline());
  if (deadline >= now + absl::Hours(24 * 365)) return cancellation;
  const absl::Duration way_back =
      std::clamp((deadline - now) / 10, absl::Milliseconds(20), absl::Seconds(1));
  const absl::Duration left = deadline - now;
  cancellation.SetDeadline(cancellation.clock().Now() +
                           (at_deadline == AtDeadline::kAnswers ? left - way_back : left));
  return cancellation;
}

// What a cancellation means depends on who cancelled.
inline absl::Status ExplainCancellation(const absl::Status& status, const WorkerPool& pool) {
  if (absl::IsCancelled(status) && pool.stopping()) {
    return absl::UnavailableError("the server is stopping");
  }
  return status;
}

inline void LogError(const char* call, const absl::Status& status) {
  if (absl::IsInternal(status) || absl::IsDataLoss(status) || absl::IsUnknown(status)) {
    spdlog::error("{}: {}", call, status.ToString());
  } else if (absl::IsNotFound(status)) {
    spdlog::debug("{}: {}", call, status.ToString());  // clients ask before they upload
  } else if (!status.ok()) {
    spdlog::info("{}: {}", call, status.ToString());
  }
}

// Answers a unary call at once, on gRPC's thread: for what takes microseconds.
template <typename Handler>
grpc::ServerUnaryReactor* AnswerNow(grpc::CallbackServerContext* context, const char* call,
                                    const Handler& handler) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status status = Guarded(handler);
  LogError(call, status);
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

// A unary call that is answered by a worker thread. Deletes itself.
class WorkReactor final : public grpc::ServerUnaryReactor {
 public:
  using Handler = std::function<absl::Status(const Cancellation&)>;

  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context, const char* call,
                                         WorkerPool* pool, Handler handler) {
    return Start(call, pool, CancellationOf(context), std::move(handler));
  }
  // The cancellation may be known elsewhere too.
  static grpc::ServerUnaryReactor* Start(const char* call, WorkerPool* pool,
                                         const Cancellation& cancellation, Handler handler) {
    auto* reactor = new WorkReactor(cancellation);
    const absl::Status submitted = pool->Submit(cancellation, [=, handler = std::move(handler)] {
      const absl::Status status =
          ExplainCancellation(Guarded([&] { return handler(cancellation); }), *pool);
      LogError(call, status);
      reactor->Finish(ToGrpcStatus(status));
    });
    if (!submitted.ok()) reactor->Finish(ToGrpcStatus(submitted));
    return reactor;
  }

  void OnCancel() override { cancellation_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  explicit WorkReactor(Cancellation cancellation) : cancellation_(std::move(cancellation)) {}
  Cancellation cancellation_;
};

// A stream of responses that a worker thread makes. Deletes itself.
template <typename Response>
class StreamReactor final : public grpc::ServerWriteReactor<Response> {
 public:
  // Hands one more response to the client; blocks while many are on their way. Fails once the
  // call is cancelled.
  using Push = std::function<absl::Status(Response)>;
  using Handler = std::function<absl::Status(const Push&, const Cancellation&)>;

  static grpc::ServerWriteReactor<Response>* Start(grpc::CallbackServerContext* context,
                                                   const char* call, WorkerPool* pool,
                                                   Handler handler) {
    auto* reactor = new StreamReactor(CancellationOf(context));
    const Cancellation cancellation = reactor->cancellation_;
    const absl::Status submitted = pool->Submit(cancellation, [=, handler = std::move(handler)] {
      const Push push = [reactor](Response response) { return reactor->Add(std::move(response)); };
      const absl::Status status =
          ExplainCancellation(Guarded([&] { return handler(push, cancellation); }), *pool);
      LogError(call, status);
      reactor->Close(ToGrpcStatus(status));
    });
    if (!submitted.ok()) reactor->Close(ToGrpcStatus(submitted));
    return reactor;
  }

  void OnWriteDone(bool ok) override {
    if (!ok) cancellation_.Cancel();
    bool last = false;
    {
      absl::MutexLock lock(&mutex_);
      queue_.pop_front();
      if (!ok) queue_.clear();
      last = queue_.empty();
    }
    if (last) {
      FinishIfDone();
    } else {
      this->StartWrite(Front());
    }
  }
  void OnCancel() override { cancellation_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  static constexpr size_t kMaxQueue = 16;

  explicit StreamReactor(Cancellation cancellation) : cancellation_(std::move(cancellation)) {}

  absl::Status Add(Response response) {
    bool first = false;
    {
      absl::MutexLock lock(&mutex_);
      const auto has_space = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return queue_.size() < kMaxQueue;
      };
      while (!mutex_.AwaitWithTimeout(absl::Condition(&has_space), absl::Milliseconds(100))) {
        const absl::Status status = cancellation_.Check();
        if (!status.ok()) return status;
      }
      first = queue_.empty();
      queue_.push_back(std::move(response));
    }
    if (first) this->StartWrite(Front());
    return cancellation_.Check();
  }

  void Close(grpc::Status status) {
    {
      absl::MutexLock lock(&mutex_);
      status_ = std::move(status);
      closed_ = true;
    }
    FinishIfDone();
  }

  // Whoever comes second, the last write or Close, finishes the call.
  void FinishIfDone() {
    grpc::Status status;
    {
      absl::MutexLock lock(&mutex_);
      if (!closed_ || finished_ || !queue_.empty()) return;
      finished_ = true;
      status = status_;
    }
    this->Finish(std::move(status));
  }

  // Stays where it is until its OnWriteDone: a deque does not move its elements.
  const Response* Front() {
    absl::MutexLock lock(&mutex_);
    return &queue_.front();
  }

  Cancellation cancellation_;
  absl::Mutex mutex_;
  std::deque<Response> queue_ ABSL_GUARDED_BY(mutex_);  // the first is being written
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_REACTORS_H_
