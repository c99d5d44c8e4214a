#include "server/services/held_requests.h"

#include "absl/strings/str_cat.h"

namespace halftone {

absl::StatusOr<HeldRequests::Hold> HeldRequests::Take(const std::string& client, size_t bytes) {
  if (bytes <= kSmall) return Hold();
  absl::MutexLock lock(&mutex_);
  const auto own = of_clients_.find(client);
  const size_t of_client = own == of_clients_.end() ? 0 : own->second;
  if (bytes > most_ - held_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("requests of ", held_ >> 20, " MiB are waiting already: try again later"));
  }
  if (bytes > most_ / 2 - of_client) {
    return absl::ResourceExhaustedError(
        absl::StrCat("requests of ", of_client >> 20,
                     " MiB of this client are waiting already: try again later"));
  }
  held_ += bytes;
  of_clients_[client] += bytes;
  return Hold(nullptr, [this, client, bytes](void*) { Free(client, bytes); });
}

void HeldRequests::Free(const std::string& client, size_t bytes) {
  absl::MutexLock lock(&mutex_);
  held_ -= bytes;
  const auto own = of_clients_.find(client);
  own->second -= bytes;
  if (own->second == 0) of_clients_.erase(own);
}

}  // namespace halftone
