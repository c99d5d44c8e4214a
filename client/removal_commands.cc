#include "client/removal_commands.h"

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/units.h"
#include "client/result_copies.h"

namespace halftone {
namespace {

using nlohmann::json;

absl::StatusOr<std::vector<std::string>> RemoveCopies(const CommandLine& line,
                                                      const std::vector<std::string>& jobs) {
  absl::StatusOr<std::vector<std::string>> folders =
      ResultCopies(line.state_directory).Remove(jobs);
  if (!folders.ok()) return Annotate(folders.status(), "the rest is deleted");
  return folders;
}

// Copies of jobs that went earlier, say when a server collected garbage.
std::vector<std::string> JobsWithoutRecord(const CommandLine& line, Connection& connection) {
  std::vector<std::string> gone;
  // Of a server's jobs only the server knows.
  if (!connection.in_process()) return gone;
  for (const std::string& job : ResultCopies(line.state_directory).OwnJobs()) {
    if (absl::IsNotFound(connection.GetJob(job).status())) gone.push_back(job);
  }
  return gone;
}

absl::StatusOr<ExitCode> CollectGarbage(const CommandLine& line,
                                        const v1::CollectGarbageRequest& request) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(const v1::Removal removal, connection->CollectGarbage(request));
  std::vector<std::string> jobs(removal.names().begin(), removal.names().end());
  const std::vector<std::string> gone = JobsWithoutRecord(line, *connection);
  jobs.insert(jobs.end(), gone.begin(), gone.end());
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> folders, RemoveCopies(line, jobs));
  if (line.json) {
    PrintJson({{"removed", RemovalToJson(removal)},
               {"copies", folders},
               {"freed_bytes", removal.freed_bytes()}});
  } else {
    PrintText(RemovalText(removal) + CopiesText(folders));
  }
  return ExitCode::kDone;
}

}  // namespace

bool NamesUpload(const std::string& name) {
  return absl::StartsWith(name, "models/") || absl::StartsWith(name, "datasets/");
}

absl::Status CheckIsDeletable(const std::string& name) {
  if (absl::StartsWith(name, "targets/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name,
                     "': a target file is not deleted by its name; `halftone gc --keep-uploads 0s` "
                     "removes those that no job names, an hour after their last use"));
  }
  if (!absl::StrContains(name, '/') || absl::StartsWith(name, "jobs/") || NamesUpload(name)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", name, "' is not of the form jobs/{id}, models/{sha256} or datasets/{sha256}"));
}

absl::StatusOr<ExitCode> DeleteUpload(const CommandLine& line, const std::string& name) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(const v1::Removal removal, absl::StartsWith(name, "models/")
                                                     ? connection->DeleteModel(name)
                                                     : connection->DeleteDataset(name));
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> folders,
                      RemoveCopies(line, {removal.names().begin(), removal.names().end()}));
  if (line.json) {
    PrintJson({{"deleted", name},
               {"removed", RemovalToJson(removal)},
               {"copies", folders},
               {"freed_bytes", removal.freed_bytes()}});
  } else {
    PrintText(RemovalText(removal) + CopiesText(folders));
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> DeleteJob(const CommandLine& line, const std::string& name, bool force) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_RETURN_IF_ERROR(connection->DeleteJob(name, force));
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> folders, RemoveCopies(line, {name}));
  if (line.json) {
    PrintJson({{"deleted", name}, {"copies", folders}});
  } else {
    PrintText(absl::StrCat(name, " is deleted\n", CopiesText(folders)));
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
                   {"files", removal.blobs()},
                   {"recently_used", removal.recently_used()}};
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
  if (removal.recently_used() > 0) {
    absl::StrAppend(&text, removal.recently_used(),
                    " more jobs, uploads and outputs are kept because they were used within the "
                    "last hour, or since a job that is not done began\n");
  }
  return text;
}

std::string CopiesText(const std::vector<std::string>& folders) {
  std::string text;
  for (const std::string& folder : folders) {
    absl::StrAppend(&text, "the copies of its result in ", folder, " are deleted\n");
  }
  return text;
}

void AddRemovalCommands(CLI::App& app, CommandLine& line) {
  auto request = std::make_shared<v1::CollectGarbageRequest>();
  CLI::App* sub = app.add_subcommand(
      "gc",
      "removes what is not to be kept any longer, and the copies under --state-dir of results of "
      "jobs that are gone; whatever was stored or used within the last hour stays");
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
