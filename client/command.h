#ifndef HALFTONE_CLIENT_COMMAND_H_
#define HALFTONE_CLIENT_COMMAND_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/standard_output.h"
#include "client/connection.h"
#include "client/exit_code.h"
#include "client/terminal.h"
#include "nlohmann/json.hpp"

namespace halftone {

// What all commands have in common. One per run of the program.
struct CommandLine {
  std::string server;  // HOST:PORT; empty: in process
  std::string state_directory;
  bool json = false;
  bool quiet = false;
  ExitCode exit_code = ExitCode::kDone;

  absl::StatusOr<std::unique_ptr<Connection>> Connect() const;
  ProgressBar::Mode ProgressMode() const;
  // What to type for another command on the same service: "halftone --server HOST:PORT watch
  // jobs/ID".
  std::string Call(absl::string_view command) const;
};

// Runs a command's work as the callback of `sub`: its error is printed, and becomes the exit code.
void SetAction(CLI::App* sub, CommandLine* line, std::function<absl::StatusOr<ExitCode>()> action);

// Prints the document on stdout, over several lines.
void PrintJson(const nlohmann::json& document);

// Ends what the command has printed with PrintJson and PrintText. Where some of that is lost, it
// tells so, and a code that promises an output becomes kFailed.
ExitCode FinishOutput(ExitCode code);

// Checks of an option's number, whose errors name it as it was given.
CLI::Validator PositiveNumber();
CLI::Validator NonNegativeNumber();
// A whole number of 64 bits in decimal digits: CLI11 takes -1 for the largest one.
CLI::Validator Seed();

// Uploads the files that a command names, with progress.
absl::StatusOr<std::string> UploadModel(Connection& connection, const std::string& path,
                                        ProgressBar& bar);
absl::StatusOr<std::string> UploadDataset(Connection& connection, const std::string& path,
                                          ProgressBar& bar);
absl::StatusOr<std::string> UploadOutputs(Connection& connection, const std::string& path,
                                          ProgressBar& bar);

// What the service calls the target that a command names: a file, .json or .csv, is uploaded; what
// follows a "?" are its parameters and stays.
absl::StatusOr<std::string> ResolveTarget(Connection& connection, const std::string& target,
                                          ProgressBar& bar);

// "w4a8,f32" -> {"w4a8", "f32"}; what is wrong with them, the server says.
std::vector<std::string> SplitList(const std::string& text);

// The subcommands, by subject.
void AddAnalysisCommands(CLI::App& app, CommandLine& line);
void AddSolveCommand(CLI::App& app, CommandLine& line);
void AddSearchCommands(CLI::App& app, CommandLine& line);
void AddCrosscheckCommand(CLI::App& app, CommandLine& line);
void AddJobCommands(CLI::App& app, CommandLine& line);
void AddUploadCommands(CLI::App& app, CommandLine& line);
void AddRemovalCommands(CLI::App& app, CommandLine& line);
void AddResolveCommand(CLI::App& app, CommandLine& line);
void AddExploreCommands(CLI::App& app, CommandLine& line);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_COMMAND_H_
