#include "server/jobs/job_runner.h"

#include <exception>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/progress_tracker.h"
#include "spdlog/spdlog.h"

namespace halftone {
namespace {

void LogFailure(const JobRecord& job, const char* what, const absl::Status& status) {
  if (!status.ok()) spdlog::error("jobs/{}: {}: {}", job.id, what, status.ToString());
}

}  // namespace

// Writes a pipeline's course into the store, and holds the compute gate during each stage.
class JobRunner::Observer {
 public:
  Observer(JobRunner* runner, const JobRecord& job, const Cancellation& cancellation)
      : runner_(runner), job_(job), cancellation_(cancellation) {}

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
    return observer;
  }

 private:
  void Started(Stage stage, bool reused) {
    tracker_.StageStarted(stage, reused, Now());
    reused_ = reused;
    name_ = std::string(StageName(stage));
    spdlog::info("jobs/{}: stage {}{}", job_.id, name_, reused ? ": reused" : "");
    Record(JobEventKind::kStageStarted, "");
    if (reused || pass_ != nullptr) return;
    absl::StatusOr<std::unique_ptr<ComputeGate::Pass>> pass = runner_->gate_->Enter(cancellation_);
    // Cancelled while it waited: the pipeline will see that for itself.
    if (pass.ok()) pass_ = *std::move(pass);
    begin_ = Now();
  }

  void Progressed(double fraction, absl::string_view detail) {
    tracker_.StageProgressed(fraction);
    if (Now() - last_ < runner_->options_.progress_interval) return;
    last_ = Now();
    Record(JobEventKind::kStageProgress, detail);
  }

  void Finished() {
    pass_.reset();
    tracker_.StageFinished();
    if (!reused_) {
      spdlog::info("jobs/{}: stage {} took {:.2f} s", job_.id, name_,
                   absl::ToDoubleSeconds(Now() - begin_));
    }
    Record(JobEventKind::kStageFinished, "");
  }

  // An event that cannot be written (a full disk) is not worth the job.
  void Record(JobEventKind kind, absl::string_view detail) {
    LogFailure(job_, "recording progress",
               runner_->store_->RecordProgress(job_.id, kind, tracker_.At(Now()), reused_, detail));
  }

  absl::Time Now() const { return runner_->clock_->Now(); }

  JobRunner* runner_;
  const JobRecord& job_;
  Cancellation cancellation_;
  ProgressTracker tracker_;
  bool reused_ = false;
  std::string name_;
  absl::Time begin_;
  absl::Time last_ = absl::InfinitePast();
  std::unique_ptr<ComputeGate::Pass> pass_;
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
      const absl::StatusOr<std::optional<JobRecord>> job =
          store_->Claim(options_.owner, options_.lease, options_.only);
      if (!job.ok()) {
        spdlog::error("claiming a job: {}", job.status().ToString());
        break;
      }
      if (!job->has_value()) break;
      Run(**job);
    }
  }
}

void JobRunner::HeartbeatLoop() {
  while (true) {
    std::optional<std::string> running;
    Cancellation cancellation;
    {
      absl::MutexLock lock(&mutex_);
      const auto is_stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
      if (mutex_.AwaitWithTimeout(absl::Condition(&is_stopping), options_.heartbeat)) return;
      running = running_;
      cancellation = cancellation_;
    }
    if (!running.has_value()) continue;
    const absl::StatusOr<bool> cancel = store_->Heartbeat(*running, options_.owner, options_.lease);
    if (cancel.ok() && *cancel) cancellation.Cancel();
  }
}

void JobRunner::Run(const JobRecord& job) {
  Cancellation cancellation;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) cancellation.Cancel();
    cancellation_ = cancellation;
    running_ = job.id;
  }
  spdlog::info("jobs/{}: started (attempt {})", job.id, job.attempts);
  const absl::StatusOr<PipelineOutput> output = RunPipeline(job, cancellation);
  {
    absl::MutexLock lock(&mutex_);
    running_.reset();
  }
  LogFailure(job, "writing down its end", Conclude(job, output));
}

absl::StatusOr<PipelineOutput> JobRunner::RunPipeline(const JobRecord& job,
                                                      const Cancellation& cancellation) {
  Observer observer(this, job, cancellation);
  try {
    return pipeline_(job.spec, observer.Callbacks(), cancellation);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("the job needs more memory than there is");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("unexpected exception: ", error.what()));
  }
}

absl::Status JobRunner::Conclude(const JobRecord& job,
                                 const absl::StatusOr<PipelineOutput>& output) {
  HT_ASSIGN_OR_RETURN(const JobRecord now, store_->Get(job.id));
  if (now.cancel_requested) {
    spdlog::info("jobs/{}: cancelled", job.id);
    return store_->MarkCancelled(job.id);
  }
  if (!output.ok() && absl::IsCancelled(output.status()) && Stopping()) {
    spdlog::info("jobs/{}: checkpointed, queued again", job.id);
    return store_->Requeue(job.id, "queued again: the server stopped");
  }
  absl::Status ended = output.status();
  if (output.ok()) {
    const absl::StatusOr<JobOutcome> outcome = StoreOutcome(*output);
    ended = outcome.ok() ? store_->Succeed(job.id, *outcome) : outcome.status();
  }
  if (ended.ok()) {
    spdlog::info("jobs/{}: succeeded", job.id);
    return ended;
  }
  spdlog::warn("jobs/{}: failed: {}", job.id, ended.ToString());
  return store_->Fail(job.id, ended);
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
