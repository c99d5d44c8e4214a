#ifndef HALFTONE_SERVER_SERVICES_JOB_REFERENCES_H_
#define HALFTONE_SERVER_SERVICES_JOB_REFERENCES_H_

#include <string>

#include "search/artifact_store.h"
#include "search/crosscheck/crosscheck_spec.h"
#include "search/search_spec.h"
#include "server/jobs/catalog.h"
#include "server/jobs/collector.h"

namespace halftone {

// What a job refers to: all that looks like an upload's name in its stored spec, in whatever
// version that was written, what was told to its exploration, and, once it has succeeded, the
// tables that ReSolve needs of a job whose result does not name them.
JobReferences ReferencesOf(ArtifactStore& store, const JobRecord& job, const std::string& stored);

// The uploads that a job computes with.
Sources SourcesOf(const SearchSpec& spec);
Sources SourcesOf(const CrosscheckSpec& spec);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_JOB_REFERENCES_H_
