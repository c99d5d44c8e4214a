#ifndef HALFTONE_SERVER_CONVERT_SOLUTION_H_
#define HALFTONE_SERVER_CONVERT_SOLUTION_H_

#include "halftone/v1/types.pb.h"
#include "search/solver/solution.h"

namespace halftone {

// The solver's answers to the API's messages.
v1::SolutionStatus SolutionStatusToProto(Solution::Status status);
v1::FrontierPoint FrontierPointToProto(const FrontierPoint& point);
v1::Solution SolutionToProto(const Solution& solution);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_SOLUTION_H_
