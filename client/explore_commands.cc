// explore status, ask, tell: an optimizer outside drives a search.
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "client/command.h"
#include "client/explore_text.h"
#include "client/interrupt.h"
#include "client/job_actions.h"

namespace halftone {
namespace {

using nlohmann::json;
using Choices = std::map<std::string, std::string>;  // layer -> precision

struct ExploreFlags {
  std::string job, trials = "-";
  int count = 1;
};

void Print(const CommandLine& line, const json& document, std::string (*text)(const json&)) {
  if (line.json) {
    PrintJson(document);
  } else {
    PrintText(text(document));
  }
}

absl::StatusOr<ExitCode> Status(const CommandLine& line, const ExploreFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  HT_ASSIGN_OR_RETURN(const v1::Exploration exploration,
                      connection->GetExploration(FullJobName(flags.job)));
  Print(line, ExplorationToJson(exploration), ExplorationStatusText);
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> AskForTrials(const CommandLine& line, const ExploreFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  HT_ASSIGN_OR_RETURN(const v1::AskResponse response,
                      connection->AskExploration(FullJobName(flags.job), flags.count));
  json trials = json::array();
  for (const v1::Trial& trial : response.suggestions()) trials.push_back(TrialToJson(trial));
  Print(line, {{"job", FullJobName(flags.job)}, {"trials", std::move(trials)}}, TrialsText);
  return ExitCode::kDone;
}

absl::StatusOr<Choices> ReadAssignment(const json& trial, const std::string& where) {
  const auto found = trial.is_object() ? trial.find("assignment") : trial.end();
  if (!trial.is_object() || found == trial.end() || !found->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(where, " has no object 'assignment'"));
  }
  Choices choices;
  for (const auto& [layer, precision] : found->items()) {
    if (!precision.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ".assignment['", layer, "'] is no precision"));
    }
    choices[layer] = precision.get<std::string>();
  }
  return choices;
}

// {"assignment": {..}}, or {"trials": [..]} of such as `ask` prints them.
absl::StatusOr<std::vector<Choices>> ReadTrials(const std::string& text) {
  const absl::StatusOr<json> read = ParseBoundedJson(text);
  if (!read.ok()) return Annotate(read.status(), "the trials' file");
  const json& document = *read;
  if (!document.is_object() || !document.contains("trials")) {
    HT_ASSIGN_OR_RETURN(Choices one, ReadAssignment(document, "the trial"));
    return std::vector<Choices>{std::move(one)};
  }
  const json& trials = document.at("trials");
  if (!trials.is_array()) return absl::InvalidArgumentError("'trials' is no array");
  std::vector<Choices> all;
  for (size_t i = 0; i < trials.size(); ++i) {
    HT_ASSIGN_OR_RETURN(all.emplace_back(),
                        ReadAssignment(trials[i], absl::StrCat("trials[", i, "]")));
  }
  return all;
}

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  if (path != "-") return ReadFile(path);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

absl::StatusOr<ExitCode> TellTrials(const CommandLine& line, const ExploreFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadInput(flags.trials));
  HT_ASSIGN_OR_RETURN(const std::vector<Choices> trials, ReadTrials(text));
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  ProgressBar bar(line.ProgressMode());
  json document = {{"job", FullJobName(flags.job)}, {"trials", json::array()}};
  for (const Choices& assignment : trials) {
    const size_t done = document.at("trials").size();
    bar.Update("tell", static_cast<double>(done) / static_cast<double>(trials.size()), -1,
               absl::StrCat("assignment ", done + 1, " of ", trials.size()));
    HT_ASSIGN_OR_RETURN(const v1::TellResponse told,
                        connection->TellExploration(FullJobName(flags.job), assignment));
    json trial = TrialToJson(told.trial());
    trial["is_best"] = told.is_best();
    trial["was_known"] = told.was_known();
    document.at("trials").push_back(std::move(trial));
    document["evaluations"] = told.evaluations();
  }
  bar.Clear();
  Print(line, document, TrialsText);
  return ExitCode::kDone;
}

}  // namespace

void AddExploreCommands(CLI::App& app, CommandLine& line) {
  CLI::App* explore =
      app.add_subcommand("explore", "lets an optimizer of your own drive a search that succeeded");
  explore->require_subcommand(1);
  explore->fallthrough();
  auto flags = std::make_shared<ExploreFlags>();
  const auto add = [&](const char* name, const char* description, auto action) {
    CLI::App* sub = explore->add_subcommand(name, description);
    sub->add_option("job", flags->job, "jobs/ID, or its ID")->required()->type_name("JOB");
    sub->fallthrough();
    SetAction(sub, &line, [&line, flags, action] { return action(line, *flags); });
    return sub;
  };
  add("status", "what there is to choose from, and what was found so far", Status);
  add("ask", "assignments that are worth a try", AskForTrials)
      ->add_option("--count", flags->count, "at most so many (default: 1)")
      ->check(CLI::Range(1, 1000));
  add("tell", "really evaluates assignments and prints what they do", TellTrials)
      ->add_option("trials", flags->trials,
                   "JSON: {\"assignment\": {LAYER: PRECISION}}, or what `ask --json` printed "
                   "(default: standard input)");
}

}  // namespace halftone
