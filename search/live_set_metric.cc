#include "search/live_set_metric.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace halftone {
namespace {

constexpr absl::string_view kPrefix = "activation_bytes/";

}  // namespace

std::string LiveSetMetric::Key() const { return absl::StrCat(kPrefix, node); }

std::optional<LiveSetMetric> LiveSetMetric::FromKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kPrefix)) return std::nullopt;
  return LiveSetMetric{std::string(key)};
}

}  // namespace halftone
