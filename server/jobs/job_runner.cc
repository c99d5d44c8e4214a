#include "server/jobs/job_runner.h"

#include <utility>

#include "base/shown_text.h"
#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace halftone {

JobRunner::JobRunner(JobStore* store, const BlobStore* blobs, EventHub* hub, ComputeGate* gate,
                     const Clock* clock, Pipeline pipeline, Options options)
    : tools_{store, blobs, gate, clock, &pipeline_},
      hub_(hub),
      pipeline_(std::move(pipeline)),
      options_(std::move(options)),
      turns_(options_.max_jobs),
      is_recovered_(!options_.recover) {}

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
    for (const Running& running : running_) running.run->Stop();
  }
  turns_.Stop();
  if (thread_.joinable()) thread_.join();
  if (heartbeat_thread_.joinable()) heartbeat_thread_.join();
  Join(/*all=*/true);
  if (subscription_.has_value()) hub_->Unsubscribe(*subscription_);
  subscription_.reset();
}

void JobRunner::Loop() {
  // Jobs may also be queued by another process that shares the state directory.
  constexpr absl::Duration kPoll = absl::Seconds(1);
  std::string told;  // of what keeps it from taking up jobs
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
    const absl::Status status = RunQueue();
    const std::string error = status.ok() ? "" : status.ToString();
    if (!error.empty() && error != told) spdlog::error("taking up jobs: {}", LogLine(error));
    told = error;
  }
}

absl::Status JobRunner::RunQueue() {
  if (!is_recovered_) {
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> interrupted,
                        tools_.store->RecoverInterrupted());
    is_recovered_ = true;
    for (const std::string& id : interrupted) spdlog::warn("jobs/{}: was interrupted", id);
  }
  while (std::unique_ptr<JobTurns::Turn> turn = turns_.Begin()) {
    HT_ASSIGN_OR_RETURN(std::optional<JobClaim> claim,
                        tools_.store->Claim(options_.lease, options_.only));
    if (!claim.has_value()) break;
    Join(/*all=*/false);
    Begin(*std::move(claim), std::move(turn));
  }
  return absl::OkStatus();
}

void JobRunner::Begin(JobClaim claim, std::unique_ptr<JobTurns::Turn> turn) {
  auto run = std::make_shared<JobRun>(tools_, options_, std::move(claim), std::move(turn));
  absl::MutexLock lock(&mutex_);
  if (stopping_) run->Stop();
  running_.push_back({run, std::thread([run] { run->Work(); })});
}

void JobRunner::Join(bool all) {
  std::vector<Running> ended;
  {
    absl::MutexLock lock(&mutex_);
    std::erase_if(running_, [&](Running& running) {
      if (!all && !running.run->HasEnded()) return false;
      ended.push_back(std::move(running));
      return true;
    });
  }
  for (Running& running : ended) running.thread.join();
}

void JobRunner::HeartbeatLoop() {
  while (true) {
    std::vector<std::shared_ptr<JobRun>> runs;
    {
      absl::MutexLock lock(&mutex_);
      const auto is_stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
      if (mutex_.AwaitWithTimeout(absl::Condition(&is_stopping), options_.heartbeat)) return;
      for (const Running& running : running_) runs.push_back(running.run);
    }
    for (const std::shared_ptr<JobRun>& run : runs) run->Beat();
  }
}

}  // namespace halftone
