// The halftone-profiler program: offers a target of this machine to other machines.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/openmp_waiting.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "base/stop_signals.h"
#include "base/thread_limit.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "profilers/builtin.h"
#include "profilers/remote/listening.h"
#include "profilers/remote/memory_cost_cache.h"
#include "profilers/remote/profiler_service.h"
#include "profilers/remote/protocol.h"
#include "profilers/remote/registration.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace halftone {
namespace {

constexpr int kExitUsage = 2;
constexpr int64_t kMaxDescriptionBytes = 32 << 20;

struct Flags {
  std::string target = "cpu";
  std::string address = "127.0.0.1:0";
  std::string server, name, advertise;
  int threads = 0;
  double lease_seconds = 30;
  std::string log_level = "info";
};

// Targets that differ in their file or parameters alone are different devices.
absl::StatusOr<std::string> Configuration(const std::string& target) {
  const std::string path = target.substr(0, target.find('?'));
  std::string text = target.substr(path.size());
  if (absl::EndsWith(path, ".json") || absl::EndsWith(path, ".csv")) {
    HT_ASSIGN_OR_RETURN(const std::string file, ReadFile(path, kMaxDescriptionBytes));
    absl::StrAppend(&text, file);
  }
  if (text.empty()) return text;
  return absl::StrCat("description ", Sha256Hex(text).substr(0, 16));
}

std::string DescriptionOf(const ProfilerRegistry& registry, const CostProfiler& profiler) {
  for (const ProfilerRegistry::Target& target : registry.List()) {
    if (target.name == profiler.target()) return target.description;
  }
  return profiler.Describe().name;
}

// What the server is told: a profiler that listens on all addresses leaves the host to the server.
std::string AdvertisedAddress(const Flags& flags, int port) {
  if (!flags.advertise.empty()) return flags.advertise;
  const std::string host = flags.address.substr(0, flags.address.rfind(':'));
  const bool any = host == "0.0.0.0" || host == "[::]";
  return absl::StrCat(any ? "" : host, ":", port);
}

// Why the server will not have this profiler. Thread-safe.
class Refusal {
 public:
  void Set(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    status_ = status;
  }
  absl::Status Get() {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

std::unique_ptr<Registration> Register(const Flags& flags, int port, Refusal& refusal) {
  Registration::Options options;
  options.server = flags.server;
  options.name = flags.name;
  options.address = AdvertisedAddress(flags, port);
  options.lease = absl::Seconds(flags.lease_seconds);
  options.report = [server = flags.server](const absl::Status& status, absl::string_view what) {
    if (status.ok()) {
      spdlog::info("server {}: {}", server, std::string(what));
    } else {
      spdlog::warn("server {}: {}: {}", server, std::string(what), std::string(status.message()));
    }
  };
  // The main thread waits for signals alone.
  options.refused = [server = flags.server, &refusal](const absl::Status& status) {
    refusal.Set(Annotate(status, absl::StrCat("server ", server, " refuses this profiler")));
    ::kill(::getpid(), SIGTERM);
  };
  return std::make_unique<Registration>(std::move(options));
}

absl::Status Serve(const Flags& flags, const sigset_t& signals) {
  HT_RETURN_IF_ERROR(Annotate(CheckListenAddress(flags.address), "--address"));
  if (!flags.server.empty()) {
    HT_RETURN_IF_ERROR(Annotate(ParseHostPort(flags.server).status(), "--server"));
  }
  if (!flags.name.empty()) HT_RETURN_IF_ERROR(Annotate(CheckTargetName(flags.name), "--name"));
  HT_RETURN_IF_ERROR(Annotate(CheckThreads(flags.threads), "--threads"));
  MemoryCostCache cache;
  ProfilerRegistry registry;
  HT_RETURN_IF_ERROR(RegisterBuiltinProfilers(registry, &cache));
  HT_RETURN_IF_ERROR(RegisterTargetFiles(registry));
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<CostProfiler> profiler, registry.Create(flags.target));
  ProfilerServiceImpl::Options options;
  options.description = DescriptionOf(registry, *profiler);
  options.threads = flags.threads;
  HT_ASSIGN_OR_RETURN(options.configuration, Configuration(flags.target));
  ProfilerServiceImpl service(profiler.get(), options);

  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxSentModelBytes) + (1 << 24));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.RegisterService(&service);
  int port = 0;
  builder.AddListeningPort(flags.address, grpc::InsecureServerCredentials(), &port);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return CannotListen(flags.address);
  }
  std::printf("halftone-profiler: target %s listens on %s:%d\n", profiler->target().c_str(),
              flags.address.substr(0, flags.address.rfind(':')).c_str(), port);
  std::fflush(stdout);
  Refusal refusal;  // outlives the registration
  std::unique_ptr<Registration> registration;
  if (!flags.server.empty()) registration = Register(flags, port, refusal);
  const int signal = WaitForStopSignal(signals);
  if (refusal.Get().ok()) spdlog::info("signal {}: stopping", signal);
  // First of all, so that no more work comes.
  registration.reset();
  service.Stop();
  server->Shutdown();
  server->Wait();
  return refusal.Get();
}

}  // namespace
}  // namespace halftone

namespace {

int Main(int argc, char** argv) {
  halftone::BoundOpenMpSpinning(argv);
  // Before any thread is started, so that all of them inherit the mask.
  sigset_t signals;
  halftone::BlockStopSignals(&signals);
  halftone::SilenceGrpcLog();
  std::signal(SIGPIPE, SIG_IGN);

  halftone::Flags flags;
  CLI::App app("Tells other machines what networks cost on this one: a Halftone profiler");
  app.add_option("--target", flags.target,
                 "cpu, an accelerator's name, or a file that describes one")
      ->capture_default_str();
  app.add_option("--address", flags.address, "HOST:PORT to listen on; port 0: any free one")
      ->capture_default_str();
  CLI::Option* name = app.add_option("--name", flags.name, "the target's name on the server");
  app.add_option("--server", flags.server, "HOST:PORT of a Halftone server to register with")
      ->needs(name);
  app.add_option("--advertise", flags.advertise,
                 "HOST:PORT at which the server reaches this profiler (default: --address)");
  app.add_option("--lease", flags.lease_seconds,
                 "seconds of silence after which the server gives this profiler up")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "to measure with (default: all)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--log-level", flags.log_level, "debug, info, warn, error or off")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  app.set_version_flag("--version", HALFTONE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : halftone::kExitUsage;
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("halftone-profiler"));
  spdlog::set_level(spdlog::level::from_str(flags.log_level));
  const absl::Status status = halftone::Serve(flags, signals);
  if (status.ok()) return EXIT_SUCCESS;
  spdlog::critical("{}", std::string(status.message()));
  return halftone::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  return halftone::RunProgram("halftone-profiler", Main, argc, argv);
}
