#ifndef HALFTONE_TESTS_SERVER_JOBS_SCRIPTED_STORE_H_
#define HALFTONE_TESTS_SERVER_JOBS_SCRIPTED_STORE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/artifact_store.h"

namespace halftone {

// Answers each call with the next of its statuses, and with OK after them. For one thread.
class ScriptedStore final : public ArtifactStore {
 public:
  explicit ScriptedStore(std::vector<absl::Status> script) : script_(std::move(script)) {}

  absl::StatusOr<std::string> LoadBlob(const std::string&) override { return Value(); }
  absl::StatusOr<std::string> StoreBlob(absl::string_view) override { return Value(); }
  absl::StatusOr<std::string> LoadStage(Stage, const std::string&) override { return Value(); }
  absl::Status StoreStage(Stage, const std::string&, absl::string_view) override { return Next(); }
  size_t calls() const { return calls_; }

 private:
  absl::Status Next() {
    const size_t call = calls_++;
    return call < script_.size() ? script_[call] : absl::OkStatus();
  }
  absl::StatusOr<std::string> Value() {
    const absl::Status status = Next();
    if (!status.ok()) return status;
    return "value";
  }

  const std::vector<absl::Status> script_;
  size_t calls_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_SERVER_JOBS_SCRIPTED_STORE_H_
