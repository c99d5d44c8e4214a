#ifndef HALFTONE_PROFILERS_ONEDNN_CPU_TABLE_H_
#define HALFTONE_PROFILERS_ONEDNN_CPU_TABLE_H_

#include <map>
#include <string>

#include "nn/engine/onednn/inference_plan.h"
#include "profilers/cost_profiler.h"
#include "profilers/cost_table.h"
#include "profilers/onednn/plan_survey.h"
#include "profilers/onednn/step_measurement.h"

namespace halftone {

// A uniform plan's whole time is remembered under its steps.
std::string WholeKey(const SurveyedPlan& plan);

// The cost table of a measured network. `times` has every key of the survey, and the whole time of
// every uniform plan under its WholeKey. `warning` goes to every row that has none of its own.
CostTable MakeCpuTable(const ProfileRequest& request, const CpuDevice& device,
                       const PlanSurvey& survey, const std::map<std::string, MeasuredTime>& times,
                       const std::string& warning);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_CPU_TABLE_H_
