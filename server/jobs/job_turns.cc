#include "server/jobs/job_turns.h"

#include "absl/time/time.h"

namespace halftone {

std::unique_ptr<JobTurns::Turn> JobTurns::Begin() {
  absl::MutexLock lock(&mutex_);
  const auto may_begin = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || (!working_ && returning_.empty() && jobs_ < max_jobs_);
  };
  mutex_.Await(absl::Condition(&may_begin));
  if (stopped_) return nullptr;
  working_ = true;
  ++jobs_;
  return std::unique_ptr<Turn>(new Turn(this, begun_++));
}

bool JobTurns::IsTaken() const {
  absl::MutexLock lock(&mutex_);
  return working_ || !returning_.empty();
}

void JobTurns::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

void JobTurns::End(bool was_held) {
  absl::MutexLock lock(&mutex_);
  --jobs_;
  if (was_held) working_ = false;
}

void JobTurns::Turn::Lend() {
  absl::MutexLock lock(&turns_->mutex_);
  if (is_held_) turns_->working_ = false;
  is_held_ = false;
}

bool JobTurns::Turn::IsWantedByOlder() const {
  absl::MutexLock lock(&turns_->mutex_);
  return !turns_->returning_.empty() && *turns_->returning_.begin() < number_;
}

void JobTurns::Turn::TakeBack(const Cancellation& cancellation) {
  JobTurns& turns = *turns_;
  absl::MutexLock lock(&turns.mutex_);
  if (is_held_) return;
  turns.returning_.insert(number_);
  const auto may_go_on = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return turns.stopped_ || (!turns.working_ && *turns.returning_.begin() == number_);
  };
  bool may = false;
  while (!may && cancellation.Check().ok()) {
    may = turns.mutex_.AwaitWithTimeout(absl::Condition(&may_go_on), absl::Milliseconds(50));
  }
  turns.returning_.erase(number_);
  if (!may || turns.stopped_) return;
  turns.working_ = true;
  is_held_ = true;
}

}  // namespace halftone
