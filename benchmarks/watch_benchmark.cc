// What an event of a job costs with so many watchers over gRPC: the time of the thread that records
// it, and the processor time of the server for each watcher. The watchers are another process,
// which this one starts and which acknowledges each event that all of them have.
// Run: build/benchmarks/watch_benchmark
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "base/clock.h"
#include "base/program.h"
#include "benchmark/benchmark.h"
#include "grpcpp/grpcpp.h"
#include "halftone/v1/search_service.grpc.pb.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/jobs/sqlite/state_database.h"
#include "server/services/search_service.h"

namespace halftone {
namespace {

constexpr int kWatchersPerChannel = 100;
constexpr int kEventsBefore = 2;  // "queued" and "started"

// Counts who has which event, and says on `acknowledge` when all have it.
class Tally {
 public:
  Tally(int watchers, int acknowledge)
      : watchers_(watchers), acknowledge_(acknowledge), seen_(size_t{1} << 20) {}
  void Saw(int64_t sequence) {
    if (seen_.at(static_cast<size_t>(sequence)).fetch_add(1) + 1 != watchers_) return;
    const char byte = 0;
    if (::write(acknowledge_, &byte, 1) != 1) std::abort();
  }

 private:
  const int watchers_;
  const int acknowledge_;
  std::vector<std::atomic<int>> seen_;
};

class Watcher final : public grpc::ClientReadReactor<v1::JobEvent> {
 public:
  Watcher(v1::SearchService::Stub* stub, const std::string& job, Tally* tally,
          absl::BlockingCounter* running)
      : tally_(tally), running_(running) {
    request_.set_name(job);
    stub->async()->WatchJob(&context_, &request_, this);
    StartRead(&event_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    tally_->Saw(event_.sequence());
    StartRead(&event_);
  }
  void OnDone(const grpc::Status&) override { running_->DecrementCount(); }

 private:
  Tally* const tally_;
  absl::BlockingCounter* const running_;
  grpc::ClientContext context_;
  v1::WatchJobRequest request_;
  v1::JobEvent event_;
};

// What the other process does, until the job has ended.
int WatchUntilTheEnd(const std::string& address, const std::string& job, int watchers) {
  Tally tally(watchers, STDOUT_FILENO);
  absl::BlockingCounter running(watchers);
  std::vector<std::unique_ptr<v1::SearchService::Stub>> stubs;
  std::vector<std::unique_ptr<Watcher>> watching;
  for (int i = 0; i < watchers; ++i) {
    if (i % kWatchersPerChannel == 0) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      stubs.push_back(v1::SearchService::NewStub(
          grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
    }
    watching.push_back(std::make_unique<Watcher>(stubs.back().get(), job, &tally, &running));
  }
  running.Wait();
  return 0;
}

// The service on one running job.
class Service {
 public:
  Service() {
    std::string path = std::filesystem::temp_directory_path() / "halftone-benchmark.XXXXXX";
    state_ = ::mkdtemp(path.data());
    database_ = *StateDatabase::Open(state_);
    jobs_ = std::make_unique<SqliteJobStore>(database_.get(), &hub_, &clock_);
    (void)jobs_->Create({"", "benchmark", ""});
    claim_ = **jobs_->Claim(absl::Hours(1));
    context_.jobs = jobs_.get();
    context_.hub = &hub_;
    service_ = std::make_unique<SearchService>(&context_);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
  }
  ~Service() {
    server_->Shutdown();
    server_->Wait();
    std::filesystem::remove_all(state_);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  std::string job() const { return "jobs/" + claim_.job.id; }
  void RecordProgress() {
    const JobProgress progress = {Stage::kSensitivity, 0.5, 0.4, 12};
    (void)jobs_->RecordProgress(claim_, JobEventKind::kStageProgress, progress, false,
                                "layer 17 of 53");
  }
  void End() { (void)jobs_->Succeed(claim_, {}); }

 private:
  RealClock clock_;
  EventHub hub_;
  std::string state_;
  std::unique_ptr<StateDatabase> database_;
  std::unique_ptr<SqliteJobStore> jobs_;
  JobClaim claim_;
  ServiceContext context_ = {};
  std::unique_ptr<SearchService> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

// The process of the watchers; none for no watcher.
class Watchers {
 public:
  Watchers(const Service& service, int number) : number_(number) {
    int pipe[2];
    if (number == 0 || ::pipe2(pipe, O_CLOEXEC) != 0) return;
    acknowledged_ = pipe[0];
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    std::string arguments[] = {"watch_benchmark", "--watch", service.address(), service.job(),
                               absl::StrCat(number)};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (::posix_spawn(&child_, "/proc/self/exe", &actions, nullptr, argv.data(), environ) != 0) {
      std::abort();
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
  }
  ~Watchers() {
    if (number_ == 0) return;
    ::waitpid(child_, nullptr, 0);
    ::close(acknowledged_);
  }
  // Until all of them have one more event.
  void Await() {
    char byte;
    if (number_ > 0 && ::read(acknowledged_, &byte, 1) != 1) std::abort();
  }

 private:
  const int number_;
  int acknowledged_ = -1;
  pid_t child_ = 0;
};

double ProcessorSeconds(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void BM_ProgressEvent(benchmark::State& state) {
  const int number = static_cast<int>(state.range(0));
  Service service;
  double recording = 0, server = 0;
  {
    Watchers watchers(service, number);
    for (int i = 0; i < kEventsBefore; ++i) watchers.Await();
    for (auto _ : state) {
      const double process = ProcessorSeconds(CLOCK_PROCESS_CPUTIME_ID);
      const double thread = ProcessorSeconds(CLOCK_THREAD_CPUTIME_ID);
      const double begin = ProcessorSeconds(CLOCK_MONOTONIC);
      service.RecordProgress();
      state.SetIterationTime(ProcessorSeconds(CLOCK_MONOTONIC) - begin);
      recording += ProcessorSeconds(CLOCK_THREAD_CPUTIME_ID) - thread;
      watchers.Await();
      server += ProcessorSeconds(CLOCK_PROCESS_CPUTIME_ID) - process;
    }
    service.End();
  }
  const double events = static_cast<double>(state.iterations());
  state.counters["recording_cpu_us"] = recording / events * 1e6;
  state.counters["server_cpu_us_per_watcher"] =
      number == 0 ? 0 : (server - recording) / events / number * 1e6;
}
BENCHMARK(BM_ProgressEvent)->Arg(0)->Arg(1)->Arg(100)->Arg(1000)->UseManualTime()->Iterations(100);

}  // namespace
}  // namespace halftone

namespace {

int Main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "--watch") == 0) {
    return halftone::WatchUntilTheEnd(argv[2], argv[3], std::atoi(argv[4]));
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return halftone::RunProgram("watch_benchmark", Main, argc, argv);
}
