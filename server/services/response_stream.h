#ifndef HALFTONE_SERVER_SERVICES_RESPONSE_STREAM_H_
#define HALFTONE_SERVER_SERVICES_RESPONSE_STREAM_H_

#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace halftone {

// The order of a stream's responses, apart from what sends them: one write at a time, then the end,
// once. Nothing waits for the client: of what is offered while a write is on its way only the
// newest is kept, and the rest is made one response at a time as the client takes them.
// Thread-safe. Each call decides what it does in one critical section: the stream may be deleted
// as soon as `finish` is called, also while another thread's call returns from having changed it.
// Tests hand in a mutex that tells of its use.
template <typename Response, typename Mutex = absl::Mutex>
class ResponseStream {
 public:
  // The next response, nothing at the end, or why there are no more. Called by one thread at a
  // time, with a lock held, and short: gRPC's threads call it.
  using Rest = std::function<absl::StatusOr<std::optional<Response>>()>;
  // Called without a lock. Each call of `write` is answered by one of Written; the response stays
  // where it is until then. `finish` is called once, when no write is on its way.
  struct Wire {
    std::function<void(const Response*)> write;
    std::function<void(const absl::Status&)> finish;
  };

  explicit ResponseStream(Wire wire) : wire_(std::move(wire)) {}

  // Sends the response unless a newer one, or Close, comes before the client can take it.
  void Offer(Response response) {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { newest_ = std::move(response); });
  }

  // Sends `rest`, if the status is OK, and ends. Called once, after the last Offer.
  void Close(absl::Status status, Rest rest = nullptr) {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      closed_ = true;
      newest_.reset();
      status_ = std::move(status);
      rest_ = std::move(rest);
    });
  }

  // The write is done; with `ok` false the client is gone and nothing more is sent.
  void Written(bool ok) {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      writing_ = false;
      gone_ |= !ok;
    });
  }

 private:
  enum class Step { kNothing, kWrite, kFinish };

  class ABSL_SCOPED_LOCKABLE Lock {
   public:
    explicit Lock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
      mutex_->Lock();
    }
    ~Lock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    Mutex* mutex_;
  };

  template <typename Apply>
  void Change(const Apply& apply) {
    Step step;
    {
      const Lock lock(&mutex_);
      apply();
      step = NextStep();
    }
    // Without the lock: the wire may call back from within. Whoever took the step alone goes on
    // here: until its write is answered, or its end sent, nobody else finds anything to do.
    if (step == Step::kWrite) wire_.write(&current_);
    if (step == Step::kFinish) {
      const absl::Status status = status_;
      const auto finish = std::move(wire_.finish);  // which may delete this
      finish(status);
    }
  }

  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return Step::kNothing;
    if (!gone_ && newest_.has_value()) {
      current_ = *std::exchange(newest_, std::nullopt);
      writing_ = true;
      return Step::kWrite;
    }
    if (!closed_) return Step::kNothing;
    writing_ = !gone_ && MakeNext();
    finished_ = !writing_;
    if (finished_) rest_ = nullptr;
    return finished_ ? Step::kFinish : Step::kWrite;
  }

  bool MakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!status_.ok() || rest_ == nullptr) return false;
    absl::StatusOr<std::optional<Response>> next = rest_();
    if (!next.ok()) status_ = next.status();
    if (!next.ok() || !next->has_value()) return false;
    current_ = **std::move(next);
    return true;
  }

  Wire wire_;
  Mutex mutex_;
  std::optional<Response> newest_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  Rest rest_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_;  // written under the lock until the end is decided, then only read
  Response current_;     // belongs to who took the step, then to the wire
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_RESPONSE_STREAM_H_
