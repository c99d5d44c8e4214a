#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/memory_budget.h"
#include "base/open_files.h"
#include "base/openmp_waiting.h"
#include "base/program.h"
#include "base/shown_text.h"
#include "base/stop_signals.h"
#include "google/protobuf/stubs/logging.h"
#include "profilers/remote/listening.h"
#include "server/server.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace {

constexpr int kExitUsage = 2;
// A step of a computation cannot be stopped in its midst, and may take as long as it likes.
constexpr absl::Duration kLongestStop = absl::Seconds(15);

int Serve(const halftone::ServerOptions& options, const sigset_t& signals) {
  absl::StatusOr<std::unique_ptr<halftone::Server>> server = halftone::Server::Start(options);
  if (!server.ok()) {
    spdlog::critical("{}", std::string(server.status().message()));
    const bool is_usage =
        absl::IsFailedPrecondition(server.status()) || absl::IsInvalidArgument(server.status());
    return is_usage ? kExitUsage : EXIT_FAILURE;
  }
  const std::string host = options.address.substr(0, options.address.rfind(':'));
  std::printf("halftone-server: listening on %s:%d, state in %s\n", host.c_str(), (*server)->port(),
              options.state_directory.c_str());
  std::fflush(stdout);
  spdlog::info("signal {}: stopping", halftone::WaitForStopSignal(signals));
  // A second signal does not wait for what is still running; the state on disk is whole anyway.
  std::thread([&signals] {
    // Some programs signal a process both by its id and through its group: that is one signal.
    const absl::Time first = absl::Now();
    do {
      halftone::WaitForStopSignal(signals);
    } while (absl::Now() - first < absl::Milliseconds(500));
    std::_Exit(EXIT_FAILURE);
  }).detach();
  std::thread([] {
    absl::SleepFor(kLongestStop);
    spdlog::warn("leaving what still runs: it is taken up at the next start");
    std::_Exit(EXIT_FAILURE);
  }).detach();
  (*server)->Shutdown();
  spdlog::info("stopped");
  return EXIT_SUCCESS;
}

// Protobuf writes about what clients send, such as texts that are no UTF-8: each is refused anyway.
void LogOfProtobuf() {
  google::protobuf::SetLogHandler(
      [](google::protobuf::LogLevel, const char*, int, const std::string& message) {
        spdlog::debug("protobuf: {}", halftone::LogLine(message));
      });
}

int Main(int argc, char** argv) {
  halftone::BoundOpenMpSpinning(argv);
  // Before any thread is started, so that all of them inherit the mask. Constant once blocked.
  static sigset_t signals;
  halftone::BlockStopSignals(&signals);
  halftone::SilenceGrpcLog();
  std::signal(SIGPIPE, SIG_IGN);
  halftone::RaiseOpenFileLimit();

  halftone::ServerOptions options;
  options.address = "127.0.0.1:50551";
  options.state_directory = halftone::DefaultStateDirectory();
  std::string log_level = "info";
  CLI::App app("Finds the bit-widths of trained networks: the Halftone service");
  app.add_option("--address", options.address, "HOST:PORT to listen on; port 0: any free one")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_directory, "where jobs, models and results are kept")
      ->capture_default_str();
  app.add_flag("--profilers-anywhere", options.profilers_anywhere,
               "let profilers register addresses on other hosts than the one they call from");
  app.add_option_function<std::string>(
      "--memory-limit",
      [](const std::string& text) {
        const absl::Status status = halftone::MemoryBudget::SetLimit(text);
        if (!status.ok())
          throw CLI::ValidationError("--memory-limit", std::string(status.message()));
      },
      "what a job may take by its estimate, like 8GiB (default: what the machine has)");
  app.add_option("--max-running", options.max_running_jobs,
                 "how many jobs may be RUNNING: one that computes, and those that wait for "
                 "profilers elsewhere")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  const auto add_keep = [&app](const char* name, halftone::Keep* keep, const char* what) {
    app.add_option_function<std::string>(
           name,
           [name, keep](const std::string& text) {
             const absl::StatusOr<halftone::Keep> parsed = halftone::ParseKeep(text);
             if (!parsed.ok()) {
               throw CLI::ValidationError(name, std::string(parsed.status().message()));
             }
             *keep = *parsed;
           },
           what)
        ->type_name("AGE,SIZE")
        ->default_str(halftone::KeepText(*keep));
  };
  add_keep("--keep-jobs", &options.retention.jobs,
           "for how long, and how many bytes of, jobs that have ended are kept, with their results "
           "and artifacts: like 30d, 50GiB, both with a comma between, or forever");
  add_keep("--keep-uploads", &options.retention.uploads,
           "likewise models, datasets and target files that no job names, since their last use");
  add_keep("--keep-stages", &options.retention.stages,
           "likewise outputs of stages that no kept job needs");
  add_keep("--keep-costs", &options.retention.costs, "likewise measured times");
  app.add_option("--log-level", log_level, "debug, info, warn, error or off")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  app.set_version_flag("--version", HALFTONE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kExitUsage;
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("halftone"));
  spdlog::set_level(spdlog::level::from_str(log_level));
  // Without any, the service would be in this process alone.
  const absl::Status address = halftone::CheckListenAddress(options.address);
  if (!address.ok()) {
    spdlog::critical("{}", std::string(address.message()));
    return kExitUsage;
  }
  LogOfProtobuf();
  return Serve(options, signals);
}

}  // namespace

int main(int argc, char** argv) {
  return halftone::RunProgram("halftone-server", Main, argc, argv);
}
