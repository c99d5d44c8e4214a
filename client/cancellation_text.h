#ifndef HALFTONE_CLIENT_CANCELLATION_TEXT_H_
#define HALFTONE_CLIENT_CANCELLATION_TEXT_H_

#include <string>

#include "halftone/v1/job.pb.h"

namespace halftone {

// What `cancel` did: the job as it was before, and as CancelJob answered.
std::string CancellationText(const v1::Job& before, const v1::Job& after);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_CANCELLATION_TEXT_H_
