#include "client/cancellation_text.h"

#include "absl/strings/str_cat.h"
#include "client/job_text.h"

namespace halftone {

std::string CancellationText(const v1::Job& before, const v1::Job& after) {
  // It may also have ended between the two.
  if (HasEnded(before) || (HasEnded(after) && after.state() != v1::JOB_STATE_CANCELLED)) {
    return absl::StrCat("nothing was cancelled: ", after.name(), " had ended before\n",
                        JobText(after));
  }
  return JobText(after);
}

}  // namespace halftone
