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
// Whether the job has succeeded, failed, or was cancelled.
bool HasEnded(const v1::Job& job);

// How far a job is, of the whole.
std::string DoneText(const v1::Job& job);

// What people call target files, by the names that the service gives them (`targets/{sha256}`).
using TargetNames = std::map<std::string, std::string>;
// The name of the uploaded file that the job's target is, or ""; parameters are left out.
std::string TargetFileOf(const v1::Job& job);

nlohmann::json JobToJson(const v1::Job& job);
std::string JobText(const v1::Job& job, const TargetNames& names = {});
// A line for each, in their order.
std::string JobsText(const std::vector<v1::Job>& jobs, const TargetNames& names = {});

}  // namespace halftone

#endif  // HALFTONE_CLIENT_JOB_TEXT_H_
