#ifndef HALFTONE_SERVER_SERVICES_UPLOADED_TARGETS_H_
#define HALFTONE_SERVER_SERVICES_UPLOADED_TARGETS_H_

#include "absl/status/status.h"
#include "profilers/cost_profiler.h"
#include "server/jobs/catalog.h"

namespace halftone {

// Makes uploaded files targets by their names, `targets/{sha256}`, also with parameters behind it:
// `targets/{sha256}?rows=16`. Borrows the catalog, which must outlive the registry.
absl::Status RegisterUploadedTargets(ProfilerRegistry& registry, Catalog* catalog);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_UPLOADED_TARGETS_H_
