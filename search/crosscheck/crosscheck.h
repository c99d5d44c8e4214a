#ifndef HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_H_
#define HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_H_

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "search/crosscheck/crosscheck_result.h"
#include "search/crosscheck/crosscheck_spec.h"
#include "search/pipeline.h"

namespace halftone {

// Runs a crosscheck: import, calibrate, validate (random assignments, really quantized and
// evaluated), sensitivity (every estimator's predictions of them), export. The outputs of stages,
// and within stages of every estimator and of the evaluated assignments, are stored under a hash of
// all that they depend on: a restarted job repeats nothing that was finished. FAILED_PRECONDITION
// when no assignment lies in the range; an estimator that does not apply to the network only lacks
// scores, unless none applies. Thread-safe.
// `runner`: of the spec's target, or null.
absl::StatusOr<CrosscheckResult> RunCrosscheck(const CrosscheckSpec& spec, ArtifactStore& store,
                                               NetworkRunner* runner,
                                               const PipelineObserver& observer,
                                               const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_H_
