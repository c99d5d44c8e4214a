#include "server/jobs/patient_store.h"

#include <algorithm>
#include <utility>

namespace halftone {
namespace {

constexpr absl::Duration kFirstWait = absl::Milliseconds(50);
constexpr absl::Duration kLongestWait = absl::Milliseconds(500);

const absl::Status& StatusOf(const absl::Status& status) { return status; }
const absl::Status& StatusOf(const absl::StatusOr<std::string>& value) { return value.status(); }

}  // namespace

bool MayPass(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

PatientStore::PatientStore(ArtifactStore* store, Cancellation cancellation,
                           WaitingObserver observer, Wait wait)
    : store_(store),
      cancellation_(std::move(cancellation)),
      observer_(std::move(observer)),
      wait_(std::move(wait)) {}

template <typename Call>
auto PatientStore::Try(const Call& call) const {
  const SteadyTime end = cancellation_.clock().Now() + kPatience;
  const auto is_final = [&](const absl::Status& status) {
    return !MayPass(status) || cancellation_.clock().Now() >= end || !cancellation_.Check().ok();
  };
  auto result = call();
  if (is_final(StatusOf(result))) return result;
  return Awaited(observer_, [&] {
    absl::Duration wait = kFirstWait;
    do {
      wait_(wait);
      wait = std::min(2 * wait, kLongestWait);
      result = call();
    } while (!is_final(StatusOf(result)));
    return std::move(result);
  });
}

absl::StatusOr<std::string> PatientStore::LoadBlob(const std::string& sha256) {
  return Try([&] { return store_->LoadBlob(sha256); });
}

absl::StatusOr<std::string> PatientStore::StoreBlob(absl::string_view bytes) {
  return Try([&] { return store_->StoreBlob(bytes); });
}

absl::StatusOr<std::string> PatientStore::LoadStage(Stage stage, const std::string& key) {
  return Try([&] { return store_->LoadStage(stage, key); });
}

absl::Status PatientStore::StoreStage(Stage stage, const std::string& key,
                                      absl::string_view bytes) {
  return Try([&] { return store_->StoreStage(stage, key, bytes); });
}

}  // namespace halftone
