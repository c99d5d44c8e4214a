// Calls per second of GetJob, through a real server on loopback and within the process, and without
// gRPC: the price of the service itself. Run: build/benchmarks/rpc_benchmark
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/hash.h"
#include "benchmark/benchmark.h"
#include "grpcpp/grpcpp.h"
#include "halftone/v1/search_service.grpc.pb.h"
#include "server/convert/spec.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/jobs/sqlite/state_database.h"
#include "server/server.h"
#include "server/services/search_calls.h"

namespace halftone {
namespace {

// A server on a state directory with one job in it, which has succeeded.
class Service {
 public:
  Service() {
    std::string path = std::filesystem::temp_directory_path() / "halftone-benchmark.XXXXXX";
    state_ = ::mkdtemp(path.data());
    AddJob();
    ServerOptions options;
    options.state_directory = state_;
    options.address = "127.0.0.1:0";
    options.run_jobs = false;
    server_ = *Server::Start(options);
  }
  ~Service() {
    server_.reset();
    std::filesystem::remove_all(state_);
  }

  std::shared_ptr<grpc::Channel> Loopback() const {
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                               grpc::InsecureChannelCredentials());
  }
  std::shared_ptr<grpc::Channel> InProcess() const { return server_->InProcessChannel(); }
  const std::string& job() const { return job_; }
  const ServiceContext& context() const { return context_; }

 private:
  void AddJob() {
    database_ = *StateDatabase::Open(state_);
    jobs_ = std::make_unique<SqliteJobStore>(database_.get(), &hub_, &clock_);
    context_.jobs = jobs_.get();
    v1::SearchSpec spec;
    spec.set_model("models/" + Sha256Hex("model"));
    spec.set_calibration_dataset("datasets/" + Sha256Hex("data"));
    spec.set_target("bitfusion");
    v1::Budget* budget = spec.add_budgets();
    budget->set_metric("latency");
    budget->set_limit("50%");
    job_ = "jobs/" + jobs_->Create({"", "benchmark", SerializeSpec(spec)})->id;
    const JobClaim claim = **jobs_->Claim(absl::Hours(1));
    JobOutcome outcome;
    outcome.result_sha256 = Sha256Hex("result");
    for (const char* name : {"assignment.json", "frontier.svg", "model.onnx", "report.html"}) {
      outcome.artifacts[name] = {Sha256Hex(name), 1 << 20};
    }
    (void)jobs_->Succeed(claim, outcome);
  }

  RealClock clock_;
  EventHub hub_;
  std::unique_ptr<StateDatabase> database_;
  std::unique_ptr<SqliteJobStore> jobs_;
  ServiceContext context_ = {};
  std::string state_;
  std::string job_;
  std::unique_ptr<Server> server_;
};

void GetJobs(benchmark::State& state, const std::shared_ptr<grpc::Channel>& channel,
             const std::string& job) {
  const auto stub = v1::SearchService::NewStub(channel);
  v1::GetJobRequest request;
  request.set_name(job);
  for (auto _ : state) {
    grpc::ClientContext context;
    v1::Job response;
    const grpc::Status status = stub->GetJob(&context, request, &response);
    if (!status.ok()) state.SkipWithError(status.error_message().c_str());
  }
  state.SetItemsProcessed(state.iterations());
}

Service& TheService() {
  static Service service;
  return service;
}

void BM_GetJobLoopback(benchmark::State& state) {
  GetJobs(state, TheService().Loopback(), TheService().job());
}
BENCHMARK(BM_GetJobLoopback)->ThreadRange(1, 8)->UseRealTime();

void BM_GetJobInProcess(benchmark::State& state) {
  GetJobs(state, TheService().InProcess(), TheService().job());
}
BENCHMARK(BM_GetJobInProcess)->ThreadRange(1, 8)->UseRealTime();

void BM_GetJobWithoutGrpc(benchmark::State& state) {
  v1::GetJobRequest request;
  request.set_name(TheService().job());
  for (auto _ : state) {
    v1::Job response;
    const absl::Status status = GetJob(TheService().context(), request, &response);
    if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
  }
}
BENCHMARK(BM_GetJobWithoutGrpc);

}  // namespace
}  // namespace halftone

BENCHMARK_MAIN();
