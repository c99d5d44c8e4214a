#ifndef HALFTONE_TESTS_SERVER_JOBS_FAILING_JOB_STORE_H_
#define HALFTONE_TESTS_SERVER_JOBS_FAILING_JOB_STORE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "server/jobs/job_store.h"

namespace halftone {

// A store whose writes fail where `fault` says so: it is asked with the method's name before each,
// on the thread that writes, and with "Succeeded" after an end that was written. Thread-safe if
// `fault` is.
class FailingJobStore final : public JobStore {
 public:
  using Fault = std::function<absl::Status(absl::string_view method)>;
  // Borrows the store.
  FailingJobStore(JobStore* store, Fault fault) : store_(store), fault_(std::move(fault)) {}

  absl::StatusOr<JobRecord> Create(const NewJob& job) override {
    HT_RETURN_IF_ERROR(fault_("Create"));
    return store_->Create(job);
  }
  absl::StatusOr<JobRecord> Get(const std::string& id) const override { return store_->Get(id); }
  absl::StatusOr<std::string> Spec(const std::string& id) const override {
    return store_->Spec(id);
  }
  absl::StatusOr<JobPage> List(int page_size, const std::string& page_token,
                               const std::vector<JobState>& states) const override {
    return store_->List(page_size, page_token, states);
  }
  absl::StatusOr<std::vector<JobEvent>> Events(const std::string& id, int64_t after_sequence,
                                               int limit) const override {
    return store_->Events(id, after_sequence, limit);
  }
  absl::StatusOr<int64_t> Revision() const override { return store_->Revision(); }
  absl::StatusOr<std::vector<JobChange>> ChangesSince(int64_t revision, int limit) const override {
    return store_->ChangesSince(revision, limit);
  }
  absl::StatusOr<std::optional<JobClaim>> Claim(absl::Duration lease,
                                                const std::optional<std::string>& only) override {
    HT_RETURN_IF_ERROR(fault_("Claim"));
    return store_->Claim(lease, only);
  }
  absl::StatusOr<bool> Heartbeat(const JobClaim& claim) override {
    HT_RETURN_IF_ERROR(fault_("Heartbeat"));
    return store_->Heartbeat(claim);
  }
  absl::Status BeginStage(const JobClaim& claim) override {
    HT_RETURN_IF_ERROR(fault_("BeginStage"));
    return store_->BeginStage(claim);
  }
  absl::Status PauseStage(const JobClaim& claim) override {
    HT_RETURN_IF_ERROR(fault_("PauseStage"));
    return store_->PauseStage(claim);
  }
  absl::Status RecordProgress(const JobClaim& claim, JobEventKind kind, const JobProgress& progress,
                              bool reused, absl::string_view detail) override {
    HT_RETURN_IF_ERROR(fault_("RecordProgress"));
    return store_->RecordProgress(claim, kind, progress, reused, detail);
  }
  absl::Status AddArtifact(const JobClaim& claim, const std::string& file,
                           const StoredArtifact& artifact, const JobProgress& progress,
                           absl::string_view detail) override {
    HT_RETURN_IF_ERROR(fault_("AddArtifact"));
    return store_->AddArtifact(claim, file, artifact, progress, detail);
  }
  absl::Status Succeed(const JobClaim& claim, const JobOutcome& outcome) override {
    HT_RETURN_IF_ERROR(fault_("Succeed"));
    HT_RETURN_IF_ERROR(store_->Succeed(claim, outcome));
    return fault_("Succeeded");
  }
  absl::Status Fail(const JobClaim& claim, const absl::Status& error) override {
    HT_RETURN_IF_ERROR(fault_("Fail"));
    return store_->Fail(claim, error);
  }
  absl::Status MarkCancelled(const JobClaim& claim) override {
    HT_RETURN_IF_ERROR(fault_("MarkCancelled"));
    return store_->MarkCancelled(claim);
  }
  absl::Status Requeue(const JobClaim& claim, absl::string_view reason) override {
    HT_RETURN_IF_ERROR(fault_("Requeue"));
    return store_->Requeue(claim, reason);
  }
  absl::StatusOr<std::vector<std::string>> RecoverInterrupted() override {
    HT_RETURN_IF_ERROR(fault_("RecoverInterrupted"));
    return store_->RecoverInterrupted();
  }
  absl::StatusOr<JobRecord> RequestCancel(const std::string& id) override {
    HT_RETURN_IF_ERROR(fault_("RequestCancel"));
    return store_->RequestCancel(id);
  }
  absl::Status Delete(const std::string& id) override {
    HT_RETURN_IF_ERROR(fault_("Delete"));
    return store_->Delete(id);
  }

 private:
  JobStore* store_;
  const Fault fault_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_SERVER_JOBS_FAILING_JOB_STORE_H_
