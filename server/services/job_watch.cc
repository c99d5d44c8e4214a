#include "server/services/job_watch.h"

#include <memory>
#include <utility>

#include "server/convert/job.h"
#include "server/convert/resource_name.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

constexpr int kEventsPerLook = 64;
// No less than what a look brings.
constexpr size_t kMostPending = kEventsPerLook;

}  // namespace

JobWatch::JobWatch(const JobStore* jobs, std::string job_id, int64_t after_sequence,
                   const std::atomic<bool>* stopping, Wire wire)
    : jobs_(jobs),
      job_id_(std::move(job_id)),
      stopping_(stopping),
      wire_(std::move(wire)),
      written_(after_sequence),
      known_(after_sequence) {}

template <typename Apply>
void JobWatch::Change(const Apply& apply) {
  Step step;
  absl::Status end;
  {
    absl::MutexLock lock(&mutex_);
    apply();
    step = NextStep();
    if (step == Step::kFinish) end = *end_;
  }
  // Without the lock: the wire may call back from within.
  if (step == Step::kWrite) wire_.write(&current_);
  if (step == Step::kFinish) wire_.finish(end);
  if (step == Step::kLook) wire_.ask_to_look();
}

JobWatch::Step JobWatch::NextStep() {
  if (writing_ || finished_) return Step::kNothing;
  if (!gone_ && !pending_.empty()) {
    const JobEvent& event = *pending_.front();
    current_ = EventToProto(event);
    written_ = event.sequence;
    if (IsTerminal(event.state)) end_ = absl::OkStatus();
    pending_.pop_front();
    writing_ = true;
    return Step::kWrite;
  }
  if (gone_) end_ = absl::CancelledError("the client went away");
  finished_ = end_.has_value();
  if (finished_) return Step::kFinish;
  if (!behind_ || std::exchange(asked_, true)) return Step::kNothing;
  return Step::kLook;
}

void JobWatch::Append(EventHub::Event event) {
  known_ = event->sequence;
  const bool overtaken =
      caught_up_ && !pending_.empty() && pending_.back()->kind == JobEventKind::kStageProgress;
  if (overtaken) pending_.pop_back();
  pending_.push_back(std::move(event));
  if (pending_.size() <= kMostPending) return;
  pending_.clear();
  known_ = written_;
  behind_ = true;
}

void JobWatch::Hear(const EventHub::Event& event) {
  Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (behind_ || end_.has_value()) return;  // a look will find it
    if (event->sequence == known_ + 1) return Append(event);
    // Of one that is known already only the end matters, to who began to watch behind it.
    behind_ = event->sequence > known_ || IsTerminal(event->state);
  });
}

void JobWatch::Look() {
  const std::optional<int64_t> after = BeginLook();
  if (!after.has_value()) return;
  Found found = Read(*after);
  Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { TakeIn(std::move(found)); });
}

std::optional<int64_t> JobWatch::BeginLook() {
  absl::MutexLock lock(&mutex_);
  asked_ = false;
  behind_ = true;
  if (writing_ || !pending_.empty() || end_.has_value()) return std::nullopt;
  return known_;
}

absl::Status JobWatch::Missing(const absl::Status& status) const {
  return AboutResource(JobName(job_id_), WithReason(v1::JOB_NOT_FOUND, status));
}

JobWatch::Found JobWatch::Read(int64_t after) const {
  Found found;
  // First, so that what was written before the stop is sent.
  const bool stopping = *stopping_;
  absl::StatusOr<std::vector<JobEvent>> events = jobs_->Events(job_id_, after, kEventsPerLook);
  if (!events.ok()) {
    found.end = Missing(events.status());
    return found;
  }
  found.events = *std::move(events);
  found.more = stopping || found.events.size() == kEventsPerLook;
  if (!found.events.empty()) return found;
  const absl::StatusOr<JobRecord> job = jobs_->Get(job_id_);
  if (!job.ok()) {
    found.end = Missing(job.status());
  } else if (IsTerminal(job->state)) {
    // It may have ended since the events were read.
    found.more = job->last_event > after;
    if (!found.more) found.end = absl::OkStatus();
  } else if (stopping) {
    found.end = absl::UnavailableError("the server is stopping");
  }
  return found;
}

void JobWatch::TakeIn(Found found) {
  behind_ = found.more;
  if (found.end.has_value()) end_ = std::move(found.end);
  for (JobEvent& event : found.events) {
    Append(std::make_shared<const JobEvent>(std::move(event)));
  }
  caught_up_ |= !found.more;
}

void JobWatch::Written(bool ok) {
  Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    writing_ = false;
    gone_ |= !ok;
  });
}

void JobWatch::Leave() {
  Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { gone_ = true; });
}

}  // namespace halftone
