#include "profilers/builtin.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "profilers/onednn/cpu_profiler.h"
#include "profilers/simulated/simulated_profiler.h"
#include "profilers/table/table_profiler.h"

namespace halftone {
namespace {

constexpr int64_t kMaxTargetFileBytes = int64_t{32} << 20;

// Of its time of writing, to the second; now where the file system does not tell.
absl::Time WriteTime(const std::string& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return RealClock().Now();
  return absl::FromChrono(std::chrono::file_clock::to_sys(time));
}

absl::StatusOr<std::unique_ptr<CostProfiler>> MakeFromFile(const std::string& target) {
  const size_t end = std::min(target.find('?'), target.size());
  const std::string path = target.substr(0, end);
  HT_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxTargetFileBytes));
  return MakeDescribedProfiler({path.substr(path.rfind('/') + 1), std::move(text), WriteTime(path)},
                               end < target.size() ? target.substr(end + 1) : "");
}

// A cost table has costs of layers; an accelerator has none.
absl::StatusOr<bool> IsCostTable(const TargetFile& file) {
  if (!IsJson(file)) return true;
  const absl::StatusOr<nlohmann::json> read = ParseBoundedJson(file.text);
  if (!read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("'", file.name, "' ", read.status().message()));
  }
  const nlohmann::json& document = *read;
  if (!document.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("'", file.name, "' must be a JSON object"));
  }
  const bool table = document.contains("layers");
  for (const char* part : {"array", "sources"}) {
    if (!table || !document.contains(part)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("'", file.name, "' has both 'layers', as a cost table, and '", part,
                     "', as an accelerator: it must be one of them"));
  }
  return table;
}

}  // namespace

absl::Status RegisterBuiltinProfilers(ProfilerRegistry& registry, CostCache* cache) {
  ProfilerRegistry::Target cpu;
  cpu.name = kCpuTarget;
  cpu.description = "this machine's processor, measured with oneDNN's kernels";
  cpu.create = [cache] { return MakeCpuProfiler(cache); };
  HT_RETURN_IF_ERROR(registry.Register(std::move(cpu)));
  return RegisterSimulatedProfilers(registry);
}

absl::StatusOr<std::unique_ptr<CostProfiler>> MakeDescribedProfiler(const TargetFile& file,
                                                                    absl::string_view parameters) {
  HT_ASSIGN_OR_RETURN(const bool is_table, IsCostTable(file));
  if (is_table && !parameters.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", file.name, "' is a cost table: it has no parameters"));
  }
  if (is_table) return MakeTableProfiler(file);
  HT_ASSIGN_OR_RETURN(Accelerator accelerator,
                      Accelerator::Parse(file.text, file.name, parameters));
  return MakeSimulatedProfiler(std::move(accelerator));
}

absl::Status RegisterTargetFiles(ProfilerRegistry& registry) {
  HT_RETURN_IF_ERROR(registry.RegisterFiles(".json", MakeFromFile));
  return registry.RegisterFiles(".csv", MakeFromFile);
}

}  // namespace halftone
