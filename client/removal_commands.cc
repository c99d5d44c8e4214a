#include "client/removal_commands.h"

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/units.h"

namespace halftone {
namespace {

using nlohmann::json;

absl::StatusOr<ExitCode> CollectGarbage(const CommandLine& line,
                                        const v1::CollectGarbageRequest& request) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(const v1::Removal removal, connection->CollectGarbage(request));
  if (line.json) {
    PrintJson({{"removed", RemovalToJson(removal)}, {"freed_bytes", removal.freed_bytes()}});
  } else {
    PrintText(RemovalText(removal));
  }
  return ExitCode::kDone;
}

}  // namespace

bool NamesUpload(const std::string& name) {
  return absl::StartsWith(name, "models/") || absl::StartsWith(name, "datasets/");
}

absl::StatusOr<ExitCode> DeleteUpload(const CommandLine& line, const std::string& name) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(const v1::Removal removal, absl::StartsWith(name, "models/")
                                                     ? connection->DeleteModel(name)
                                                     : connection->DeleteDataset(name));
  if (line.json) {
    PrintJson({{"deleted", name},
               {"removed", RemovalToJson(removal)},
               {"freed_bytes", removal.freed_bytes()}});
  } else {
    PrintText(RemovalText(removal));
  }
  return ExitCode::kDone;
}

json RemovalToJson(const v1::Removal& removal) {
  json document = {{"jobs", json::array()},
                   {"models", json::array()},
                   {"datasets", json::array()},
                   {"targets", json::array()},
                   {"stage_outputs", removal.stage_outputs()},
                   {"measured_costs", removal.measured_costs()},
                   {"files", removal.blobs()}};
  for (const std::string& name : removal.names()) {
    document[name.substr(0, name.find('/'))].push_back(name);
  }
  return document;
}

std::string RemovalText(const v1::Removal& removal) {
  std::string text;
  for (const std::string& name : removal.names()) absl::StrAppend(&text, name, " is deleted\n");
  absl::StrAppend(&text, removal.stage_outputs(), " outputs of stages, ", removal.measured_costs(),
                  " measured costs and ", removal.blobs(), " files are removed: ",
                  FormatQuantity(Quantity::kSize, static_cast<double>(removal.freed_bytes())),
                  " are free\n");
  return text;
}

void AddRemovalCommands(CLI::App& app, CommandLine& line) {
  auto request = std::make_shared<v1::CollectGarbageRequest>();
  CLI::App* sub = app.add_subcommand("gc", "removes what is not to be kept any longer");
  const auto add_keep = [sub](const char* name, std::string* text, const char* what) {
    sub->add_option(name, *text, what)->type_name("AGE,SIZE");
  };
  add_keep("--keep-jobs", request->mutable_jobs(),
           "for how long, and how many bytes of, jobs that have ended are kept: like 30d, 50GiB, "
           "both with a comma between, or forever (default: what the server was started with)");
  add_keep("--keep-uploads", request->mutable_uploads(),
           "likewise models, datasets and target files that no job names");
  add_keep("--keep-stages", request->mutable_stages(),
           "likewise outputs of stages that no kept job needs");
  add_keep("--keep-costs", request->mutable_costs(), "likewise measured times");
  SetAction(sub, &line, [&line, request] { return CollectGarbage(line, *request); });
}

}  // namespace halftone
