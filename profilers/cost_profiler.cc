#include "profilers/cost_profiler.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/shown_text.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// What comes after a target's '?' names something, and nothing twice.
absl::Status CheckParameters(absl::string_view target) {
  const size_t mark = target.find('?');
  if (mark == absl::string_view::npos) return absl::OkStatus();
  const absl::string_view query = target.substr(mark + 1);
  if (query.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("target ", Quoted(target), ": no parameter follows the '?'"));
  }
  std::set<absl::string_view> names;
  for (const absl::string_view part : absl::StrSplit(query, '&')) {
    const absl::string_view name = part.substr(0, part.find('='));
    if (name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("target ", Quoted(target), ": a parameter",
                                                     part.empty() ? "" : "'s name", " is empty"));
    }
    if (names.insert(name).second) continue;
    return absl::InvalidArgumentError(absl::StrCat("target ", Quoted(target.substr(0, mark)),
                                                   ": parameter ", Quoted(name),
                                                   " is given twice"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<NetworkRunner>> RunnerOf(const CostProfiler& profiler) {
  std::unique_ptr<NetworkRunner> runner = profiler.Runner();
  if (runner != nullptr) return runner;
  return absl::InvalidArgumentError(
      absl::StrCat("target ", Quoted(profiler.target()), " does not run networks here"));
}

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

absl::Status ProfilerRegistry::RegisterAddresses(absl::string_view prefix, FileFactory create) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [other, factory] : addresses_) {
    if (other == prefix) {
      return absl::AlreadyExistsError(
          absl::StrCat("addresses ", prefix, " are registered already"));
    }
  }
  addresses_.emplace_back(prefix, std::move(create));
  return absl::OkStatus();
}

void ProfilerRegistry::RegisterDirectory(Directory directory) {
  absl::MutexLock lock(&mutex_);
  directories_.push_back(std::move(directory));
}

absl::StatusOr<std::unique_ptr<CostProfiler>> ProfilerRegistry::Create(
    absl::string_view name) const {
  HT_RETURN_IF_ERROR(CheckParameters(name));
  std::function<absl::StatusOr<std::unique_ptr<CostProfiler>>()> create;
  const size_t mark = name.find('?');
  const absl::string_view plain = name.substr(0, mark);
  for (const Target& target : List()) {
    if (create == nullptr && target.name == name) create = target.create;
    if (create != nullptr || target.name != plain || mark == absl::string_view::npos) continue;
    if (target.create_with == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("target '", target.name, "' has no parameters"));
    }
    create = [target, parameters = std::string(name.substr(mark + 1))] {
      return target.create_with(parameters);
    };
  }
  {
    absl::MutexLock lock(&mutex_);
    const auto use = [&](const FileFactory& factory) {
      create = [factory, path = std::string(name)] { return factory(path); };
    };
    for (const auto& [prefix, factory] : addresses_) {
      if (create == nullptr && absl::StartsWith(name, prefix)) use(factory);
    }
    for (const auto& [suffix, factory] : files_) {
      const bool is_file = absl::EndsWith(name, suffix) || absl::EndsWith(plain, suffix);
      if (create == nullptr && is_file) use(factory);
    }
  }
  // Outside the lock: making a profiler may take long.
  if (create != nullptr) return create();
  std::vector<std::string> names;
  for (const Target& target : List()) names.push_back(target.name);
  return absl::NotFoundError(absl::StrCat("unknown target ", Quoted(name), "; there are ",
                                          absl::StrJoin(names, ", "),
                                          ", and files that describe one (.json, .csv)"));
}

std::vector<ProfilerRegistry::Target> ProfilerRegistry::List() const {
  std::vector<Target> targets;
  std::vector<Directory> directories;
  {
    absl::MutexLock lock(&mutex_);
    targets = targets_;
    directories = directories_;
  }
  // Outside the lock: a directory has one of its own.
  for (const Directory& directory : directories) {
    for (Target& target : directory()) targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace halftone
