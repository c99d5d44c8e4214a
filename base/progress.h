#ifndef HALFTONE_BASE_PROGRESS_H_
#define HALFTONE_BASE_PROGRESS_H_

#include <functional>

#include "absl/strings/string_view.h"
#include "base/cancellation.h"
#include "base/status_macros.h"

namespace halftone {

// What a long computation is handed: where to say how far it is, and how to learn that it should
// stop. Cheap to copy. `report` is called on the computing thread with a fraction from 0 to 1
// that does not fall, and a few words on what is being done ("layer 3 of 14").
struct Progress {
  std::function<void(double fraction, absl::string_view detail)> report;
  Cancellation cancellation;

  // Says how far the computation is; CANCELLED or DEADLINE_EXCEEDED when it should stop.
  absl::Status Step(double fraction, absl::string_view detail = "") const {
    if (report) report(fraction, detail);
    return cancellation.Check();
  }

  // The part from `begin` to `end` of this progress, as a progress of its own.
  Progress Part(double begin, double end) const {
    Progress part;
    part.cancellation = cancellation;
    if (report) {
      part.report = [outer = report, begin, end](double fraction, absl::string_view detail) {
        outer(begin + (end - begin) * fraction, detail);
      };
    }
    return part;
  }
};

}  // namespace halftone

#endif  // HALFTONE_BASE_PROGRESS_H_
