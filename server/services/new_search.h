#ifndef HALFTONE_SERVER_SERVICES_NEW_SEARCH_H_
#define HALFTONE_SERVER_SERVICES_NEW_SEARCH_H_

#include <string>

#include "absl/status/status.h"
#include "search/search_spec.h"
#include "server/services/service_context.h"

namespace halftone {

// Whether the uploads that a job would need are there; `evaluation` may be "". NOT_FOUND with the
// field of the spec. Thread-safe, as all here.
absl::Status CheckUploads(const ServiceContext& context, const std::string& model,
                          const std::string& calibration, const std::string& evaluation);

// Whether `target` ("": none is asked for) runs networks here. NOT_FOUND for one that is not there,
// INVALID_ARGUMENT for one that does not, with the field.
absl::Status CheckRunsNetworks(const ServiceContext& context, const std::string& target);

// Whether a search that is asked for now can be queued: what is known to fail is refused here with
// the field of the spec, not by the job after its work. NOT_FOUND for an upload or a target that is
// not there, INVALID_ARGUMENT for the rest: precisions that the target does not run, metrics that
// it has no costs in, objectives of a strategy that has none, pins and rules that name no layer or
// cannot be kept. Layers are looked at where they are known from an earlier job, or soon found out;
// else the job does so when it has imported the model.
absl::Status CheckNewSearch(const ServiceContext& context, const SearchSpec& spec);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_NEW_SEARCH_H_
