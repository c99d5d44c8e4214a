#include "server/services/watch_reactor.h"

#include <utility>

#include "base/status_macros.h"
#include "server/convert/job.h"
#include "server/convert/resource_name.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

constexpr int kEventsPerRead = 64;

}  // namespace

WatchReactor::WatchReactor(const ServiceContext* context, std::string job_id,
                           int64_t after_sequence, const std::atomic<bool>* stopping)
    : context_(context),
      job_id_(std::move(job_id)),
      stopping_(stopping),
      last_sequence_(after_sequence) {
  {
    absl::MutexLock lock(&handle_->mutex);
    handle_->reactor = this;
  }
  subscription_ = context_->hub->Subscribe(job_id_, [handle = handle_] {
    absl::MutexLock lock(&handle->mutex);
    if (handle->reactor != nullptr) handle->reactor->Advance();
  });
  Advance();
}

void WatchReactor::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    gone_ |= !ok;
  }
  Advance();
}

void WatchReactor::OnCancel() {
  {
    absl::MutexLock lock(&mutex_);
    gone_ = true;
  }
  Advance();
}

void WatchReactor::OnDone() {
  {
    absl::MutexLock lock(&handle_->mutex);
    handle_->reactor = nullptr;
  }
  context_->hub->Unsubscribe(*subscription_);
  delete this;
}

void WatchReactor::Advance() {
  Step step;
  grpc::Status status;
  {
    absl::MutexLock lock(&mutex_);
    step = Next();
    status = status_;
  }
  // Outside of the lock: gRPC may call back from within.
  if (step == Step::kWrite) StartWrite(&writing_event_);
  if (step == Step::kFinish) Finish(std::move(status));
}

WatchReactor::Step WatchReactor::Next() {
  if (writing_ || finished_) return Step::kNothing;
  const auto finish = [this](const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    finished_ = true;
    status_ = ToGrpcStatus(status);
    return Step::kFinish;
  };
  if (gone_) return finish(absl::CancelledError("the client went away"));
  if (events_.empty()) {
    // The state first: an event that comes after it is seen by the next call.
    const absl::StatusOr<JobRecord> job = context_->jobs->Get(job_id_);
    if (!job.ok()) return finish(AboutResource(JobName(job_id_), job.status()));
    const absl::Status fetched = Fetch();
    if (!fetched.ok()) return finish(fetched);
    if (events_.empty() && IsTerminal(job->state)) return finish(absl::OkStatus());
  }
  if (events_.empty()) {
    if (*stopping_) return finish(absl::UnavailableError("the server is stopping"));
    return Step::kNothing;
  }
  writing_event_ = std::move(events_.front());
  events_.pop_front();
  writing_ = true;
  return Step::kWrite;
}

absl::Status WatchReactor::Fetch() {
  HT_ASSIGN_OR_RETURN(const std::vector<JobEvent> events,
                      context_->jobs->Events(job_id_, last_sequence_, kEventsPerRead));
  for (const JobEvent& event : events) {
    events_.push_back(EventToProto(event));
    last_sequence_ = event.sequence;
  }
  return absl::OkStatus();
}

}  // namespace halftone
