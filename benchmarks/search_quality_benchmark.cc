// How good the assignments are that Halftone and others choose: for the shipped networks and ten
// budgets, with weights and activations of 2 to 8 bits chosen separately, every strategy's
// assignment is really quantized and its KL divergence measured on held-out data. Prints a table in
// Markdown, and with --json=FILE and --plot=FILE.svg writes the figures and a plot of them.
//
//   search_quality_benchmark [--networks=resnet14,mobilenetv2,vit] [--samples=256]
//       [--held-out=0] [--evaluations=64] [--random=500] [--ties=1] [--strategies=NAME,..]
//       [--cache=FOLDER] [--json=FILE] [--plot=FILE]
//
// --held-out=0 takes all of the held-out data. --cache keeps sensitivities and divergences between
// runs. A budget of "size 3" is what 3 bits a weight take, "BOPs 3" what 3 x 3 bits an operation
// take.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "benchmarks/search_quality/quality_table.h"
#include "benchmarks/search_quality/strategies.h"
#include "benchmarks/search_quality/subject.h"

namespace halftone {
namespace {

struct Flags {
  std::vector<std::string> networks = {"resnet14", "mobilenetv2", "vit"};
  std::vector<std::string> strategies;  // empty: all
  SubjectOptions subject;
  int evaluations = 64, random_assignments = 500;
  std::string json, plot;
};

// Budgets by metric and bits.
struct Row {
  const char* metric;
  const char* label;
  double bits;
};
constexpr Row kRows[] = {{"size_bits", "size", 2.5}, {"size_bits", "size", 3},
                         {"size_bits", "size", 3.5}, {"size_bits", "size", 4},
                         {"size_bits", "size", 5},   {"bops", "BOPs", 3},
                         {"bops", "BOPs", 3.5},      {"bops", "BOPs", 4},
                         {"bops", "BOPs", 4.5},      {"bops", "BOPs", 5}};

bool ReadFlag(absl::string_view argument, Flags& flags) {
  const auto number = [&](auto* value) { return absl::SimpleAtoi(argument, value); };
  if (absl::ConsumePrefix(&argument, "--networks=")) {
    flags.networks = absl::StrSplit(argument, ',');
  } else if (absl::ConsumePrefix(&argument, "--strategies=")) {
    flags.strategies = absl::StrSplit(argument, ',');
  } else if (absl::ConsumePrefix(&argument, "--samples=")) {
    return number(&flags.subject.samples);
  } else if (absl::ConsumePrefix(&argument, "--held-out=")) {
    return number(&flags.subject.evaluation_samples);
  } else if (absl::ConsumePrefix(&argument, "--evaluations=")) {
    return number(&flags.evaluations);
  } else if (absl::ConsumePrefix(&argument, "--random=")) {
    return number(&flags.random_assignments);
  } else if (absl::ConsumePrefix(&argument, "--ties=")) {
    flags.subject.use_ties = argument != "0";
  } else if (absl::ConsumePrefix(&argument, "--cache=")) {
    flags.subject.cache = std::string(argument);
  } else if (absl::ConsumePrefix(&argument, "--json=")) {
    flags.json = std::string(argument);
  } else if (absl::ConsumePrefix(&argument, "--plot=")) {
    flags.plot = std::string(argument);
  } else {
    return false;
  }
  return true;
}

std::vector<Strategy> ChosenStrategies(const Flags& flags) {
  std::vector<Strategy> chosen;
  for (const Strategy& strategy : AllStrategies()) {
    if (strategy.name == "best of random" && flags.random_assignments == 0) continue;
    if (flags.strategies.empty() || absl::c_linear_search(flags.strategies, strategy.name)) {
      chosen.push_back(strategy);
    }
  }
  return chosen;
}

absl::Status FillRow(const Flags& flags, Subject& subject, const Row& row, QualityRow& result) {
  Problem problem = subject.problem();
  problem.budgets[row.metric] = subject.CostAt(row.metric, row.bits);
  const StrategyInput input{subject, problem, flags.evaluations, flags.random_assignments};
  std::vector<Score> scores;
  for (const Strategy& strategy : ChosenStrategies(flags)) {
    const absl::StatusOr<Assignment> assignment = strategy.choose(input);
    if (absl::IsNotFound(assignment.status())) {
      result.divergences.push_back(std::nullopt);
      scores.emplace_back();
      continue;
    }
    HT_RETURN_IF_ERROR(Annotate(assignment.status(), strategy.name));
    HT_ASSIGN_OR_RETURN(const double divergence, subject.held_out_meter().Measure(*assignment, {}));
    HT_ASSIGN_OR_RETURN(const double calibration,
                        subject.calibration_meter().Measure(*assignment, {}));
    std::cerr << result.network << ", " << result.budget << ", " << strategy.name << ": "
              << divergence << " (calibration " << calibration << ")\n";
    result.divergences.push_back(divergence);
    HT_ASSIGN_OR_RETURN(scores.emplace_back(), subject.held_out_meter().ScoreOf(*assignment));
  }
  for (const Score& score : scores) {
    result.standard_errors.push_back(StandardErrorOfDifference(score, scores.back()));
  }
  return subject.Flush();
}

absl::Status Run(const Flags& flags) {
  QualityTable table;
  for (const Strategy& strategy : ChosenStrategies(flags))
    table.strategies.push_back(strategy.name);
  for (const std::string& network : flags.networks) {
    SubjectOptions options = flags.subject;
    options.network = network;
    HT_ASSIGN_OR_RETURN(const auto subject, Subject::Load(options));
    for (const Row& row : kRows) {
      QualityRow result;
      result.network = network;
      result.budget = absl::StrCat(row.label, " ", row.bits);
      HT_RETURN_IF_ERROR(FillRow(flags, *subject, row, result));
      table.rows.push_back(std::move(result));
    }
  }
  std::cout << ToMarkdown(table);
  if (!flags.json.empty()) std::ofstream(flags.json) << ToJson(table).dump(1) << "\n";
  if (!flags.plot.empty()) std::ofstream(flags.plot) << ToSvg(table);
  return absl::OkStatus();
}

}  // namespace
}  // namespace halftone

namespace {

int Main(int argc, char** argv) {
  halftone::Flags flags;
  for (int i = 1; i < argc; ++i) {
    if (halftone::ReadFlag(argv[i], flags)) continue;
    std::cerr << "unknown or malformed: " << argv[i] << "\n";
    return 2;
  }
  const absl::Status status = halftone::Run(flags);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return halftone::RunProgram("search_quality_benchmark", Main, argc, argv);
}
