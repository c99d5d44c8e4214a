#ifndef HALFTONE_CLIENT_CONNECTION_H_
#define HALFTONE_CLIENT_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "halftone/v1/analysis_service.pb.h"
#include "halftone/v1/exploration_service.pb.h"
#include "halftone/v1/job.pb.h"
#include "halftone/v1/model_service.pb.h"
#include "halftone/v1/search_service.pb.h"

namespace halftone {

// The result of a one-shot analysis.
struct AnalysisOutput {
  std::string json;
  std::string arrays_npz;
};

// The name that an upload of the file is shown by: the last part of its path, with control
// characters escaped, and no longer than a server takes.
std::string DisplayNameOf(const std::string& path);

// What a C++ program needs to speak to Halftone: over the network, or with the service in this very
// process. Errors are the server's, with its messages; UNAVAILABLE when it cannot be reached.
// Thread-safe, but one call at a time is what Interrupt() ends.
class Connection {
 public:
  using ProgressCallback = std::function<void(double fraction, absl::string_view detail)>;
  // Returns whether to go on.
  using EventCallback = std::function<bool(const v1::JobEvent&)>;
  // Told how long the server will be tried again.
  using UnansweredCallback = std::function<void(absl::Duration patience)>;

  // UNAVAILABLE when nothing answers at HOST:PORT within five seconds.
  static absl::StatusOr<std::unique_ptr<Connection>> ToServer(const std::string& address);
  // The service in this process, on a state directory.
  static absl::StatusOr<std::unique_ptr<Connection>> InProcess(const std::string& state_directory);
  ~Connection();

  bool in_process() const;

  // What the server would refuse of a model and data once it has them (local::CheckModel), said
  // before anything is sent. OK where the server is of another version: only it knows what it can
  // run.
  absl::Status CheckModel(const std::string& path, const v1::InputBinding& inputs,
                          const google::protobuf::Map<std::string, v1::OutputHead>& heads,
                          const std::vector<std::string>& data);

  // Sends a file unless the server has that content, a model with the files that its tensors lie
  // in; returns its name there, such as `models/{sha256}`.
  absl::StatusOr<std::string> UploadModel(const std::string& path,
                                          const ProgressCallback& progress = {});
  absl::StatusOr<std::string> UploadDataset(const std::string& path,
                                            const ProgressCallback& progress = {});
  // Of a model's outputs, in the place of samples: see UploadHeader.
  absl::StatusOr<std::string> UploadOutputs(const std::string& path,
                                            const ProgressCallback& progress = {});
  absl::StatusOr<std::string> UploadTargetFile(const std::string& path,
                                               const ProgressCallback& progress = {});

  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request);
  absl::StatusOr<v1::ListDatasetsResponse> ListDatasets(const v1::ListDatasetsRequest& request);
  absl::StatusOr<v1::TargetFile> GetTargetFile(const std::string& name);

  // Take an upload away at once, with the jobs that name it and what was computed from it.
  absl::StatusOr<v1::Removal> DeleteModel(const std::string& name);
  absl::StatusOr<v1::Removal> DeleteDataset(const std::string& name);
  absl::StatusOr<v1::Removal> CollectGarbage(const v1::CollectGarbageRequest& request);

  absl::StatusOr<v1::Job> CreateJob(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> GetJob(const std::string& name, v1::JobView view = v1::JOB_VIEW_BASIC);
  absl::StatusOr<v1::ListJobsResponse> ListJobs(const v1::ListJobsRequest& request);
  absl::StatusOr<v1::Job> CancelJob(const std::string& name);
  absl::Status DeleteJob(const std::string& name, bool force);
  absl::StatusOr<v1::SearchResult> GetResult(const std::string& name);
  absl::StatusOr<v1::GetFrontierResponse> GetFrontier(const std::string& name);
  absl::StatusOr<v1::ReSolveResponse> ReSolve(const v1::ReSolveRequest& request);
  // Has the ReSolve or SolveProblem with that id, which another thread waits for, answer with the
  // best that it has. NOT_FOUND where the server does not know it, or not yet.
  absl::Status StopSolve(const std::string& solve_id);
  // Calls back with every event until the job's end, through restarts of the server of up to half
  // a minute; `unanswered` when such a wait begins.
  absl::Status WatchJob(const std::string& name, const EventCallback& callback,
                        const UnansweredCallback& unanswered);
  // Writes the file into the folder, which is made; returns its path.
  absl::StatusOr<std::string> DownloadArtifact(const v1::Artifact& artifact,
                                               const std::string& folder);

  absl::StatusOr<v1::InspectModelResponse> InspectModel(const v1::InspectModelRequest& request);
  absl::StatusOr<AnalysisOutput> MeasureSensitivity(const v1::MeasureSensitivityRequest& request,
                                                    const ProgressCallback& progress);
  absl::StatusOr<AnalysisOutput> ProfileModel(const v1::ProfileModelRequest& request,
                                              const ProgressCallback& progress);
  absl::StatusOr<AnalysisOutput> EvaluateAssignment(const v1::EvaluateAssignmentRequest& request,
                                                    const ProgressCallback& progress);
  absl::StatusOr<v1::SolveProblemResponse> SolveProblem(const v1::SolveProblemRequest& request);
  absl::StatusOr<v1::ListTargetsResponse> ListTargets();
  absl::StatusOr<v1::GetVersionResponse> GetVersion();

  absl::StatusOr<v1::Exploration> GetExploration(const std::string& job);
  absl::StatusOr<v1::AskResponse> AskExploration(const std::string& job, int count);
  absl::StatusOr<v1::TellResponse> TellExploration(
      const std::string& job, const std::map<std::string, std::string>& assignment);

  // In process: takes the state directory, to run a job that is yet to be created;
  // FAILED_PRECONDITION when another process runs its jobs. Of a server nothing is asked.
  absl::Status TakeDirectory();
  // In process only: runs the queued job here. FAILED_PRECONDITION when another process runs the
  // jobs of the state directory.
  absl::Status RunJobHere(const std::string& name);

  // Cancels the call that another thread is in. Async-signal-unsafe, thread-safe.
  void Interrupt();

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace halftone

#endif  // HALFTONE_CLIENT_CONNECTION_H_
