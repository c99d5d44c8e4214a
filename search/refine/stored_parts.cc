#include "search/refine/stored_parts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

using nlohmann::json;

// Computed between two writes to the store.
constexpr absl::Duration kWorthStoring = absl::Seconds(1);

}  // namespace

StoredParts::StoredParts(ArtifactStore& store, Stage stage, std::string key)
    : store_(store), stage_(stage), key_(std::move(key)) {}

std::string StoredParts::PartKey() const { return absl::StrCat(key_, "/", parts_); }

absl::StatusOr<std::optional<json>> StoredParts::Take() {
  if (next_ == loaded_.size()) HT_RETURN_IF_ERROR(LoadPart());
  if (next_ == loaded_.size()) return std::nullopt;
  return std::move(loaded_[next_++]);
}

absl::Status StoredParts::LoadPart() {
  const absl::StatusOr<std::string> bytes = store_.LoadStage(stage_, PartKey());
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  HT_RETURN_IF_ERROR(bytes.status());
  json part = json::parse(*bytes, nullptr, /*allow_exceptions=*/false);
  if (!part.is_array()) {
    return absl::InternalError(absl::StrCat("the stored part '", PartKey(), "' is damaged"));
  }
  loaded_.assign(part.begin(), part.end());
  next_ = 0;
  ++parts_;
  return absl::OkStatus();
}

absl::Status StoredParts::Add(json document) {
  if (pending_.empty()) since_ = SteadyClock::Real().Now();
  pending_.push_back(std::move(document));
  return SteadyClock::Real().Now() - since_ < kWorthStoring ? absl::OkStatus() : Flush();
}

absl::Status StoredParts::Flush() {
  if (pending_.empty()) return absl::OkStatus();
  HT_RETURN_IF_ERROR(store_.StoreStage(stage_, PartKey(), json(pending_).dump()));
  ++parts_;
  pending_.clear();
  return absl::OkStatus();
}

}  // namespace halftone
