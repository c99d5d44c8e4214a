#include <algorithm>
#include <csignal>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "base/openmp_waiting.h"
#include "base/program.h"
#include "base/shown_text.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/target_text.h"
#include "server/local.h"
#include "server/server.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace {

// CLI11 misses the command before it looks at what stands in its place.
std::string UnknownCommand(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unread = app.remaining();
  const bool is_missed = error.get_name() == "RequiredError" && app.get_subcommands().empty();
  if (!is_missed || unread.empty()) return "";
  return absl::StrCat("there is no command ", halftone::Quoted(unread.front()),
                      "; --help lists those that there are");
}

// Does what the arguments ask for.
halftone::ExitCode Run(CLI::App& app, int argc, char** argv, const halftone::CommandLine& line) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream help;
    const std::string unknown = UnknownCommand(app, error);
    const int code = unknown.empty() ? app.exit(error, help, std::cerr) : 1;
    if (!unknown.empty()) std::cerr << unknown << "\n";
    halftone::PrintText(help.str());
    if (code == 0) return halftone::ExitCode::kDone;  // --help, --version
    // Options may be unread yet when the mistake was found.
    if (line.json || std::find(argv, argv + argc, std::string("--json")) != argv + argc) {
      halftone::PrintJson({{"error",
                            {{"code", "INVALID_ARGUMENT"},
                             {"message", unknown.empty() ? error.what() : unknown}}}});
    }
    return halftone::ExitCode::kBadInput;
  }
  return line.exit_code;
}

int Main(int argc, char** argv) {
  halftone::BoundOpenMpSpinning(argv);
  halftone::TakeInterrupts();
  std::signal(SIGPIPE, SIG_IGN);
  // The service in this process speaks up only when something is wrong.
  spdlog::set_default_logger(spdlog::stderr_color_mt("halftone"));
  spdlog::set_level(spdlog::level::err);

  halftone::CommandLine line;
  line.state_directory = halftone::DefaultStateDirectory();
  CLI::App app("Finds the bit-width of every layer of a trained network");
  app.require_subcommand(1);
  app.fallthrough();  // the options below may also stand after the command
  CLI::Option* server =
      app.add_option("--server", line.server, "HOST:PORT (default: the service in this process)");
  app.add_option("--state-dir", line.state_directory, "where jobs, models and results are kept")
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--memory-limit",
         [](const std::string& text) {
           const absl::Status status = halftone::MemoryBudget::SetLimit(text);
           if (!status.ok())
             throw CLI::ValidationError("--memory-limit", std::string(status.message()));
         },
         "what the service in this process may take for a job, like 8GiB (default: what the "
         "machine "
         "has); that of a server is its own")
      ->excludes(server);
  app.set_version_flag("--version", halftone::VersionText(halftone::local::GetVersion()));
  app.add_flag("--json", line.json, "one JSON document on stdout, and nothing else");
  app.add_flag("--quiet", line.quiet, "no progress on stderr");
  halftone::AddAnalysisCommands(app, line);
  halftone::AddSolveCommand(app, line);
  halftone::AddSearchCommands(app, line);
  halftone::AddCrosscheckCommand(app, line);
  halftone::AddJobCommands(app, line);
  halftone::AddUploadCommands(app, line);
  halftone::AddRemovalCommands(app, line);
  halftone::AddResolveCommand(app, line);
  halftone::AddExploreCommands(app, line);
  return static_cast<int>(halftone::FinishOutput(Run(app, argc, argv, line)));
}

}  // namespace

int main(int argc, char** argv) { return halftone::RunProgram("halftone", Main, argc, argv); }
