#ifndef HALFTONE_PROFILERS_DESIGN_SPACE_H_
#define HALFTONE_PROFILERS_DESIGN_SPACE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "profilers/cost_profiler.h"

namespace halftone {

// A family of targets with parameters, written as one of them with ranges in place of values:
//
//   bitfusion?rows=8..64&columns=8..64:8&dataflow=weight-stationary,output-stationary&area<=2
//
// `8..64` are the powers of two from 8 to 64, `8..64:8` steps of 8, and commas make a list.
// `FIGURE<=LIMIT` and `FIGURE>=LIMIT` keep the configurations whose hardware figure
// (CostProfiler::HardwareFigures; its unit may be left out of the name) is within the limit. A
// plain value.
struct DesignSpace {
  struct Axis {
    std::string parameter;
    std::vector<std::string> values;
  };
  struct Constraint {
    std::string figure;
    bool at_most = true;
    double limit = 0;
  };
  std::string base;  // the target with its plain parameters alone: "bitfusion?clock_mhz=700"
  std::vector<Axis> axes;
  std::vector<Constraint> constraints;

  static constexpr size_t kMaxEnumerated = 4096;     // before the constraints
  static constexpr size_t kMaxConfigurations = 256;  // that keep them

  // Whether a target's text has a range, a list or a constraint.
  static bool Describes(absl::string_view target);
  // INVALID_ARGUMENT names the part that is malformed, a range without values, a parameter that is
  // there twice, and more than kMaxEnumerated configurations.
  static absl::StatusOr<DesignSpace> Parse(absl::string_view target);
};

// A configuration of a space.
struct DesignPoint {
  std::string target;                             // "bitfusion?clock_mhz=700&rows=8&columns=16"
  std::map<std::string, std::string> parameters;  // of the axes
  std::map<std::string, double> figures;
  std::unique_ptr<CostProfiler> profiler;
};

using ProfilerFactory =
    std::function<absl::StatusOr<std::unique_ptr<CostProfiler>>(const std::string& target)>;

// The configurations that keep the constraints, the last axis changing fastest. INVALID_ARGUMENT
// names a configuration that `create` refuses, a figure that it does not have, and a space with no
// or more than kMaxConfigurations configurations.
absl::StatusOr<std::vector<DesignPoint>> EnumerateDesigns(const DesignSpace& space,
                                                          const ProfilerFactory& create);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_DESIGN_SPACE_H_
