// jobs, get, watch, cancel, delete, result, frontier.
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "client/cancellation_text.h"
#include "client/command.h"
#include "client/frontier_text.h"
#include "client/interrupt.h"
#include "client/job_actions.h"
#include "client/job_text.h"
#include "client/list_all.h"
#include "client/removal_commands.h"

namespace halftone {
namespace {

using nlohmann::json;

struct JobFlags {
  std::string job, output;
  bool force = false;
};

// What the files are called that are the jobs' targets; of one that is gone, nothing.
TargetNames NamesOfTargets(Connection& connection, const std::vector<v1::Job>& jobs) {
  TargetNames names;
  for (const v1::Job& job : jobs) {
    const std::string file = TargetFileOf(job);
    if (file.empty() || names.contains(file)) continue;
    const absl::StatusOr<v1::TargetFile> found = connection.GetTargetFile(file);
    names[file] = found.ok() ? found->display_name() : "";
  }
  return names;
}

ExitCode PrintJob(const CommandLine& line, Connection& connection, const v1::Job& job) {
  if (line.json) {
    PrintJson(JobToJson(job));
  } else {
    PrintText(JobText(job, NamesOfTargets(connection, {job})));
  }
  return ExitCode::kDone;
}

struct ListFlags {
  std::vector<std::string> states;
  int limit = 0;
};

absl::StatusOr<ExitCode> List(const CommandLine& line, const ListFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  v1::ListJobsRequest request;
  for (const std::string& name : flags.states) {
    v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
    if (!v1::JobState_Parse("JOB_STATE_" + absl::AsciiStrToUpper(name), &state)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name,
                       "' is not a job state; there are queued, running, "
                       "succeeded, failed and cancelled"));
    }
    request.add_states(state);
  }
  HT_ASSIGN_OR_RETURN(
      const std::vector<v1::Job> jobs,
      ListAll<v1::Job>(
          std::move(request), static_cast<size_t>(flags.limit),
          [&](const v1::ListJobsRequest& page) { return connection->ListJobs(page); },
          [](const v1::ListJobsResponse& page) { return page.jobs(); }));
  if (line.json) {
    json documents = json::array();
    for (const v1::Job& job : jobs) documents.push_back(JobToJson(job));
    PrintJson({{"jobs", std::move(documents)}});
  } else {
    PrintText(JobsText(jobs, NamesOfTargets(*connection, jobs)));
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Get(const CommandLine& line, const JobFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(const v1::Job job,
                      connection->GetJob(FullJobName(flags.job), v1::JOB_VIEW_FULL));
  return PrintJob(line, *connection, job);
}

// Ctrl-C ends the watching alone; a job that this very process runs waits for the next one to.
absl::Status StoppedWatching(const CommandLine& line, const std::string& job, bool runs_here) {
  return absl::CancelledError(absl::StrCat(
      "stopped watching; ", runs_here ? "the job is queued again: `" : "the job goes on: `",
      line.Call(absl::StrCat("watch ", job)), "` / `", line.Call(absl::StrCat("cancel ", job)),
      "`"));
}

absl::StatusOr<ExitCode> WatchUntilEnd(const CommandLine& line, const JobFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  const std::string name = FullJobName(flags.job);
  HT_ASSIGN_OR_RETURN(const v1::Job job, connection->GetJob(name));
  bool runs_here = false;
  if (connection->in_process() && !HasEnded(job)) {
    const absl::Status started = connection->RunJobHere(name);
    // Then the process that runs the queue will run it; its progress is seen all the same.
    if (!started.ok() && !absl::IsFailedPrecondition(started)) return started;
    runs_here = started.ok();
  }
  ProgressBar bar(line.ProgressMode());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  const absl::Status watched = Watch(*connection, name, bar);
  if (absl::IsCancelled(watched) && WasInterrupted()) {
    return StoppedWatching(line, name, runs_here);
  }
  HT_RETURN_IF_ERROR(watched);
  return PrintEnd(line, *connection, name, flags.output);
}

absl::StatusOr<ExitCode> Cancel(const CommandLine& line, const JobFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  const std::string name = FullJobName(flags.job);
  HT_ASSIGN_OR_RETURN(const v1::Job before, connection->GetJob(name));
  HT_ASSIGN_OR_RETURN(const v1::Job job, connection->CancelJob(name));
  if (line.json) return PrintJob(line, *connection, job);
  PrintText(CancellationText(before, job));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Delete(const CommandLine& line, const JobFlags& flags) {
  if (NamesUpload(flags.job)) {
    if (flags.force) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--force is for jobs: what needs ", Quoted(flags.job), " is to be cancelled first"));
    }
    return DeleteUpload(line, flags.job);
  }
  HT_RETURN_IF_ERROR(CheckIsDeletable(flags.job));
  return DeleteJob(line, FullJobName(flags.job), flags.force);
}

absl::StatusOr<ExitCode> Result(const CommandLine& line, const JobFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  return PrintEnd(line, *connection, FullJobName(flags.job), flags.output);
}

absl::StatusOr<ExitCode> Frontier(const CommandLine& line, const JobFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(const v1::GetFrontierResponse frontier,
                      connection->GetFrontier(FullJobName(flags.job)));
  if (line.json) {
    PrintJson(FrontierToJson(FullJobName(flags.job), frontier));
  } else {
    PrintText(FrontierText(frontier));
  }
  return ExitCode::kDone;
}

// A command about one job.
CLI::App* AddJobCommand(CLI::App& app, CommandLine& line, const std::string& name,
                        const std::string& description, const std::shared_ptr<JobFlags>& flags,
                        absl::StatusOr<ExitCode> (*action)(const CommandLine&, const JobFlags&)) {
  CLI::App* sub = app.add_subcommand(name, description);
  sub->add_option("job", flags->job, "jobs/ID, or its ID")->required()->type_name("JOB");
  SetAction(sub, &line, [&line, flags, action] { return action(line, *flags); });
  return sub;
}

}  // namespace

void AddJobCommands(CLI::App& app, CommandLine& line) {
  auto list_flags = std::make_shared<ListFlags>();
  CLI::App* list = app.add_subcommand("jobs", "all jobs, newest first");
  list->add_option("--state", list_flags->states, "only jobs in this state; may be repeated")
      ->take_all();
  list->add_option("--limit", list_flags->limit, "at most so many")->check(PositiveNumber());
  SetAction(list, &line, [&line, list_flags] { return List(line, *list_flags); });

  auto flags = std::make_shared<JobFlags>();
  AddJobCommand(app, line, "get", "a job's state, and what it was asked for", flags, Get);
  CLI::App* watch =
      AddJobCommand(app, line, "watch",
                    "a job's progress, then its result; Ctrl-C stops watching, and the job goes on",
                    flags, WatchUntilEnd);
  AddJobCommand(app, line, "cancel", "asks for a job's end, which comes within seconds", flags,
                Cancel);
  CLI::App* remove = AddJobCommand(
      app, line, "delete",
      "forgets a job, or an upload (models/.., datasets/..) with all that was made from it, and "
      "the copies of its results under --state-dir; those in an --output folder stay",
      flags, Delete);
  CLI::App* result = AddJobCommand(app, line, "result", "what a job found", flags, Result);
  AddJobCommand(app, line, "frontier", "the Pareto-optimal assignments of a job", flags, Frontier);
  for (CLI::App* sub : {watch, result}) {
    AddOutputFlag(sub, &flags->output);
  }
  remove->add_flag("--force", flags->force, "of a job: cancel it first if it is running");
}

}  // namespace halftone
