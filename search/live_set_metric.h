#ifndef HALFTONE_SEARCH_LIVE_SET_METRIC_H_
#define HALFTONE_SEARCH_LIVE_SET_METRIC_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace halftone {

// The metric of a problem that counts the bytes of one live set (activation_memory.h), which are
// alive while `node` runs. A limit on the peak is one of the same value on each that binds. Among a
// problem's metrics it is known by this type alone. A plain value.
struct LiveSetMetric {
  std::string node;

  // Its key in costs and budgets.
  std::string Key() const;
  // Of a key that another metric has: nothing.
  static std::optional<LiveSetMetric> FromKey(absl::string_view key);
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_LIVE_SET_METRIC_H_
