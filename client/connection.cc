#include "client/connection.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/printable.h"
#include "base/status_macros.h"
#include "grpcpp/grpcpp.h"
#include "halftone/v1/analysis_service.grpc.pb.h"
#include "halftone/v1/exploration_service.grpc.pb.h"
#include "halftone/v1/model_service.grpc.pb.h"
#include "halftone/v1/search_service.grpc.pb.h"
#include "server/jobs/directory_lock.h"
#include "server/local.h"
#include "server/server.h"

namespace halftone {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
// A server takes 256, and commands may write some words before it. What is cut off is the
// beginning: the end says what kind of file it is.
constexpr size_t kMaxDisplayNameBytes = 240;
constexpr auto kConnectTimeout = std::chrono::seconds(5);
constexpr absl::Duration kReconnectTimeout = absl::Seconds(30);
constexpr auto kStopTimeout = std::chrono::seconds(2);

absl::Status FromGrpcStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::string DisplayNameOf(const std::string& path) {
  std::string name = PrintableLine(BaseName(path));
  if (name.size() > kMaxDisplayNameBytes) name.erase(0, name.size() - kMaxDisplayNameBytes);
  while (!IsPrintableUtf8(name)) name.erase(0, 1);  // the rest of a character that was cut
  return name;
}

struct Connection::Impl {
  std::unique_ptr<Server> server;  // in process
  std::shared_ptr<grpc::Channel> channel;
  std::string address;
  std::unique_ptr<v1::SearchService::Stub> search;
  std::unique_ptr<v1::ModelService::Stub> models;
  std::unique_ptr<v1::AnalysisService::Stub> analysis;
  std::unique_ptr<v1::ExplorationService::Stub> exploration;

  absl::Mutex mutex;
  grpc::ClientContext* current ABSL_GUARDED_BY(mutex) = nullptr;
  bool interrupted ABSL_GUARDED_BY(mutex) = false;

  void MakeStubs() {
    search = v1::SearchService::NewStub(channel);
    models = v1::ModelService::NewStub(channel);
    analysis = v1::AnalysisService::NewStub(channel);
    exploration = v1::ExplorationService::NewStub(channel);
  }

  bool IsInterrupted() {
    absl::MutexLock lock(&mutex);
    return interrupted;
  }
};

namespace {

// Makes a call the one that Interrupt() ends, while it lives.
class Call {
 public:
  template <typename Impl>
  explicit Call(Impl* impl) : mutex_(&impl->mutex), slot_(&impl->current) {
    absl::MutexLock lock(mutex_);
    *slot_ = &context;
    if (impl->interrupted) context.TryCancel();
  }
  ~Call() {
    absl::MutexLock lock(mutex_);
    *slot_ = nullptr;
  }
  grpc::ClientContext context;

 private:
  absl::Mutex* mutex_;
  grpc::ClientContext** slot_;
};

// How a call ended. One that the server cut off, as it does when it stops, has been cancelled by
// nobody: it found no server.
template <typename Impl>
absl::Status EndOf(Impl* impl, const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::CANCELLED || impl->IsInterrupted()) {
    return FromGrpcStatus(status);
  }
  return absl::UnavailableError("the server ended the call, as it does when it stops");
}

// Calls a unary method of a stub.
template <typename Impl, typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Ask(Impl* impl, Stub* stub,
                             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
                             const Request& request) {
  Call call(impl);
  Response response;
  const grpc::Status status = (stub->*method)(&call.context, request, &response);
  if (!status.ok()) return EndOf(impl, status);
  return response;
}

// What an upload is sent through: each call sends a chunk, and returns whether the server still
// listens.
using SendChunk = std::function<bool(std::string chunk)>;
// Sends all chunks of an upload; errors are those of reading them.
using SendChunks = std::function<absl::Status(const SendChunk& send)>;

absl::Status SendBytes(const std::string& bytes, const SendChunk& send) {
  bool open = true;
  for (size_t begin = 0; open && begin < bytes.size(); begin += kChunkBytes) {
    open = send(bytes.substr(begin, kChunkBytes));
  }
  return absl::OkStatus();
}

// The files of a model, its own first.
absl::Status SendFiles(const std::string& path, const v1::UploadHeader& header,
                       const SendChunk& send) {
  HT_ASSIGN_OR_RETURN(const std::string own, ReadFile(path));
  HT_RETURN_IF_ERROR(SendBytes(own, send));
  for (int i = 1; i < header.files_size(); ++i) {
    const v1::ModelFile& file = header.files(i);
    constexpr auto kStep = static_cast<int64_t>(kChunkBytes);
    for (int64_t begin = 0; begin < file.size_bytes(); begin += kStep) {
      HT_ASSIGN_OR_RETURN(std::string chunk,
                          local::ReadModelFile(path, file.path(), begin,
                                               std::min(kStep, file.size_bytes() - begin)));
      if (!send(std::move(chunk))) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

v1::UploadHeader HeaderOf(const std::string& path, const std::string& bytes) {
  v1::UploadHeader header;
  header.set_sha256(Sha256Hex(bytes));
  header.set_size_bytes(static_cast<int64_t>(bytes.size()));
  header.set_display_name(DisplayNameOf(path));
  return header;
}

// Sends what the header speaks of unless `get` says that the server has it, whole as far as it
// knows.
template <typename Get, typename Send, typename Record, typename Impl>
absl::StatusOr<std::string> Upload(
    Impl* impl, absl::string_view collection, const v1::UploadHeader& header,
    const SendChunks& send_chunks,
    grpc::Status (v1::ModelService::Stub::*get)(grpc::ClientContext*, const Get&, Record*),
    std::unique_ptr<grpc::ClientWriter<Send>> (v1::ModelService::Stub::*send)(grpc::ClientContext*,
                                                                              Record*),
    const Connection::ProgressCallback& progress) {
  Get known;
  known.set_name(absl::StrCat(collection, "/", header.sha256()));
  const absl::StatusOr<Record> found = Ask(impl, impl->models.get(), get, known);
  if (found.ok()) return found->name();
  if (!absl::IsNotFound(found.status()) && !absl::IsDataLoss(found.status())) {
    return found.status();
  }
  Call call(impl);
  Record record;
  const auto writer = (impl->models.get()->*send)(&call.context, &record);
  Send request;
  *request.mutable_header() = header;
  bool open = writer->Write(request);
  int64_t sent = 0;
  const absl::Status read = send_chunks([&](std::string chunk) {
    sent += static_cast<int64_t>(chunk.size());
    request.set_chunk(std::move(chunk));
    open = open && writer->Write(request);
    const auto size = static_cast<double>(header.size_bytes());
    if (open && progress) progress(static_cast<double>(sent) / size, "upload");
    return open;
  });
  if (!read.ok()) call.context.TryCancel();
  if (open && read.ok()) writer->WritesDone();
  const grpc::Status status = writer->Finish();
  HT_RETURN_IF_ERROR(read);
  if (!status.ok()) return EndOf(impl, status);
  return record.name();
}

// Sends a file.
template <typename Get, typename Send, typename Record, typename Impl>
absl::StatusOr<std::string> UploadFile(
    Impl* impl, absl::string_view collection, const std::string& path,
    grpc::Status (v1::ModelService::Stub::*get)(grpc::ClientContext*, const Get&, Record*),
    std::unique_ptr<grpc::ClientWriter<Send>> (v1::ModelService::Stub::*send)(grpc::ClientContext*,
                                                                              Record*),
    const Connection::ProgressCallback& progress, bool outputs = false) {
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  if (bytes.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is empty"));
  }
  v1::UploadHeader header = HeaderOf(path, bytes);
  header.set_outputs(outputs);
  const auto send_bytes = [&](const SendChunk& chunk) { return SendBytes(bytes, chunk); };
  return Upload<Get, Send, Record>(impl, collection, header, send_bytes, get, send, progress);
}

// Reads an analysis' stream to its end.
template <typename Impl>
absl::StatusOr<AnalysisOutput> Collect(
    Impl* impl, std::unique_ptr<grpc::ClientReader<v1::AnalysisResponse>> reader,
    const Connection::ProgressCallback& progress) {
  AnalysisOutput output;
  v1::AnalysisResponse response;
  while (reader->Read(&response)) {
    if (response.has_progress()) {
      if (progress) progress(response.progress().fraction(), response.progress().detail());
    } else {
      output.json += response.result().result_json();
      output.arrays_npz += response.result().arrays_npz();
    }
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return EndOf(impl, status);
  return output;
}

}  // namespace

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

absl::StatusOr<std::unique_ptr<Connection>> Connection::ToServer(const std::string& address) {
  auto impl = std::make_unique<Impl>();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  impl->address = address;
  impl->channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  if (!impl->channel->WaitForConnected(std::chrono::system_clock::now() + kConnectTimeout)) {
    return absl::UnavailableError(absl::StrCat("no server answers at '", address, "'"));
  }
  impl->MakeStubs();
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::InProcess(
    const std::string& state_directory) {
  auto impl = std::make_unique<Impl>();
  ServerOptions options;
  options.state_directory = state_directory;
  options.run_jobs = false;
  options.target_addresses = true;
  HT_ASSIGN_OR_RETURN(impl->server, Server::Start(options));
  impl->channel = impl->server->InProcessChannel();
  impl->MakeStubs();
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

bool Connection::in_process() const { return impl_->server != nullptr; }

void Connection::Interrupt() {
  absl::MutexLock lock(&impl_->mutex);
  impl_->interrupted = true;
  if (impl_->current != nullptr) impl_->current->TryCancel();
}

absl::Status Connection::CheckModel(const std::string& path, const v1::InputBinding& inputs,
                                    const google::protobuf::Map<std::string, v1::OutputHead>& heads,
                                    const std::vector<std::string>& data) {
  if (!in_process()) {
    HT_ASSIGN_OR_RETURN(const v1::GetVersionResponse server, GetVersion());
    if (server.version() != local::GetVersion().version()) return absl::OkStatus();
  }
  return local::CheckModel(path, inputs, heads, data);
}

absl::StatusOr<std::string> Connection::UploadModel(const std::string& path,
                                                    const ProgressCallback& progress) {
  using Stub = v1::ModelService::Stub;
  HT_ASSIGN_OR_RETURN(v1::UploadHeader header, local::DescribeModelFiles(path));
  if (header.files().empty()) {
    return UploadFile<v1::GetModelRequest, v1::UploadModelRequest, v1::Model>(
        impl_.get(), "models", path, &Stub::GetModel, &Stub::UploadModel, progress);
  }
  header.set_display_name(DisplayNameOf(path));
  return Upload<v1::GetModelRequest, v1::UploadModelRequest, v1::Model>(
      impl_.get(), "models", header,
      [&](const SendChunk& send) { return SendFiles(path, header, send); }, &Stub::GetModel,
      &Stub::UploadModel, progress);
}

absl::StatusOr<std::string> Connection::UploadDataset(const std::string& path,
                                                      const ProgressCallback& progress) {
  using Stub = v1::ModelService::Stub;
  return UploadFile<v1::GetDatasetRequest, v1::UploadDatasetRequest, v1::Dataset>(
      impl_.get(), "datasets", path, &Stub::GetDataset, &Stub::UploadDataset, progress);
}

absl::StatusOr<std::string> Connection::UploadOutputs(const std::string& path,
                                                      const ProgressCallback& progress) {
  using Stub = v1::ModelService::Stub;
  return UploadFile<v1::GetDatasetRequest, v1::UploadDatasetRequest, v1::Dataset>(
      impl_.get(), "datasets", path, &Stub::GetDataset, &Stub::UploadDataset, progress,
      /*outputs=*/true);
}

absl::StatusOr<std::string> Connection::UploadTargetFile(const std::string& path,
                                                         const ProgressCallback& progress) {
  using Stub = v1::ModelService::Stub;
  return UploadFile<v1::GetTargetFileRequest, v1::UploadTargetFileRequest, v1::TargetFile>(
      impl_.get(), "targets", path, &Stub::GetTargetFile, &Stub::UploadTargetFile, progress);
}

absl::StatusOr<v1::ListModelsResponse> Connection::ListModels(
    const v1::ListModelsRequest& request) {
  return Ask(impl_.get(), impl_->models.get(), &v1::ModelService::Stub::ListModels, request);
}

absl::StatusOr<v1::ListDatasetsResponse> Connection::ListDatasets(
    const v1::ListDatasetsRequest& request) {
  return Ask(impl_.get(), impl_->models.get(), &v1::ModelService::Stub::ListDatasets, request);
}

absl::StatusOr<v1::TargetFile> Connection::GetTargetFile(const std::string& name) {
  v1::GetTargetFileRequest request;
  request.set_name(name);
  return Ask(impl_.get(), impl_->models.get(), &v1::ModelService::Stub::GetTargetFile, request);
}

absl::StatusOr<v1::Removal> Connection::DeleteModel(const std::string& name) {
  v1::DeleteModelRequest request;
  request.set_name(name);
  return Ask(impl_.get(), impl_->models.get(), &v1::ModelService::Stub::DeleteModel, request);
}

absl::StatusOr<v1::Removal> Connection::DeleteDataset(const std::string& name) {
  v1::DeleteDatasetRequest request;
  request.set_name(name);
  return Ask(impl_.get(), impl_->models.get(), &v1::ModelService::Stub::DeleteDataset, request);
}

absl::StatusOr<v1::Removal> Connection::CollectGarbage(const v1::CollectGarbageRequest& request) {
  return Ask(impl_.get(), impl_->models.get(), &v1::ModelService::Stub::CollectGarbage, request);
}

absl::StatusOr<v1::Job> Connection::CreateJob(const v1::CreateJobRequest& request) {
  return Ask(impl_.get(), impl_->search.get(), &v1::SearchService::Stub::CreateJob, request);
}

absl::StatusOr<v1::Job> Connection::GetJob(const std::string& name, v1::JobView view) {
  v1::GetJobRequest request;
  request.set_name(name);
  request.set_view(view);
  return Ask(impl_.get(), impl_->search.get(), &v1::SearchService::Stub::GetJob, request);
}

absl::StatusOr<v1::ListJobsResponse> Connection::ListJobs(const v1::ListJobsRequest& request) {
  return Ask(impl_.get(), impl_->search.get(), &v1::SearchService::Stub::ListJobs, request);
}

absl::StatusOr<v1::Job> Connection::CancelJob(const std::string& name) {
  v1::CancelJobRequest request;
  request.set_name(name);
  grpc::ClientContext context;  // also while another call is being interrupted
  v1::Job job;
  const grpc::Status status = impl_->search->CancelJob(&context, request, &job);
  if (!status.ok()) return FromGrpcStatus(status);
  return job;
}

absl::Status Connection::DeleteJob(const std::string& name, bool force) {
  v1::DeleteJobRequest request;
  request.set_name(name);
  request.set_force(force);
  return Ask(impl_.get(), impl_->search.get(), &v1::SearchService::Stub::DeleteJob, request)
      .status();
}

absl::StatusOr<v1::SearchResult> Connection::GetResult(const std::string& name) {
  v1::GetResultRequest request;
  request.set_name(name);
  return Ask(impl_.get(), impl_->search.get(), &v1::SearchService::Stub::GetResult, request);
}

absl::StatusOr<v1::GetFrontierResponse> Connection::GetFrontier(const std::string& name) {
  v1::GetFrontierRequest request;
  request.set_name(name);
  return Ask(impl_.get(), impl_->search.get(), &v1::SearchService::Stub::GetFrontier, request);
}

absl::StatusOr<v1::ReSolveResponse> Connection::ReSolve(const v1::ReSolveRequest& request) {
  return Ask(impl_.get(), impl_->search.get(), &v1::SearchService::Stub::ReSolve, request);
}

absl::Status Connection::StopSolve(const std::string& solve_id) {
  v1::StopSolveRequest request;
  request.set_solve_id(solve_id);
  grpc::ClientContext context;  // beside the call that is to be stopped
  context.set_deadline(std::chrono::system_clock::now() + kStopTimeout);
  v1::StopSolveResponse response;
  return FromGrpcStatus(impl_->analysis->StopSolve(&context, request, &response));
}

absl::Status Connection::WatchJob(const std::string& name, const EventCallback& callback,
                                  const UnansweredCallback& unanswered) {
  v1::WatchJobRequest request;
  request.set_name(name);
  absl::Time lost = absl::InfiniteFuture();
  while (true) {
    absl::Status status;
    {
      Call call(impl_.get());
      const auto reader = impl_->search->WatchJob(&call.context, request);
      v1::JobEvent event;
      bool going = true;
      while (going && reader->Read(&event)) {
        lost = absl::InfiniteFuture();
        request.set_after_sequence(event.sequence());
        going = callback(event);
      }
      if (!going) call.context.TryCancel();
      status = EndOf(impl_.get(), reader->Finish());
      if (!going) return absl::OkStatus();
    }
    if (!absl::IsUnavailable(status) || in_process()) return status;
    if (impl_->IsInterrupted()) return absl::CancelledError("interrupted");
    if (lost == absl::InfiniteFuture()) {
      lost = absl::Now();
      unanswered(kReconnectTimeout);
    }
    if (absl::Now() - lost > kReconnectTimeout) {
      return Annotate(status, absl::StrCat("no answer from the server, which keeps ", name,
                                           ": watch it again once there is one"));
    }
    absl::SleepFor(absl::Milliseconds(500));
  }
}

absl::StatusOr<std::string> Connection::DownloadArtifact(const v1::Artifact& artifact,
                                                         const std::string& folder) {
  v1::DownloadArtifactRequest request;
  request.set_name(artifact.name());
  std::string bytes;
  {
    Call call(impl_.get());
    const auto reader = impl_->search->DownloadArtifact(&call.context, request);
    v1::DownloadArtifactResponse response;
    while (reader->Read(&response)) bytes += response.chunk();
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return EndOf(impl_.get(), status);
  }
  if (Sha256Hex(bytes) != artifact.sha256()) {
    return absl::DataLossError(absl::StrCat("'", artifact.name(), "' arrived damaged"));
  }
  HT_RETURN_IF_ERROR(MakeDirectories(folder));
  // The server allows no '/' in file names, but a client does not rely on that.
  const std::string path = absl::StrCat(folder, "/", BaseName(artifact.name()));
  HT_RETURN_IF_ERROR(WriteFileAtomically(path, bytes));
  return path;
}

absl::StatusOr<v1::InspectModelResponse> Connection::InspectModel(
    const v1::InspectModelRequest& request) {
  return Ask(impl_.get(), impl_->models.get(), &v1::ModelService::Stub::InspectModel, request);
}

absl::StatusOr<AnalysisOutput> Connection::MeasureSensitivity(
    const v1::MeasureSensitivityRequest& request, const ProgressCallback& progress) {
  Call call(impl_.get());
  return Collect(impl_.get(), impl_->analysis->MeasureSensitivity(&call.context, request),
                 progress);
}

absl::StatusOr<AnalysisOutput> Connection::ProfileModel(const v1::ProfileModelRequest& request,
                                                        const ProgressCallback& progress) {
  Call call(impl_.get());
  return Collect(impl_.get(), impl_->analysis->ProfileModel(&call.context, request), progress);
}

absl::StatusOr<AnalysisOutput> Connection::EvaluateAssignment(
    const v1::EvaluateAssignmentRequest& request, const ProgressCallback& progress) {
  Call call(impl_.get());
  return Collect(impl_.get(), impl_->analysis->EvaluateAssignment(&call.context, request),
                 progress);
}

absl::StatusOr<v1::SolveProblemResponse> Connection::SolveProblem(
    const v1::SolveProblemRequest& request) {
  return Ask(impl_.get(), impl_->analysis.get(), &v1::AnalysisService::Stub::SolveProblem, request);
}

absl::StatusOr<v1::ListTargetsResponse> Connection::ListTargets() {
  return Ask(impl_.get(), impl_->analysis.get(), &v1::AnalysisService::Stub::ListTargets,
             v1::ListTargetsRequest());
}

absl::StatusOr<v1::Exploration> Connection::GetExploration(const std::string& job) {
  v1::GetExplorationRequest request;
  request.set_job(job);
  return Ask(impl_.get(), impl_->exploration.get(), &v1::ExplorationService::Stub::GetExploration,
             request);
}

absl::StatusOr<v1::AskResponse> Connection::AskExploration(const std::string& job, int count) {
  v1::AskRequest request;
  request.set_job(job);
  request.set_count(count);
  return Ask(impl_.get(), impl_->exploration.get(), &v1::ExplorationService::Stub::Ask, request);
}

absl::StatusOr<v1::TellResponse> Connection::TellExploration(
    const std::string& job, const std::map<std::string, std::string>& assignment) {
  v1::TellRequest request;
  request.set_job(job);
  request.mutable_assignment()->insert(assignment.begin(), assignment.end());
  return Ask(impl_.get(), impl_->exploration.get(), &v1::ExplorationService::Stub::Tell, request);
}

absl::StatusOr<v1::GetVersionResponse> Connection::GetVersion() {
  return Ask(impl_.get(), impl_->analysis.get(), &v1::AnalysisService::Stub::GetVersion,
             v1::GetVersionRequest());
}

absl::Status Connection::TakeDirectory() {
  return in_process() ? impl_->server->TakeDirectory() : absl::OkStatus();
}

absl::Status Connection::RunJobHere(const std::string& name) {
  if (!in_process()) return absl::FailedPreconditionError("jobs run on the server");
  return impl_->server->RunJob(BaseName(name));
}

}  // namespace halftone
