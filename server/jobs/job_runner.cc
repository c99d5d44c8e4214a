#include "server/jobs/job_runner.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "server/jobs/held_pass.h"
#include "server/jobs/patient_store.h"
#include "server/jobs/progress_tracker.h"
#include "spdlog/spdlog.h"

namespace halftone {
namespace {

void LogFailure(const JobRecord& job, const char* what, const absl::Status& status) {
  if (!status.ok()) spdlog::error("jobs/{}: {}: {}", job.id, what, LogLine(status.ToString()));
}

void LogLoss(const JobClaim& claim, const absl::Status& status) {
  spdlog::error("jobs/{}: stopping the work on it: {}", claim.job.id,
                std::string(status.message()));
}

}  // namespace

// Writes a pipeline's course into the store, and holds the compute gate during each stage.
class JobRunner::Observer {
 public:
  Observer(JobRunner* runner, const JobClaim& claim, const Cancellation& cancellation)
      : runner_(runner), claim_(claim), job_(claim.job), pass_(runner->gate_, cancellation) {}

  PipelineObserver Callbacks() {
    PipelineObserver observer;
    observer.stages_planned = [this](absl::Span<const PlannedStage> plan) {
      tracker_.StagesPlanned(plan);
    };
    observer.stage_started = [this](Stage stage, bool reused) { Started(stage, reused); };
    observer.stage_progress = [this](Stage, double fraction, absl::string_view detail) {
      Progressed(fraction, detail);
    };
    observer.stage_finished = [this](Stage) { Finished(); };
    observer.waiting.began = [this] { pass_.Lend(); };
    observer.waiting.ended = [this] { pass_.TakeBack(); };
    return observer;
  }

 private:
  void Started(Stage stage, bool reused) {
    tracker_.StageStarted(stage, reused, Now());
    reused_ = reused;
    name_ = std::string(StageName(stage));
    spdlog::info("jobs/{}: stage {}{}", job_.id, name_, reused ? ": reused" : "");
    Record(JobEventKind::kStageStarted, "");
    // Cancelled while it waited: the pipeline will see that for itself.
    if (reused || pass_.is_held() || !pass_.Enter()) return;
    begin_ = Now();
    Check("counting the start of a stage", runner_->store_->BeginStage(claim_));
  }

  void Progressed(double fraction, absl::string_view detail) {
    tracker_.StageProgressed(fraction);
    if (Now() - last_ < runner_->options_.progress_interval) return;
    last_ = Now();
    Record(JobEventKind::kStageProgress, detail);
  }

  void Finished() {
    pass_.Leave();
    tracker_.StageFinished();
    if (!reused_) {
      spdlog::info("jobs/{}: stage {} took {:.2f} s", job_.id, name_,
                   absl::ToDoubleSeconds(Now() - begin_));
    }
    Record(JobEventKind::kStageFinished, "");
  }

  // An event that cannot be written (a full disk) is not worth the job.
  void Record(JobEventKind kind, absl::string_view detail) {
    Check("recording progress",
          runner_->store_->RecordProgress(claim_, kind, tracker_.At(Now()), reused_, detail));
  }

  void Check(const char* what, const absl::Status& status) {
    LogFailure(job_, what, status);
    runner_->NoteIfLost(claim_, status);
  }

  absl::Time Now() const { return runner_->clock_->Now(); }

  JobRunner* runner_;
  const JobClaim& claim_;
  const JobRecord& job_;
  ProgressTracker tracker_;
  bool reused_ = false;
  std::string name_;
  absl::Time begin_;
  absl::Time last_ = absl::InfinitePast();
  HeldPass pass_;
};

JobRunner::JobRunner(JobStore* store, const BlobStore* blobs, EventHub* hub, ComputeGate* gate,
                     const Clock* clock, Pipeline pipeline, Options options)
    : store_(store),
      blobs_(blobs),
      hub_(hub),
      gate_(gate),
      clock_(clock),
      pipeline_(std::move(pipeline)),
      options_(std::move(options)) {}

JobRunner::~JobRunner() { Stop(); }

void JobRunner::Start() {
  subscription_ = hub_->Subscribe("", [this] {
    absl::MutexLock lock(&mutex_);
    work_ = true;
  });
  thread_ = std::thread([this] { Loop(); });
  heartbeat_thread_ = std::thread([this] { HeartbeatLoop(); });
}

void JobRunner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    cancellation_.Cancel();
  }
  if (thread_.joinable()) thread_.join();
  if (heartbeat_thread_.joinable()) heartbeat_thread_.join();
  if (subscription_.has_value()) hub_->Unsubscribe(*subscription_);
  subscription_.reset();
}

bool JobRunner::Stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

void JobRunner::NoteIfLost(const JobClaim& claim, const absl::Status& status) {
  if (!absl::IsAborted(status)) return;
  absl::MutexLock lock(&mutex_);
  // A beat may come back while or after the end of its job is written, which ends the claim too.
  if (lost_ || !running_.has_value() || running_->token != claim.token) return;
  LogLoss(claim, status);
  lost_ = true;
  cancellation_.Cancel();
}

bool JobRunner::WaitToRetry(absl::Duration wait) const {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
}

void JobRunner::Loop() {
  // Jobs may also be queued by another process that shares the state directory.
  constexpr absl::Duration kPoll = absl::Seconds(1);
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      const auto is_ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return work_ || stopping_;
      };
      mutex_.AwaitWithTimeout(absl::Condition(&is_ready), kPoll);
      if (stopping_) return;
      work_ = false;
    }
    while (!Stopping()) {
      const absl::StatusOr<std::optional<JobClaim>> claim =
          store_->Claim(options_.lease, options_.only);
      if (!claim.ok()) {
        spdlog::error("claiming a job: {}", LogLine(claim.status().ToString()));
        break;
      }
      if (!claim->has_value()) break;
      Run(**claim);
    }
  }
}

void JobRunner::HeartbeatLoop() {
  while (true) {
    std::optional<JobClaim> running;
    Cancellation cancellation;
    {
      absl::MutexLock lock(&mutex_);
      const auto is_stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
      if (mutex_.AwaitWithTimeout(absl::Condition(&is_stopping), options_.heartbeat)) return;
      running = running_;
      cancellation = cancellation_;
    }
    if (!running.has_value()) continue;
    const absl::StatusOr<bool> cancel = store_->Heartbeat(*running);
    NoteIfLost(*running, cancel.status());
    if (cancel.ok() && *cancel) cancellation.Cancel();
  }
}

void JobRunner::Run(const JobClaim& claim) {
  Cancellation cancellation;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) cancellation.Cancel();
    cancellation_ = cancellation;
    running_ = {claim.job, "", claim.token, claim.lease};
    lost_ = false;
  }
  spdlog::info("jobs/{}: started (attempt {})", claim.job.id, claim.job.attempts);
  const absl::StatusOr<PipelineOutput> output = RunPipeline(claim, cancellation);
  if (EndWork()) ConcludeAtLast(claim, output);
}

bool JobRunner::EndWork() {
  absl::MutexLock lock(&mutex_);
  running_.reset();
  return !lost_;
}

absl::StatusOr<PipelineOutput> JobRunner::RunPipeline(const JobClaim& claim,
                                                      const Cancellation& cancellation) {
  Observer observer(this, claim, cancellation);
  try {
    return pipeline_(claim, observer.Callbacks(), cancellation);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("the job needs more memory than there is");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("unexpected exception: ", error.what()));
  }
}

// Each try begins with a beat of its own. A runner that is stopped first leaves the job RUNNING,
// for the next one to recover.
void JobRunner::ConcludeAtLast(const JobClaim& claim,
                               const absl::StatusOr<PipelineOutput>& output) {
  absl::Duration wait = options_.first_retry;
  std::string last_error;
  while (true) {
    const absl::Status status = Conclude(claim, output);
    if (status.ok()) return;
    if (absl::IsAborted(status)) return LogLoss(claim, status);
    if (std::exchange(last_error, status.ToString()) != status.ToString()) {
      LogFailure(claim.job, "writing down its end, which is tried again", status);
    }
    if (!WaitToRetry(wait)) return;
    wait = std::min(wait * 2, options_.longest_retry);
  }
}

absl::Status JobRunner::Conclude(const JobClaim& claim,
                                 const absl::StatusOr<PipelineOutput>& output) {
  const std::string& id = claim.job.id;
  HT_ASSIGN_OR_RETURN(const bool cancel_requested, store_->Heartbeat(claim));
  if (cancel_requested) {
    HT_RETURN_IF_ERROR(store_->MarkCancelled(claim));
    spdlog::info("jobs/{}: cancelled", id);
    return absl::OkStatus();
  }
  if (!output.ok() && absl::IsCancelled(output.status()) && Stopping()) {
    HT_RETURN_IF_ERROR(store_->Requeue(claim, "queued again: the server stopped"));
    spdlog::info("jobs/{}: checkpointed, queued again", id);
    return absl::OkStatus();
  }
  absl::Status error = output.status();
  if (output.ok()) {
    const absl::StatusOr<JobOutcome> outcome = StoreOutcome(*output);
    if (MayPass(outcome.status())) return outcome.status();
    error = outcome.status();
    if (error.ok()) {
      HT_RETURN_IF_ERROR(store_->Succeed(claim, *outcome));
      spdlog::info("jobs/{}: succeeded", id);
      return absl::OkStatus();
    }
  }
  HT_RETURN_IF_ERROR(store_->Fail(claim, error));
  spdlog::warn("jobs/{}: failed: {}", id, LogLine(error.ToString()));
  return absl::OkStatus();
}

absl::StatusOr<JobOutcome> JobRunner::StoreOutcome(const PipelineOutput& output) const {
  JobOutcome outcome;
  outcome.solution_status = output.solution_status;
  HT_ASSIGN_OR_RETURN(outcome.result_sha256, blobs_->Store(output.result_json));
  for (const auto& [name, sha256] : output.artifacts) {
    HT_ASSIGN_OR_RETURN(const int64_t size, blobs_->Size(sha256));
    outcome.artifacts[name] = {sha256, size};
  }
  return outcome;
}

}  // namespace halftone
