#ifndef HALFTONE_SERVER_SERVICES_SERVICE_CONTEXT_H_
#define HALFTONE_SERVER_SERVICES_SERVICE_CONTEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "halftone/v1/types.pb.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "nn/onnx/model_files.h"
#include "profilers/cost_profiler.h"
#include "profilers/remote/profiler_directory.h"
#include "search/sensitivity/sensitivity.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/catalog.h"
#include "server/jobs/collector.h"
#include "server/jobs/compute_gate.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/job_store.h"
#include "server/services/worker_pool.h"

namespace halftone {

struct ServiceLimits {
  int64_t max_model_bytes = int64_t{1} << 30;
  int64_t max_model_files_bytes = int64_t{16} << 30;  // of a model of several files, in all
  int64_t max_dataset_bytes = int64_t{4} << 30;
  int64_t max_chunk_bytes = int64_t{2} << 20;
  int64_t max_target_file_bytes = int64_t{32} << 20;
  // Whether a target may be the address of a profiler: only where the caller is the same user.
  bool target_addresses = false;
  // So long, who is to read what was sent waits for others who do.
  absl::Duration patience_for_memory = absl::Minutes(1);
};

// A model ready for analysis: with what `data` (null: none) and `inputs` say of its inputs, and
// what is asked of its outputs. Errors name the field of a request, or the node, input or output.
absl::StatusOr<PreparedNetwork> PrepareModel(Graph graph, const v1::InputBinding& inputs,
                                             const AskedHeads& heads, const Dataset* data);

class Explorations;
class HeldRequests;
class RunningSolves;

// What the services work with. Borrowed; all parts outlive the services and are thread-safe.
struct ServiceContext {
  BlobStore* blobs;
  Catalog* catalog;
  JobStore* jobs;
  EventHub* hub;
  ComputeGate* gate;
  // Calls that wait for their turn, for a client or for a job's end hold no thread of these.
  WorkerPool* pool;        // for what takes moments
  WorkerPool* uploads;     // for reading what was sent, which may have to wait for memory
  WorkerPool* inspectors;  // for reading models to show them, likewise
  WorkerPool* solvers;     // for solving, which takes as long as the caller allows
  WorkerPool* analyses;    // for who has passed the gate: it is never kept from computing
  WorkerPool* elsewhere;   // for profiles of other machines, which mostly wait for those
  Explorations* explorations;
  RunningSolves* solves;
  HeldRequests* held_requests;
  const ProfilerRegistry* profilers;
  const ProfilerDirectory* remotes;  // null where none can register
  ServiceLimits limits;
  Collector* collector;

  // The uploaded model or dataset of that resource name. `field` names the request's field in
  // errors.
  absl::StatusOr<Graph> LoadModel(absl::string_view field, const std::string& name) const;
  // The same, after PrepareModel.
  absl::StatusOr<PreparedNetwork> LoadNetwork(absl::string_view field, const std::string& name,
                                              const v1::InputBinding& inputs,
                                              const AskedHeads& heads, const Dataset* data) const;
  absl::StatusOr<Dataset> LoadDataset(absl::string_view field, const std::string& name) const;
  // The arrays of an uploaded dataset, whatever they are: see UploadHeader.outputs.
  absl::StatusOr<std::map<std::string, Tensor>> LoadArrays(absl::string_view field,
                                                           const std::string& name) const;
  // OK if the data of the request's field fits the network.
  static absl::Status CheckFits(const PreparedNetwork& network, absl::string_view field,
                                const Dataset& data);
  // Content that the database knows, and the resource that it is of: DATA_LOSS where it is missing
  // or damaged.
  absl::StatusOr<std::string> LoadStored(const std::string& resource, const std::string& sha256,
                                         absl::string_view remedy = "") const;
  absl::StatusOr<std::string> LoadDatasetBytes(absl::string_view field,
                                               const std::string& name) const;
  // The files of a stored model, as its manifest lists them; none for a model of one file.
  absl::StatusOr<std::vector<ModelFile>> ModelFilesOf(const std::string& sha256) const;
  // OK if it was uploaded.
  absl::Status CheckUploaded(absl::string_view field, ContentKind kind,
                             const std::string& sha256) const;
  // Whether another machine, or at least another process, does the work of profiling on a target.
  bool IsElsewhere(const std::string& target) const;
  // A target by its name, or the upload `targets/{sha256}`. NOT_FOUND lists the targets.
  absl::StatusOr<std::unique_ptr<CostProfiler>> CreateProfiler(absl::string_view field,
                                                               const std::string& target) const;

 private:
  absl::StatusOr<std::unique_ptr<CostProfiler>> MakeProfiler(const std::string& target) const;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_SERVICE_CONTEXT_H_
