#include "server/server.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/clock.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "nlohmann/json.hpp"
#include "profilers/builtin.h"
#include "profilers/cost_profiler.h"
#include "profilers/remote/listening.h"
#include "profilers/remote/profiler_directory.h"
#include "profilers/remote/protocol.h"
#include "profilers/remote/remote_profiler.h"
#include "search/crosscheck/crosscheck.h"
#include "search/pipeline.h"
#include "server/convert/crosscheck.h"
#include "server/convert/job.h"
#include "server/convert/spec.h"
#include "server/jobs/collection_schedule.h"
#include "server/jobs/collector.h"
#include "server/jobs/directory_lock.h"
#include "server/jobs/job_runner.h"
#include "server/jobs/patient_store.h"
#include "server/jobs/sourced_store.h"
#include "server/jobs/sqlite/sqlite_catalog.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/services/analysis_service.h"
#include "server/services/exploration_service.h"
#include "server/services/explorations.h"
#include "server/services/held_requests.h"
#include "server/services/job_references.h"
#include "server/services/malformed_requests.h"
#include "server/services/model_service.h"
#include "server/services/profiler_registry_service.h"
#include "server/services/running_solves.h"
#include "server/services/search_service.h"
#include "server/services/uploaded_targets.h"
#include "spdlog/spdlog.h"

namespace halftone {
namespace {

constexpr int kWorkers = 4;
// Threads, of which a client has at most four: what they solve may take a day.
constexpr int kSolvers = 16, kSolversOfClient = 4;
// Of large requests that wait for their turn, or are being answered.
constexpr size_t kHeldBytes = size_t{512} << 20;
// As many as the gate lets in at a time.
constexpr int kAnalysts = 1;
// Each waits for another machine most of its time.
constexpr int kElsewhereWorkers = 16;
// Reading a model of a hundred thousand nodes takes seconds.
constexpr int kInspectors = 2, kUploadReaders = 4;
constexpr size_t kMaxWaitingCalls = 256;
// Uploads come in chunks of at most 2 MiB; a problem may have 32 MiB.
constexpr int kMaxMessageBytes = 36 << 20;
// Describing a profiler that does not answer takes seconds; heartbeats need no worker.
constexpr int kRegistrationWorkers = 16;
constexpr size_t kMaxWaitingRegistrations = 64;
// So long after its start, a server waits for the profilers of the jobs that it takes up.
constexpr absl::Duration kGraceForProfilers = absl::Seconds(30);
constexpr absl::Duration kCollectEvery = absl::Hours(1);
constexpr absl::Duration kKeepStrays = absl::Hours(24);
// Of what clients send: what has come of all messages that are not whole yet. Who sends more than
// there is room for is ended.
constexpr size_t kReceivingBytes = size_t{1} << 30;
constexpr int kMaxCallsOfAConnection = 10'000;  // watchers among them
// Of connections: until the client has said that it speaks HTTP/2, and without any call.
constexpr int kHandshakeTimeoutMs = 20'000, kMaxIdleMs = 600'000;
// Of the calls that are still being answered then; idle connections are closed at its end.
constexpr auto kGraceForCalls = std::chrono::seconds(1);

absl::StatusOr<PipelineOutput> RunCrosscheckJob(Catalog& catalog, const ProfilerRegistry& profilers,
                                                const std::string& stored_spec,
                                                const JobObserver& observer,
                                                const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(const v1::CrosscheckSpec message, ParseCrosscheck(stored_spec));
  HT_ASSIGN_OR_RETURN(const CrosscheckSpec spec, CrosscheckFromProto(message));
  std::unique_ptr<NetworkRunner> runner;
  if (!spec.target.empty()) {
    HT_ASSIGN_OR_RETURN(const auto profiler, profilers.Create(spec.target));
    HT_ASSIGN_OR_RETURN(runner, RunnerOf(*profiler));
  }
  SourcedStore sourced(&catalog, SourcesOf(spec));
  PatientStore store(&sourced, cancellation, observer.disk);
  HT_ASSIGN_OR_RETURN(const CrosscheckResult result,
                      RunCrosscheck(spec, store, runner.get(), observer, cancellation));
  PipelineOutput output;
  output.result_json = CrosscheckResultToJson(result).dump();
  output.artifacts = result.artifacts;
  return output;
}

// `await_target` returns when a target has been given time to be there.
absl::StatusOr<PipelineOutput> RunSearchJob(
    Catalog& catalog, const ProfilerRegistry& profilers,
    const std::function<absl::Status(const std::string& target)>& await_target,
    const JobClaim& claim, const JobObserver& observer, const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(const v1::SearchSpec message, ParseSpec(claim.spec));
  HT_ASSIGN_OR_RETURN(const SearchSpec spec, SpecFromProto(message));
  HT_RETURN_IF_ERROR(await_target(spec.target));
  SourcedStore sourced(&catalog, SourcesOf(spec));
  PatientStore store(&sourced, cancellation, observer.disk);
  HT_ASSIGN_OR_RETURN(const SearchResult result,
                      RunSearch(spec, store, profilers, observer, cancellation, claim.job.id));
  PipelineOutput output;
  output.solution_status = result.solution.status;
  output.result_json = SearchResultToJson(result).dump();
  output.artifacts = result.artifacts;
  return output;
}

// Without them, jobs of an earlier version are only listed slower.
void AddSummaries(SqliteJobStore& jobs) {
  const absl::StatusOr<int> added = jobs.AddSummaries(StoredSummary);
  if (!added.ok()) {
    spdlog::warn("giving summaries to jobs of an earlier version: {}",
                 LogLine(added.status().ToString()));
  } else if (*added > 0) {
    spdlog::info("{} jobs of an earlier version were given summaries", *added);
  }
}

// Whether the database knows of no job, upload or stage output.
absl::StatusOr<bool> KnowsNothing(const JobStore& jobs, const Catalog& catalog) {
  HT_ASSIGN_OR_RETURN(const JobPage page, jobs.List(1, "", {}));
  bool known = !page.jobs.empty();
  for (const ContentKind kind :
       {ContentKind::kModel, ContentKind::kDataset, ContentKind::kTargetFile}) {
    HT_ASSIGN_OR_RETURN(const ContentPage contents, catalog.List(kind, 1, ""));
    known |= !contents.contents.empty();
  }
  if (known) return false;
  HT_ASSIGN_OR_RETURN(const std::vector<StageRecord> stages, catalog.Stages());
  return stages.empty();
}

}  // namespace

std::string DefaultStateDirectory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return absl::StrCat(state, "/halftone");
  const char* home = std::getenv("HOME");
  return absl::StrCat(home != nullptr ? home : "", "/.local/state/halftone");
}

struct Server::Parts {
  ServerOptions options;
  RealClock clock;
  const absl::Time started = clock.Now();
  std::unique_ptr<DirectoryLock> lock;
  std::unique_ptr<StateDatabase> database;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<CostStore> costs;
  std::unique_ptr<ProfilerDirectory> remotes;
  ProfilerRegistry profilers;
  EventHub hub;
  std::unique_ptr<JobStore> jobs;
  std::unique_ptr<Collector> collector;
  ComputeGate gate;
  // Before the pools, whose calls use them.
  Explorations explorations;
  RunningSolves solves;
  HeldRequests held_requests{kHeldBytes};  // before the pools, whose work holds some
  std::unique_ptr<WorkerPool> pool, uploads, inspectors, solvers, analyses, elsewhere,
      registrations;
  ServiceContext context;
  std::unique_ptr<SearchService> search;
  std::unique_ptr<ModelService> models;
  std::unique_ptr<AnalysisService> analysis;
  std::unique_ptr<ExplorationService> exploration;
  std::unique_ptr<ProfilerRegistryService> registry;
  std::unique_ptr<JobRunner> runner;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  bool shut_down = false;
  absl::Notification stopped;
  std::thread ticker;      // wakes watchers of jobs that another process runs
  std::thread collecting;  // ticks the collector's schedule

  absl::Status TakeDirectory();
  absl::Status OpenState();
  // Where the database is new, but the files of an older one are there: says so, and keeps them for
  // long enough that somebody reads it.
  absl::Status KeepStrays() const;
  absl::Status StartRunner(std::optional<std::string> only);
  absl::StatusOr<PipelineOutput> RunStored(const JobClaim& claim, const JobObserver& observer,
                                           const Cancellation& cancellation);
  absl::Status AwaitTarget(const std::string& target, const JobObserver& observer,
                           const Cancellation& cancellation) const;
  absl::Status StartServing();
  void Shutdown();
};

absl::Status Server::Parts::TakeDirectory() {
  if (lock != nullptr) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(lock, DirectoryLock::Acquire(options.state_directory));
  return absl::OkStatus();
}

absl::Status Server::Parts::OpenState() {
  HT_RETURN_IF_ERROR(MakeDirectories(options.state_directory));
  if (options.run_jobs) HT_RETURN_IF_ERROR(TakeDirectory());
  HT_ASSIGN_OR_RETURN(database, StateDatabase::Open(options.state_directory));
  if (database->is_alone()) {
    spdlog::warn(
        "'{}': the disk is full: until this process ends, no other one can open its state.db",
        LogLine(options.state_directory));
  }
  HT_ASSIGN_OR_RETURN(blobs, BlobStore::Create(options.state_directory + "/blobs"));
  catalog = std::make_unique<SqliteCatalog>(database.get(), blobs.get(), &clock);
  costs = std::make_unique<SqliteCostCache>(database.get(), &clock);
  remotes = std::make_unique<ProfilerDirectory>(&clock, costs.get(), RemoteOptions());
  HT_RETURN_IF_ERROR(RegisterBuiltinProfilers(profilers, costs.get()));
  HT_RETURN_IF_ERROR(RegisterUploadedTargets(profilers, catalog.get()));
  HT_RETURN_IF_ERROR(RegisterRemoteAddresses(profilers, costs.get()));
  profilers.RegisterDirectory([this] { return remotes->Targets(); });
  auto stored_jobs = std::make_unique<SqliteJobStore>(database.get(), &hub, &clock);
  AddSummaries(*stored_jobs);
  jobs = std::move(stored_jobs);
  collector = std::make_unique<Collector>(
      Collector::Stores{jobs.get(), catalog.get(), costs.get(), blobs.get(), &clock},
      [this](const JobRecord& job, const std::string& spec) {
        return ReferencesOf(*catalog, job, spec);
      },
      options.retention);
  pool = std::make_unique<WorkerPool>(kWorkers, kMaxWaitingCalls);
  uploads = std::make_unique<WorkerPool>(kUploadReaders, kMaxWaitingCalls);
  inspectors = std::make_unique<WorkerPool>(kInspectors, kMaxWaitingCalls);
  solvers = std::make_unique<WorkerPool>(kSolvers, kMaxWaitingCalls, kSolversOfClient);
  analyses = std::make_unique<WorkerPool>(kAnalysts, kMaxWaitingCalls);
  elsewhere = std::make_unique<WorkerPool>(kElsewhereWorkers, kMaxWaitingCalls);
  registrations = std::make_unique<WorkerPool>(kRegistrationWorkers, kMaxWaitingRegistrations);
  context.blobs = blobs.get();
  context.catalog = catalog.get();
  context.jobs = jobs.get();
  context.hub = &hub;
  context.gate = &gate;
  context.pool = pool.get();
  context.uploads = uploads.get();
  context.inspectors = inspectors.get();
  context.solvers = solvers.get();
  context.held_requests = &held_requests;
  context.analyses = analyses.get();
  context.elsewhere = elsewhere.get();
  context.explorations = &explorations;
  context.solves = &solves;
  context.profilers = &profilers;
  context.remotes = remotes.get();
  context.collector = collector.get();
  context.limits.target_addresses = options.target_addresses;
  return absl::OkStatus();
}

absl::Status Server::Parts::KeepStrays() const {
  HT_ASSIGN_OR_RETURN(const bool knows_nothing, KnowsNothing(*jobs, *catalog));
  if (!knows_nothing) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> strays, blobs->List());
  if (strays.empty()) return absl::OkStatus();
  // An error, which the command prints as well.
  spdlog::error(
      "'{}': blobs/ holds {} files of which state.db has no record: it is new or empty; if that is "
      "a mistake, stop the server and put back the right one: collections remove those files from "
      "tomorrow on",
      LogLine(options.state_directory), strays.size());
  const absl::Time until = absl::Now() + kKeepStrays;
  for (const std::string& sha256 : strays) {
    const absl::Status kept = blobs->KeepUntil(sha256, until);
    if (!kept.ok()) spdlog::warn("{}", LogLine(kept.message()));
  }
  return absl::OkStatus();
}

absl::Status Server::Parts::StartRunner(std::optional<std::string> only) {
  HT_RETURN_IF_ERROR(TakeDirectory());
  HT_RETURN_IF_ERROR(blobs->RemovePartial());
  JobRunner::Options runner_options;
  const absl::StatusOr<std::vector<std::string>> interrupted = jobs->RecoverInterrupted();
  if (absl::IsResourceExhausted(interrupted.status())) {
    // Whoever is to make room needs the service.
    spdlog::warn("nothing new is taken, and no job runs, before there is room: {}",
                 LogLine(interrupted.status().message()));
    runner_options.recover = true;
  } else {
    HT_RETURN_IF_ERROR(interrupted.status());
    for (const std::string& id : *interrupted) spdlog::warn("jobs/{}: was interrupted", id);
  }
  runner_options.max_jobs = options.max_running_jobs;
  runner_options.only = std::move(only);
  runner = std::make_unique<JobRunner>(
      jobs.get(), blobs.get(), &hub, &gate, &clock,
      [this](const JobClaim& claim, const JobObserver& observer, const Cancellation& cancellation) {
        return RunStored(claim, observer, cancellation);
      },
      runner_options);
  runner->Start();
  return absl::OkStatus();
}

absl::StatusOr<PipelineOutput> Server::Parts::RunStored(const JobClaim& claim,
                                                        const JobObserver& observer,
                                                        const Cancellation& cancellation) {
  if (IsCrosscheck(claim.spec)) {
    return RunCrosscheckJob(*catalog, profilers, claim.spec, observer, cancellation);
  }
  return RunSearchJob(
      *catalog, profilers,
      [&](const std::string& target) { return AwaitTarget(target, observer, cancellation); }, claim,
      observer, cancellation);
}

// A profiler needs a moment to notice that the server was restarted, and to register again.
absl::Status Server::Parts::AwaitTarget(const std::string& target, const JobObserver& observer,
                                        const Cancellation& cancellation) const {
  const std::vector<ProfilerRegistry::Target> targets = profilers.List();
  const bool known = std::any_of(targets.begin(), targets.end(),
                                 [&](const auto& other) { return other.name == target; });
  const bool may_come = !options.address.empty() && CheckTargetName(target).ok();
  if (known || !may_come) return absl::OkStatus();
  return Awaited(observer.waiting, [&] {
    return remotes->AwaitName(target, started + kGraceForProfilers, cancellation);
  });
}

absl::Status Server::Parts::StartServing() {
  search = std::make_unique<SearchService>(&context);
  models = std::make_unique<ModelService>(&context);
  analysis = std::make_unique<AnalysisService>(&context);
  exploration = std::make_unique<ExplorationService>(&context);
  registry = std::make_unique<ProfilerRegistryService>(ProfilerRegistryService::Options{
      remotes.get(), &profilers, registrations.get(), options.profilers_anywhere});
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Without this, a second server on the same port would silently take half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetResourceQuota(grpc::ResourceQuota("receiving").Resize(kReceivingBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsOfAConnection);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(MalformedRequestsExplained(
      {v1::SearchService::service_full_name(), v1::ModelService::service_full_name(),
       v1::AnalysisService::service_full_name(), v1::ExplorationService::service_full_name(),
       v1::ProfilerRegistryService::service_full_name()}));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  builder.RegisterService(search.get());
  builder.RegisterService(models.get());
  builder.RegisterService(analysis.get());
  builder.RegisterService(exploration.get());
  builder.RegisterService(registry.get());
  if (!options.address.empty()) {
    builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
  }
  server = builder.BuildAndStart();
  if (server == nullptr || (!options.address.empty() && port == 0)) {
    return CannotListen(options.address);
  }
  if (options.run_jobs) {
    collecting = std::thread([this] {
      CollectionSchedule schedule(collector.get(), &clock, kCollectEvery);
      while (!stopped.WaitForNotificationWithTimeout(absl::Minutes(1))) {
        schedule.Tick();
        // What large models and messages took goes back to the system.
        ::malloc_trim(0);
      }
    });
  } else {
    ticker = std::thread([this] {
      while (!stopped.WaitForNotificationWithTimeout(absl::Milliseconds(300))) hub.NotifyAll();
    });
  }
  return absl::OkStatus();
}

void Server::Parts::Shutdown() {
  if (std::exchange(shut_down, true)) return;
  if (server != nullptr && server->GetHealthCheckService() != nullptr) {
    server->GetHealthCheckService()->SetServingStatus(false);
  }
  if (runner != nullptr) runner->Stop();
  if (search != nullptr) search->StopWatching();
  if (!stopped.HasBeenNotified()) stopped.Notify();
  if (ticker.joinable()) ticker.join();
  if (collecting.joinable()) collecting.join();
  // Who waits for a turn is told so by the one who had it before.
  for (WorkerPool* stopped_pool : {analyses.get(), elsewhere.get(), solvers.get(), inspectors.get(),
                                   uploads.get(), pool.get(), registrations.get()}) {
    if (stopped_pool != nullptr) stopped_pool->Stop();
  }
  if (server != nullptr) {
    server->Shutdown(std::chrono::system_clock::now() + kGraceForCalls);
    server->Wait();
  }
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { Shutdown(); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  if (!options.address.empty()) HT_RETURN_IF_ERROR(CheckListenAddress(options.address));
  if (options.state_directory.empty()) {
    return absl::InvalidArgumentError("the state directory '' is none");
  }
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  HT_RETURN_IF_ERROR(server->parts_->OpenState());
  HT_RETURN_IF_ERROR(server->parts_->KeepStrays());
  HT_RETURN_IF_ERROR(server->parts_->StartServing());
  if (options.run_jobs) HT_RETURN_IF_ERROR(server->parts_->StartRunner(std::nullopt));
  return server;
}

int Server::port() const { return parts_->port; }

std::shared_ptr<grpc::Channel> Server::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return parts_->server->InProcessChannel(arguments);
}

absl::Status Server::TakeDirectory() { return parts_->TakeDirectory(); }

absl::Status Server::RunJob(const std::string& id) { return parts_->StartRunner(id); }

void Server::Shutdown() { parts_->Shutdown(); }

}  // namespace halftone
