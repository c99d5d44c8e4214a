#include "client/job_actions.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/printable.h"
#include "base/status_macros.h"
#include "client/budget_text.h"
#include "client/crosscheck_text.h"
#include "client/interrupt.h"
#include "client/job_exit_code.h"
#include "client/job_text.h"
#include "client/result_copies.h"
#include "client/result_text.h"
#include "client/warnings.h"

namespace halftone {
namespace {

std::string BaseName(const std::string& name) { return name.substr(name.rfind('/') + 1); }

void Show(const v1::JobEvent& event, ProgressBar& bar) {
  switch (event.kind()) {
    case v1::JOB_EVENT_KIND_STATE_CHANGED:
      if (event.state() == v1::JOB_STATE_QUEUED) bar.Update("queued", event.fraction(), -1, "");
      return;
    case v1::JOB_EVENT_KIND_STAGE_STARTED:
    case v1::JOB_EVENT_KIND_STAGE_PROGRESS:
    case v1::JOB_EVENT_KIND_STAGE_FINISHED:
      bar.Update(StageText(event.stage()), event.fraction(), event.eta_seconds(),
                 event.reused() ? "reused" : event.detail(), event.stage_fraction());
      return;
    case v1::JOB_EVENT_KIND_ARTIFACT_READY:
    case v1::JOB_EVENT_KIND_NOTE:
      bar.Note(event.detail());
      return;
    default:
      return;
  }
}

absl::StatusOr<std::map<std::string, std::string>> Download(Connection& connection,
                                                            const v1::SearchResult& result,
                                                            const std::string& folder) {
  std::map<std::string, std::string> paths;
  for (const v1::Artifact& artifact : result.artifacts()) {
    HT_ASSIGN_OR_RETURN(paths[BaseName(artifact.name())],
                        connection.DownloadArtifact(artifact, folder));
  }
  return paths;
}

// "" where the folder is there, or can be made under the nearest one that is.
std::string CheckFolder(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path nearest = fs::absolute(path, error);
  while (!fs::exists(nearest, error) && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  if (!fs::is_directory(nearest, error)) {
    return absl::StrCat("'", nearest.string(), "' is not a folder");
  }
  if (::access(nearest.c_str(), W_OK | X_OK) != 0) {
    return absl::StrCat("nothing can be written into '", nearest.string(), "'");
  }
  return "";
}

ExitCode PrintWithoutResult(const CommandLine& line, const v1::Job& job) {
  if (line.json) {
    nlohmann::json document = JobToJson(job);
    document["job"] = job.name();
    PrintJson(document);
  }
  if (job.state() == v1::JOB_STATE_FAILED) {
    std::fprintf(stderr, "halftone: %s failed: %s\n", job.name().c_str(),
                 Printable(job.error().message()).c_str());
  } else {
    std::fprintf(stderr, "halftone: %s has no result: it is %s\n", job.name().c_str(),
                 StateText(job.state()).c_str());
  }
  return ExitCodeWithoutResult(job);
}

}  // namespace

absl::Status Watch(Connection& connection, const std::string& job, ProgressBar& bar) {
  const absl::Status status = connection.WatchJob(
      job,
      [&](const v1::JobEvent& event) {
        Show(event, bar);
        return true;
      },
      [&](absl::Duration patience) {
        bar.Note(absl::StrCat("no answer from the server: trying again for ",
                              absl::FormatDuration(patience)));
      });
  bar.Clear();
  return status;
}

std::string FullJobName(const std::string& job) {
  return absl::StrContains(job, '/') ? job : absl::StrCat("jobs/", job);
}

std::string NewRequestId() {
  std::random_device random;
  return absl::StrFormat("%08x%08x%08x", random(), random(), random());
}

void AddOutputFlag(CLI::App* sub, std::string* output) {
  sub->add_option("--output", *output,
                  "folder for the artifacts (default: results/ID under --state-dir, where `delete` "
                  "and `gc` remove them with their job)")
      ->type_name("FOLDER")
      ->check(CLI::Validator(CheckFolder, ""));
}

absl::StatusOr<ExitCode> RunToEnd(const CommandLine& line, Connection& connection,
                                  const v1::Job& job, ProgressBar& bar, const std::string& output) {
  bar.Note(job.name());
  if (connection.in_process()) HT_RETURN_IF_ERROR(connection.RunJobHere(job.name()));
  {
    // Ctrl-C ends the job, and the watch then sees its end.
    OnInterrupt interrupt([&] {
      // Beside the bar, which this thread must not touch.
      const bool drawn = line.ProgressMode() == ProgressBar::Mode::kBar;
      std::fprintf(stderr, "%shalftone: interrupted: %s is being cancelled\n", drawn ? "\n" : "",
                   job.name().c_str());
      connection.CancelJob(job.name()).status().IgnoreError();
    });
    HT_RETURN_IF_ERROR(Watch(connection, job.name(), bar));
  }
  return PrintEnd(line, connection, job.name(), output);
}

ExitCode PrintQueued(const CommandLine& line, const Connection& connection, const v1::Job& job,
                     ProgressBar& bar) {
  if (connection.in_process()) {
    bar.Note(absl::StrCat(job.name(), " is queued: a server on ", line.state_directory,
                          " will run it, or `", line.Call(absl::StrCat("watch ", job.name())),
                          "`"));
  }
  if (line.json) {
    nlohmann::json document = JobToJson(job);
    document["job"] = job.name();
    PrintJson(document);
  } else {
    PrintText(job.name() + "\n");
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> PrintEnd(const CommandLine& line, Connection& connection,
                                  const std::string& name, const std::string& output) {
  HT_ASSIGN_OR_RETURN(const v1::Job job, connection.GetJob(name));
  if (job.state() != v1::JOB_STATE_SUCCEEDED) return PrintWithoutResult(line, job);
  HT_ASSIGN_OR_RETURN(const v1::SearchResult result, connection.GetResult(name));
  const ResultCopies copies(line.state_directory);
  HT_ASSIGN_OR_RETURN(
      const auto artifacts,
      Download(connection, result, output.empty() ? copies.FolderOf(name) : output));
  if (output.empty()) HT_RETURN_IF_ERROR(copies.NoteSource(name, line.server));
  nlohmann::json document = ResultToJson(result, artifacts);
  document["state"] = StateText(job.state());
  const std::vector<std::string> warnings =
      BudgetWarnings(job.spec().budgets(), document.value("infeasible", nlohmann::json()));
  if (line.json) {
    for (const std::string& warning : warnings) document["warnings"].push_back(warning);
    PrintJson(document);
  } else {
    PrintText(WarningLines(warnings) + (result.has_crosscheck() ? CrosscheckText(result, artifacts)
                                                                : ResultText(result, artifacts)));
  }
  const bool infeasible = result.solution().status() == v1::SOLUTION_STATUS_INFEASIBLE;
  return infeasible ? ExitCode::kInfeasible : ExitCode::kDone;
}

}  // namespace halftone
