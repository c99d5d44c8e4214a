#include "profilers/cost_profiler.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace halftone {

absl::Status ProfilerRegistry::Register(Target target) {
  absl::MutexLock lock(&mutex_);
  for (const Target& other : targets_) {
    if (other.name == target.name) {
      return absl::AlreadyExistsError(
          absl::StrCat("target '", target.name, "' is registered already"));
    }
  }
  targets_.push_back(std::move(target));
  return absl::OkStatus();
}

absl::Status ProfilerRegistry::RegisterFiles(absl::string_view suffix, FileFactory create) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [other, factory] : files_) {
    if (other == suffix) {
      return absl::AlreadyExistsError(absl::StrCat("files *", suffix, " are registered already"));
    }
  }
  files_.emplace_back(suffix, std::move(create));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CostProfiler>> ProfilerRegistry::Create(
    absl::string_view name) const {
  std::function<absl::StatusOr<std::unique_ptr<CostProfiler>>()> create;
  {
    absl::MutexLock lock(&mutex_);
    for (const Target& target : targets_) {
      if (target.name == name) create = target.create;
    }
    for (const auto& [suffix, factory] : files_) {
      if (create == nullptr && absl::EndsWith(name, suffix)) {
        create = [factory = factory, path = std::string(name)] { return factory(path); };
      }
    }
  }
  // Outside the lock: making a profiler may take long.
  if (create != nullptr) return create();
  std::vector<std::string> names;
  for (const Target& target : List()) names.push_back(target.name);
  return absl::NotFoundError(absl::StrCat("unknown target '", name.substr(0, 200), "'; there are ",
                                          absl::StrJoin(names, ", "),
                                          ", or the path of a .json file that describes one"));
}

std::vector<ProfilerRegistry::Target> ProfilerRegistry::List() const {
  absl::MutexLock lock(&mutex_);
  return targets_;
}

}  // namespace halftone
