#include "client/job_text.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/units.h"
#include "client/exported_text.h"
#include "client/spec_text.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr absl::string_view kTargetFiles = "targets/";

// An enum's name without its prefix; "" for the unspecified value.
std::string WithoutPrefix(const std::string& name, const std::string& prefix) {
  if (absl::EndsWith(name, "_UNSPECIFIED") || !absl::StartsWith(name, prefix)) return "";
  return name.substr(prefix.size());
}

json TimeToJson(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return nullptr;
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ",
                          absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()),
                          absl::UTCTimeZone());
}

std::string ModelOf(const v1::Job& job) {
  return job.has_crosscheck() ? job.crosscheck().model() : job.spec().model();
}

// Of a crosscheck that which also runs its assignments, if any.
std::string TargetOf(const v1::Job& job) {
  if (job.has_crosscheck()) return job.crosscheck().target();
  return job.spec().target().empty() ? "cpu" : job.spec().target();
}

// As people read it: "costs.csv (0123abcd)?rows=8" for an uploaded file.
std::string ShownTarget(const v1::Job& job, const TargetNames& names) {
  constexpr size_t kShownDigits = 8;
  const std::string target = TargetOf(job), file = TargetFileOf(job);
  if (file.empty()) return target;
  const auto found = names.find(file);
  return absl::StrCat(found == names.end() || found->second.empty() ? "file" : found->second, " (",
                      file.substr(kTargetFiles.size(), kShownDigits), ")",
                      target.substr(file.size()));
}

}  // namespace

std::string StateText(v1::JobState state) {
  return WithoutPrefix(v1::JobState_Name(state), "JOB_STATE_");
}

std::string StageText(v1::Stage stage) {
  return absl::AsciiStrToLower(WithoutPrefix(v1::Stage_Name(stage), "STAGE_"));
}

std::string KindText(const v1::Job& job) { return job.has_crosscheck() ? "crosscheck" : "search"; }

std::string StatusText(v1::SolutionStatus status) {
  return WithoutPrefix(v1::SolutionStatus_Name(status), "SOLUTION_STATUS_");
}

bool HasEnded(const v1::Job& job) {
  return job.state() == v1::JOB_STATE_SUCCEEDED || job.state() == v1::JOB_STATE_FAILED ||
         job.state() == v1::JOB_STATE_CANCELLED;
}

std::string DoneText(const v1::Job& job) { return FormatPercent(job.fraction()); }

std::string TargetFileOf(const v1::Job& job) {
  const std::string target = TargetOf(job);
  if (!absl::StartsWith(target, kTargetFiles)) return "";
  return target.substr(0, target.find('?'));
}

json JobToJson(const v1::Job& job) {
  json document = {{"name", job.name()},
                   {"kind", KindText(job)},
                   {"display_name", job.display_name()},
                   {"state", StateText(job.state())},
                   {"cancel_requested", job.cancel_requested()},
                   {"stage", StageText(job.stage())},
                   {"stage_fraction", job.stage_fraction()},
                   {"fraction", job.fraction()},
                   {"eta_seconds", job.eta_seconds() < 0 ? json(nullptr) : json(job.eta_seconds())},
                   {"attempts", job.attempts()},
                   {"model", ModelOf(job)},
                   {"target", TargetOf(job)},
                   {"budgets", json::object()},
                   {"artifacts", json::array()},
                   {"create_time", TimeToJson(job.create_time())},
                   {"start_time", TimeToJson(job.start_time())},
                   {"end_time", TimeToJson(job.end_time())}};
  for (const v1::Budget& budget : job.spec().budgets()) {
    document["budgets"][budget.metric()] = budget.limit();
  }
  if (json spec = SpecToJson(job); !spec.empty()) document["spec"] = std::move(spec);
  for (const v1::Artifact& artifact : job.artifacts()) {
    document["artifacts"].push_back({{"name", artifact.name()},
                                     {"sha256", artifact.sha256()},
                                     {"size_bytes", artifact.size_bytes()}});
  }
  if (job.has_error()) {
    const auto code = static_cast<absl::StatusCode>(job.error().code());
    document["error"] = {{"code", absl::StatusCodeToString(code)},
                         {"message", job.error().message()}};
  }
  if (job.solution_status() != v1::SOLUTION_STATUS_UNSPECIFIED) {
    document["status"] = StatusText(job.solution_status());
  }
  return document;
}

std::string JobText(const v1::Job& job, const TargetNames& names) {
  std::string text = absl::StrCat(job.name(), "  ", StateText(job.state()));
  if (job.state() == v1::JOB_STATE_RUNNING) {
    absl::StrAppend(&text, "  ", DoneText(job), ", ", StageText(job.stage()));
    if (job.cancel_requested()) {
      absl::StrAppend(&text, ", is being cancelled");
    } else if (job.eta_seconds() >= 0) {
      absl::StrAppend(&text, ", ", FormatSeconds(job.eta_seconds()), " left");
    }
  }
  absl::StrAppend(&text, "\nkind     ", KindText(job), "\nmodel    ", ModelOf(job), "\n");
  const std::string target = ShownTarget(job, names);
  if (!target.empty()) absl::StrAppend(&text, "target   ", target, "\n");
  std::vector<std::string> budgets;
  for (const v1::Budget& budget : job.spec().budgets()) {
    budgets.push_back(absl::StrCat(budget.metric(), "=", budget.limit()));
  }
  if (!budgets.empty()) absl::StrAppend(&text, "budgets  ", absl::StrJoin(budgets, " "), "\n");
  text += SpecText(job);
  if (job.has_error()) absl::StrAppend(&text, "error    ", job.error().message(), "\n");
  for (const v1::Artifact& artifact : job.artifacts()) {
    absl::StrAppend(&text, "artifact ", artifact.name(), " (",
                    FormatQuantity(Quantity::kSize, static_cast<double>(artifact.size_bytes())),
                    ")\n");
    if (absl::EndsWith(artifact.name(), absl::StrCat("/", kExportedFile))) {
      absl::StrAppend(&text, "         ", ExportedLine());
    }
  }
  return text;
}

std::string JobsText(const std::vector<v1::Job>& jobs, const TargetNames& names) {
  Table table({"job", "kind", "state", "stage", "done", "target", "created", "name"});
  for (const v1::Job& job : jobs) {
    const json created = TimeToJson(job.create_time());
    table.Add({job.name(), KindText(job), StateText(job.state()), StageText(job.stage()),
               DoneText(job), ShownTarget(job, names),
               created.is_string() ? created.get<std::string>() : "-", job.display_name()});
  }
  return table.Render();
}

}  // namespace halftone
