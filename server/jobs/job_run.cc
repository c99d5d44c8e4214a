#include "server/jobs/job_run.h"

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
class JobRun::Observer {
 public:
  explicit Observer(JobRun* run)
      : run_(run), job_(run->claim_.job), pass_(run->tools_.gate, run->cancellation_) {}

  JobObserver Callbacks() {
    JobObserver observer;
    observer.stages_planned = [this](absl::Span<const PlannedStage> plan) {
      tracker_.StagesPlanned(plan);
    };
    observer.stage_started = [this](Stage stage, bool reused) { Started(stage, reused); };
    observer.stage_progress = [this](Stage, double fraction, absl::string_view detail) {
      Progressed(fraction, detail);
    };
    observer.stage_finished = [this](Stage) { Finished(); };
    observer.note = [this](absl::string_view text) { Record(JobEventKind::kNote, text); };
    observer.artifact_ready = [this](const std::string& file, const std::string& sha256,
                                     absl::string_view text) { AddArtifact(file, sha256, text); };
    observer.waiting.began = [this] { LeaveOff(); };
    observer.waiting.ended = [this] { GoOn(); };
    observer.is_to_wait = [this] { return run_->turn_->IsWantedByOlder(); };
    observer.disk.began = [this] { pass_.Lend(); };
    observer.disk.ended = [this] { pass_.TakeBack(); };
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
    CountStart();
  }

  void CountStart() {
    is_counted_ = true;
    Check("counting the start of a stage", run_->tools_.store->BeginStage(run_->claim_));
  }

  // Another job's work may take the server down meanwhile.
  void LeaveOff() {
    if (is_counted_) {
      Check("counting back the start of a stage", run_->tools_.store->PauseStage(run_->claim_));
    }
    pass_.Lend();
    run_->turn_->Lend();
  }

  void GoOn() {
    if (is_counted_ && run_->turn_->WouldWait()) {
      Record(JobEventKind::kStageProgress, "waiting for its turn");
    }
    run_->turn_->TakeBack(run_->cancellation_);
    pass_.TakeBack();
    // Where it is stopped, too: whoever queues it again counts that start back.
    if (is_counted_) CountStart();
  }

  void Progressed(double fraction, absl::string_view detail) {
    tracker_.StageProgressed(fraction);
    if (Now() - last_ < run_->options_.progress_interval) return;
    last_ = Now();
    Record(JobEventKind::kStageProgress, detail);
  }

  void Finished() {
    pass_.Leave();
    is_counted_ = false;
    tracker_.StageFinished();
    if (!reused_) {
      spdlog::info("jobs/{}: stage {} took {:.2f} s", job_.id, name_,
                   absl::ToDoubleSeconds(Now() - begin_));
    }
    Record(JobEventKind::kStageFinished, "");
  }

  // What is there before the end is not worth the job either.
  void AddArtifact(const std::string& file, const std::string& sha256, absl::string_view text) {
    spdlog::info("jobs/{}: {}", job_.id, LogLine(std::string(text)));
    const absl::StatusOr<int64_t> size = run_->tools_.blobs->Size(sha256);
    Check("adding an artifact",
          size.ok() ? run_->tools_.store->AddArtifact(run_->claim_, file, {sha256, *size},
                                                      tracker_.At(Now()), text)
                    : size.status());
  }

  // An event that cannot be written (a full disk) is not worth the job.
  void Record(JobEventKind kind, absl::string_view detail) {
    Check("recording progress", run_->tools_.store->RecordProgress(
                                    run_->claim_, kind, tracker_.At(Now()), reused_, detail));
  }

  void Check(const char* what, const absl::Status& status) {
    LogFailure(job_, what, status);
    run_->NoteIfLost(status);
  }

  absl::Time Now() const { return run_->tools_.clock->Now(); }

  JobRun* run_;
  const JobRecord& job_;
  ProgressTracker tracker_;
  bool reused_ = false;
  bool is_counted_ = false;  // the start of a stage, whose end is to come
  std::string name_;
  absl::Time begin_;
  absl::Time last_ = absl::InfinitePast();
  HeldPass pass_;
};

JobRun::JobRun(const Tools& tools, const JobRunOptions& options, JobClaim claim,
               std::unique_ptr<JobTurns::Turn> turn)
    : tools_(tools), options_(options), claim_(std::move(claim)), turn_(std::move(turn)) {}

void JobRun::Work() {
  spdlog::info("jobs/{}: started (attempt {})", claim_.job.id, claim_.job.attempts);
  const absl::StatusOr<PipelineOutput> output = RunPipeline();
  if (EndWork()) ConcludeAtLast(output);
  turn_.reset();
  absl::MutexLock lock(&mutex_);
  ended_ = true;
}

void JobRun::Beat() {
  {
    absl::MutexLock lock(&mutex_);
    if (!working_) return;
  }
  const absl::StatusOr<bool> cancel = tools_.store->Heartbeat(claim_);
  NoteIfLost(cancel.status());
  if (cancel.ok() && *cancel) cancellation_.Cancel();
}

void JobRun::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  cancellation_.Cancel();
}

bool JobRun::Stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

bool JobRun::HasEnded() const {
  absl::MutexLock lock(&mutex_);
  return ended_;
}

void JobRun::NoteIfLost(const absl::Status& status) {
  if (!absl::IsAborted(status)) return;
  absl::MutexLock lock(&mutex_);
  // A beat may come back while or after the end of the job is written, which ends the claim too.
  if (lost_ || !working_) return;
  LogLoss(claim_, status);
  lost_ = true;
  cancellation_.Cancel();
}

bool JobRun::WaitToRetry(absl::Duration wait) const {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
}

bool JobRun::EndWork() {
  absl::MutexLock lock(&mutex_);
  working_ = false;
  return !lost_;
}

absl::StatusOr<PipelineOutput> JobRun::RunPipeline() {
  Observer observer(this);
  try {
    return (*tools_.pipeline)(claim_, observer.Callbacks(), cancellation_);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("the job needs more memory than there is");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("unexpected exception: ", error.what()));
  }
}

// Each try begins with a beat of its own. A run that is stopped first leaves the job RUNNING, for
// the next server to recover.
void JobRun::ConcludeAtLast(const absl::StatusOr<PipelineOutput>& output) {
  absl::Duration wait = options_.first_retry;
  std::string last_error;
  while (true) {
    const absl::Status status = Conclude(output);
    if (status.ok()) return;
    if (absl::IsAborted(status)) return LogLoss(claim_, status);
    if (std::exchange(last_error, status.ToString()) != status.ToString()) {
      LogFailure(claim_.job, "writing down its end, which is tried again", status);
    }
    if (!WaitToRetry(wait)) return;
    wait = std::min(wait * 2, options_.longest_retry);
  }
}

absl::Status JobRun::Conclude(const absl::StatusOr<PipelineOutput>& output) {
  const std::string& id = claim_.job.id;
  HT_ASSIGN_OR_RETURN(const bool cancel_requested, tools_.store->Heartbeat(claim_));
  if (cancel_requested) {
    HT_RETURN_IF_ERROR(tools_.store->MarkCancelled(claim_));
    spdlog::info("jobs/{}: cancelled", id);
    return absl::OkStatus();
  }
  if (!output.ok() && absl::IsCancelled(output.status()) && Stopping()) {
    HT_RETURN_IF_ERROR(tools_.store->Requeue(claim_, "queued again: the server stopped"));
    spdlog::info("jobs/{}: checkpointed, queued again", id);
    return absl::OkStatus();
  }
  absl::Status error = output.status();
  if (output.ok()) {
    const absl::StatusOr<JobOutcome> outcome = StoreOutcome(*output);
    if (MayPass(outcome.status())) return outcome.status();
    error = outcome.status();
    if (error.ok()) {
      HT_RETURN_IF_ERROR(tools_.store->Succeed(claim_, *outcome));
      spdlog::info("jobs/{}: succeeded", id);
      return absl::OkStatus();
    }
  }
  HT_RETURN_IF_ERROR(tools_.store->Fail(claim_, error));
  spdlog::warn("jobs/{}: failed: {}", id, LogLine(error.ToString()));
  return absl::OkStatus();
}

absl::StatusOr<JobOutcome> JobRun::StoreOutcome(const PipelineOutput& output) const {
  JobOutcome outcome;
  outcome.solution_status = output.solution_status;
  HT_ASSIGN_OR_RETURN(outcome.result_sha256, tools_.blobs->Store(output.result_json));
  for (const auto& [name, sha256] : output.artifacts) {
    HT_ASSIGN_OR_RETURN(const int64_t size, tools_.blobs->Size(sha256));
    outcome.artifacts[name] = {sha256, size};
  }
  return outcome;
}

}  // namespace halftone
