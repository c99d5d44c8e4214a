#ifndef HALFTONE_PROFILERS_REMOTE_MEMORY_COST_CACHE_H_
#define HALFTONE_PROFILERS_REMOTE_MEMORY_COST_CACHE_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "profilers/cost_profiler.h"

namespace halftone {

// Costs that are kept as long as the process lives; emptied when there are too many. Thread-safe.
class MemoryCostCache final : public CostCache {
 public:
  absl::StatusOr<std::string> Load(const std::string& key) override {
    absl::MutexLock lock(&mutex_);
    const auto found = values_.find(key);
    if (found == values_.end()) return absl::NotFoundError(absl::StrCat("no cost of ", key));
    return found->second;
  }

  absl::Status Store(const std::string& key, absl::string_view value) override {
    absl::MutexLock lock(&mutex_);
    if (values_.size() >= kMaxValues) values_.clear();
    values_[key] = std::string(value);
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kMaxValues = 1'000'000;

  absl::Mutex mutex_;
  std::map<std::string, std::string> values_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_MEMORY_COST_CACHE_H_
