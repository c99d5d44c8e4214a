#ifndef HALFTONE_CLIENT_JOB_TEXT_H_
#define HALFTONE_CLIENT_JOB_TEXT_H_

#include <map>
#include <string>
#include <vector>

#include "halftone/v1/job.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// "RUNNING", "sensitivity", "OPTIMAL": the enums' names as people write them; "" for unspecified.
std::string StateText(v1::JobState state);
std::string StageText(v1::Stage stage);
std::string StatusText(v1::SolutionStatus status);
// "search" or "crosscheck".
std::string KindText(const v1::Job& job);

nlohmann::json JobToJson(const v1::Job& job);
std::string JobText(const v1::Job& job);
// A line for each, in their order.
std::string JobsText(const std::vector<v1::Job>& jobs);

// The result's JSON document with the job's name, the Solution's fields at the top, and where the
// artifacts are: file name -> path (or resource name where not downloaded).
nlohmann::json ResultToJson(const v1::SearchResult& result,
                            const std::map<std::string, std::string>& artifacts);
// The same as tables.
std::string ResultText(const v1::SearchResult& result,
                       const std::map<std::string, std::string>& artifacts);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_JOB_TEXT_H_
