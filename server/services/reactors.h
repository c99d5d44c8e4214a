#ifndef HALFTONE_SERVER_SERVICES_REACTORS_H_
#define HALFTONE_SERVER_SERVICES_REACTORS_H_

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/convert/status.h"
#include "server/services/response_stream.h"
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
    spdlog::error("{}: {}", call, LogLine(status.ToString()));
  } else if (absl::IsNotFound(status)) {
    spdlog::debug("{}: {}", call, LogLine(status.ToString()));  // clients ask before they upload
  } else if (!status.ok()) {
    spdlog::info("{}: {}", call, LogLine(status.ToString()));
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

// A unary call that is answered by a worker thread, maybe after it has waited for something without
// one. Deletes itself.
class WorkReactor final : public grpc::ServerUnaryReactor {
 public:
  using Handler = std::function<absl::Status(const Cancellation&)>;
  // Called when the call is cancelled, maybe more than once: ends what it waits for.
  using Withdraw = std::function<void()>;

  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context, const char* call,
                                         WorkerPool* pool, Handler handler) {
    return Start(context, call, pool, CancellationOf(context), std::move(handler));
  }
  // The cancellation may be known elsewhere too.
  static grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context, const char* call,
                                         WorkerPool* pool, const Cancellation& cancellation,
                                         Handler handler) {
    auto* reactor = new WorkReactor(call, pool, cancellation);
    reactor->client_ = context->peer();
    reactor->Run(std::move(handler));
    return reactor;
  }

  // The caller sees to it that either Run or Answer is called, once; the call may be gone then.
  WorkReactor(const char* call, WorkerPool* pool, Cancellation cancellation,
              Withdraw withdraw = nullptr)
      : call_(call),
        pool_(pool),
        cancellation_(std::move(cancellation)),
        withdraw_(std::move(withdraw)) {}

  const Cancellation& cancellation() const { return cancellation_; }

  // Has a worker call the handler, and answers with its status. What the handler holds is freed
  // before the answer is sent.
  void Run(Handler handler) {
    const absl::Status submitted = pool_->Submit(
        cancellation_,
        [this, handler = std::move(handler)]() mutable {
          // Who went while others were served costs nothing, and nor does anybody once it stops.
          absl::Status status;
          if (gone_ || pool_->stopping()) status = absl::CancelledError("cancelled");
          if (status.ok()) status = Guarded([&] { return handler(cancellation_); });
          handler = nullptr;
          Answer(status);
        },
        client_);
    if (!submitted.ok()) Answer(submitted);
  }
  void Answer(const absl::Status& status) {
    const absl::Status explained = ExplainCancellation(status, *pool_);
    LogError(call_, explained);
    Finish(ToGrpcStatus(explained));
  }

  void OnCancel() override {
    gone_ = true;
    cancellation_.Cancel();
    if (withdraw_) withdraw_();
  }
  void OnDone() override { delete this; }

 private:
  const char* const call_;
  WorkerPool* const pool_;
  std::atomic<bool> gone_ = false;
  Cancellation cancellation_;
  std::string client_;  // whose turn among others it takes
  const Withdraw withdraw_;
};

// A stream of responses: a worker thread computes them, gRPC's threads send them, and neither
// waits for the client. Deletes itself.
template <typename Response>
class StreamReactor final : public grpc::ServerWriteReactor<Response> {
 public:
  using Rest = typename ResponseStream<Response>::Rest;
  // Offers a response, which is dropped for a newer one if the client does not take it in time.
  using Offer = std::function<void(Response)>;
  // Returns what is sent after the last offer, in full.
  using Handler = std::function<absl::StatusOr<Rest>(const Offer&, const Cancellation&)>;
  using Withdraw = WorkReactor::Withdraw;

  static grpc::ServerWriteReactor<Response>* Start(grpc::CallbackServerContext* context,
                                                   const char* call, WorkerPool* pool,
                                                   Handler handler) {
    auto* reactor = new StreamReactor(context, call, pool);
    reactor->Run(std::move(handler));
    return reactor;
  }

  // The caller sees to it that either Run or End is called, once; the call may be gone then.
  StreamReactor(grpc::CallbackServerContext* context, const char* call, WorkerPool* pool,
                Withdraw withdraw = nullptr)
      : call_(call),
        pool_(pool),
        cancellation_(CancellationOf(context)),
        withdraw_(std::move(withdraw)),
        stream_({[this](const Response* response) { this->StartWrite(response); },
                 [this](const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }}) {}

  const Cancellation& cancellation() const { return cancellation_; }

  // Before Run.
  void OfferFirst(Response response) { stream_.Offer(std::move(response)); }
  // Has a worker call the handler, and ends with what it returns. What the handler holds is freed
  // before that is sent.
  void Run(Handler handler) {
    const absl::Status submitted =
        pool_->Submit(cancellation_, [this, handler = std::move(handler)]() mutable {
          const Offer offer = [this](Response response) { stream_.Offer(std::move(response)); };
          Rest rest;
          const absl::Status status = Guarded([&]() -> absl::Status {
            HT_ASSIGN_OR_RETURN(rest, handler(offer, cancellation_));
            return absl::OkStatus();
          });
          handler = nullptr;
          End(status, std::move(rest));
        });
    if (!submitted.ok()) End(submitted);
  }
  void End(const absl::Status& status, Rest rest = nullptr) {
    const absl::Status explained = ExplainCancellation(status, *pool_);
    LogError(call_, explained);
    stream_.Close(explained, std::move(rest));
  }

  void OnWriteDone(bool ok) override {
    if (!ok) cancellation_.Cancel();
    stream_.Written(ok);
  }
  void OnCancel() override {
    cancellation_.Cancel();
    if (withdraw_) withdraw_();
  }
  void OnDone() override { delete this; }

 private:
  const char* const call_;
  WorkerPool* const pool_;
  Cancellation cancellation_;
  const Withdraw withdraw_;
  ResponseStream<Response> stream_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_REACTORS_H_
