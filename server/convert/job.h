#ifndef HALFTONE_SERVER_CONVERT_JOB_H_
#define HALFTONE_SERVER_CONVERT_JOB_H_

#include <string>

#include "absl/status/statusor.h"
#include "halftone/v1/job.pb.h"
#include "search/crosscheck/crosscheck_result.h"
#include "search/result.h"
#include "server/jobs/job_record.h"

namespace halftone {

// C++ values to the API's messages.

// The BASIC view, for which the record is enough. DATA_LOSS when its summary cannot be read.
absl::StatusOr<v1::Job> JobToProto(const JobRecord& job);
// The summary to store beside a spec that is stored, of a search or a crosscheck. DATA_LOSS when
// that cannot be read.
absl::StatusOr<std::string> StoredSummary(const std::string& spec);
// The FULL view, with the job's stored spec. DATA_LOSS when that cannot be read.
absl::StatusOr<v1::Job> JobToProto(const JobRecord& job, const std::string& spec);
v1::JobEvent EventToProto(const JobEvent& event);
v1::Artifact ArtifactToProto(const std::string& job_id, const std::string& file,
                             const StoredArtifact& artifact);

v1::SearchResult SearchResultToProto(const JobRecord& job, const SearchResult& result);
v1::SearchResult CrosscheckToProto(const JobRecord& job, const CrosscheckResult& result);

// INVALID_ARGUMENT for a number that is no state.
absl::StatusOr<JobState> JobStateFromProto(int state);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_JOB_H_
