#ifndef HALFTONE_CLIENT_ROOFLINE_PLOT_H_
#define HALFTONE_CLIENT_ROOFLINE_PLOT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace halftone {

// What a plot's path must end in, and that the target is none that is known to tell no peaks,
// before it is measured for nothing. INVALID_ARGUMENT says which of the two. An empty path asks for
// none.
absl::Status CheckRoofline(const std::string& path, const std::string& target);

// The document of `halftone profile` as a roofline plot (Williams et al., CACM 2009): operations
// per byte against operations per second, both logarithmic, a roof per precision and a point per
// layer and precision. INVALID_ARGUMENT where the target does not tell its roofs, as one that is
// measured.
absl::StatusOr<std::string> RooflineSvg(const nlohmann::json& profile);
// The same on a page, with a table of its points.
absl::StatusOr<std::string> RooflinePage(const nlohmann::json& profile);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_ROOFLINE_PLOT_H_
