#include "server/services/job_deletion.h"

#include <utility>

#include "base/status_macros.h"
#include "server/convert/status.h"
#include "server/services/finished_jobs.h"

namespace halftone {

JobDeletion::JobDeletion(const ServiceContext* context, const v1::DeleteJobRequest& request,
                         Cancellation cancellation, const std::atomic<bool>* stopping)
    : context_(context),
      name_(request.name()),
      force_(request.force()),
      cancellation_(std::move(cancellation)),
      stopping_(stopping) {}

void JobDeletion::Start(Answer answer) {
  answer_ = std::move(answer);
  const absl::Status submitted =
      context_->pool->Submit(cancellation_, [self = shared_from_this()] { self->Look(); });
  if (!submitted.ok()) End(submitted);
}

void JobDeletion::LookAgain() {
  {
    absl::MutexLock lock(&mutex_);
    if (state_ == State::kLooking) state_ = State::kToLookAgain;
    if (state_ != State::kResting) return;
    state_ = State::kLooking;
  }
  const absl::Status submitted =
      context_->pool->Submit(cancellation_, [self = shared_from_this()] { self->Look(); });
  if (!submitted.ok()) End(submitted);
}

void JobDeletion::Look() {
  while (true) {
    const std::optional<absl::Status> status = Try();
    if (status.has_value()) return End(*status);
    absl::MutexLock lock(&mutex_);
    // News that came meanwhile may have been missed.
    const bool again = std::exchange(state_, State::kLooking) == State::kToLookAgain;
    if (!again) {
      state_ = State::kResting;
      return;
    }
  }
}

std::optional<absl::Status> JobDeletion::Try() {
  const absl::StatusOr<JobRecord> job = FindJob(*context_, name_);
  if (!job.ok()) return job.status();
  if (!force_ || IsTerminal(job->state)) {
    return AboutResource(name_, context_->jobs->Delete(job->id));
  }
  absl::Status goes_on = cancellation_.Check();
  if (goes_on.ok() && *stopping_) goes_on = absl::UnavailableError("the server is stopping");
  if (goes_on.ok() && !subscription_.has_value()) {
    goes_on = AskToEnd(job->id);
    // It may have ended at once.
    if (goes_on.ok()) return Try();
  }
  if (!goes_on.ok()) return goes_on;
  return std::nullopt;
}

absl::Status JobDeletion::AskToEnd(const std::string& job_id) {
  subscription_ =
      context_->hub->Subscribe(job_id, [self = shared_from_this()] { self->LookAgain(); });
  return context_->jobs->RequestCancel(job_id).status();
}

void JobDeletion::End(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    state_ = State::kEnded;
  }
  if (subscription_.has_value()) context_->hub->Unsubscribe(*subscription_);
  answer_(status);
}

}  // namespace halftone
