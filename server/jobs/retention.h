#ifndef HALFTONE_SERVER_JOBS_RETENTION_H_
#define HALFTONE_SERVER_JOBS_RETENTION_H_

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace halftone {

// How much of a kind is kept: what is out of use for less than `age`, and of that no more than
// `bytes`, the latest first. A plain value.
struct Keep {
  absl::Duration age = absl::InfiniteDuration();
  int64_t bytes = std::numeric_limits<int64_t>::max();
};

// "30d", "12h", "50GiB", "30d,50GiB", or "forever". INVALID_ARGUMENT names what is none of them.
absl::StatusOr<Keep> ParseKeep(absl::string_view text);
// As ParseKeep reads it.
std::string KeepText(const Keep& keep);

// What a state directory keeps. A plain value.
struct Retention {
  static constexpr int64_t kGib = int64_t{1} << 30;

  Keep jobs = {absl::Hours(90 * 24), 50 * kGib};      // that have ended: results and artifacts
  Keep uploads = {absl::Hours(30 * 24), 100 * kGib};  // that no job names
  Keep stages = {absl::Hours(30 * 24), 50 * kGib};    // outputs that no kept job needs
  Keep costs = {absl::Hours(365 * 24), kGib};         // measured by kernel
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_RETENTION_H_
